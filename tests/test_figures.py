from __future__ import annotations

import pytest

from mmlubench import figures


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (8.44, "8.4 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (723.4, "12 min 3 s"),
     (3_599.6, "1 h 0 min"), (7_530, "2 h 5 min")],
)  # fmt: skip
def test_a_time_reads_as_people_say_it(seconds: float, said: str) -> None:
    assert figures.duration(seconds) == said


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (0, "$0.00"),
        (0.00001, "under $0.0001"),
        (0.0123, "$0.0123"),
        (0.99999, "$1.0000"),
        (1234.5, "$1,234.50"),
    ],
)
def test_a_price_is_never_rounded_to_nothing(price: float, said: str) -> None:
    assert figures.dollars(price) == said


def test_counts_shares_and_intervals() -> None:
    assert (figures.several(1, "case"), figures.several(14_042, "case")) == ("1 case", "14,042 cases")
    assert (figures.several(1, "reply", "replies"), figures.several(0, "reply", "replies")) == (
        "1 reply",
        "0 replies",
    )
    assert (figures.share(2 / 3), figures.share(None)) == ("0.667", figures.DASH)
    assert figures.interval([0.6447, 0.66149]) == f"0.645{figures.DASH}0.661"
