"""The estimate before a run: it may be wrong about a model, but not about arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.stats.estimate import Estimate, estimate, latency_of


def price(put_in: int, cached: int, put_out: int) -> float:
    assert cached == 0  # nobody knows before what will come out of a cache
    return (put_in * 3.0 + put_out * 15.0) / 1e6


def of(prompts: list[str], **changes: object) -> Estimate:
    usual = {"reply_tokens": 150, "max_tokens": 1024, "concurrency": 64, "cost": price}
    return estimate(prompts, **{**usual, **changes})  # type: ignore[arg-type]


def test_a_full_run_of_mmlu_is_added_up() -> None:
    found = of(["x" * 400] * 14042)
    assert (found.requests, found.input_tokens) == (14042, 1_404_200)
    assert (found.output_tokens, found.output_at_most) == (2_106_300, 14_379_008)
    assert found.cost_usd == pytest.approx(4.2126 + 31.5945)
    assert found.cost_at_most == pytest.approx(4.2126 + 215.68512)
    assert found.seconds == pytest.approx(220 * latency_of(150))


def test_a_tokenizer_is_used_where_one_is_at_hand() -> None:
    assert of(["one two three"], count=lambda text: len(text.split())).input_tokens == 3


def test_a_reply_is_not_taken_to_be_longer_than_allowed() -> None:
    found = of(["x"], reply_tokens=350, max_tokens=16)
    assert (found.output_tokens, found.output_at_most, found.reply_tokens) == (16, 16, 16)
    assert found.cost_usd == found.cost_at_most


def test_without_a_token_limit_nothing_bounds_the_price() -> None:
    found = of(["x"], max_tokens=None)
    assert (found.output_at_most, found.cost_at_most) == (None, None)
    assert found.cost_usd is not None


def test_without_a_price_there_is_no_cost_and_not_zero() -> None:
    found = of(["x"], cost=None)
    assert (found.cost_usd, found.cost_at_most) == (None, None)


@pytest.mark.parametrize(
    ("requests", "concurrency", "rounds"), [(1, 64, 1), (64, 64, 1), (65, 64, 2), (10, 1, 10)]
)
def test_time_is_rounds_of_replies(requests: int, concurrency: int, rounds: int) -> None:
    assert of(["x"] * requests, concurrency=concurrency, latency_s=2.0).seconds == 2.0 * rounds


def test_an_instant_server_is_held_back_by_the_harness_itself() -> None:
    # "0.0 s" for 14,042 cases would be wrong.
    assert 5 < of(["x"] * 14042, latency_s=0.0).seconds < 60


def test_the_accounts_limits_decide_where_they_are_slower() -> None:
    by_requests = of(["x"] * 1000, rpm=50)
    assert (by_requests.seconds, by_requests.rate_limited) == (1200.0, True)
    by_tokens = of(["x" * 40] * 1000, tpm=16_000)
    assert (by_tokens.seconds, by_tokens.rate_limited) == (600.0, True)
    wide = of(["x"] * 1000, rpm=10**6, tpm=10**9)
    assert not wide.rate_limited


def test_nothing_selected_takes_nothing() -> None:
    found = of([])
    assert (found.requests, found.cost_usd, found.seconds) == (0, 0.0, 0.0)


@given(st.lists(st.text(max_size=50), max_size=30), st.integers(1, 5000), st.none() | st.integers(1, 5000))
def test_what_is_expected_never_exceeds_what_is_possible(
    prompts: list[str], reply: int, most: int | None
) -> None:
    found = of(prompts, reply_tokens=reply, max_tokens=most)
    if found.output_at_most is not None and found.cost_at_most is not None and found.cost_usd is not None:
        assert found.output_tokens <= found.output_at_most
        assert found.cost_usd <= found.cost_at_most
    assert len("".join(prompts)) / 4 <= found.input_tokens
