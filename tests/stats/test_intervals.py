from __future__ import annotations

from math import comb, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.stats import standard_error, wilson
from mmlubench.stats.intervals import finite_population


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 200_000))
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),  # the same
        (0, 20, 0.0, 0.1611),  # the same
        (1, 29, 0.0061, 0.1718),  # the same
        (9_169, 14_042, 0.6450, 0.6608),
        (0, 1, 0.0, 0.7935),
    ],
)
def test_wilson_agrees_with_published_and_hand_worked_values(
    correct: int, n: int, low: float, high: float
) -> None:
    assert wilson(correct, n) == pytest.approx((low, high), abs=6e-5)


def test_nothing_is_known_without_cases() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert standard_error(0, 0) is None
    assert standard_error(1, 1) is None


@given(counts())
def test_the_interval_holds_the_share_and_stays_within_0_and_1(count: tuple[int, int]) -> None:
    correct, n = count
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    assert low < high


@given(counts())
def test_right_and_wrong_mirror_each_other(count: tuple[int, int]) -> None:
    correct, n = count
    low, high = wilson(correct, n)
    assert wilson(n - correct, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(counts())
def test_more_cases_and_less_confidence_narrow_the_interval(count: tuple[int, int]) -> None:
    def width(ends: tuple[float, float]) -> float:
        return ends[1] - ends[0]

    correct, n = count
    assert width(wilson(10 * correct, 10 * n)) < width(wilson(correct, n))
    assert width(wilson(correct, n, 0.8)) < width(wilson(correct, n)) < width(wilson(correct, n, 0.99))


def test_the_standard_error_is_that_of_the_sample() -> None:
    # 8 of 10: deviations from 0.8 are 8 times 0.2 and twice 0.8; their squares sum to 1.6, over 9, over 10.
    assert standard_error(8, 10) == pytest.approx(sqrt(1.6 / 9 / 10))
    assert standard_error(12_357, 14_042) == pytest.approx(0.0027, abs=5e-5)
    assert standard_error(0, 10) == standard_error(10, 10) == 0


@pytest.mark.parametrize(("correct", "n"), [(-1, 3), (4, 3), (1, 0)])
def test_counts_that_cannot_be_are_refused(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and n"):
        wilson(correct, n)
    with pytest.raises(ValueError, match="must lie between 0 and n"):
        standard_error(correct, n)


# -- a sample of a finite benchmark


def test_the_correction_agrees_with_hand_worked_values() -> None:
    assert finite_population(2_000, 14_042) == pytest.approx(0.926**2, abs=1e-3)
    assert finite_population(7_000, 14_042) == pytest.approx(0.708**2, abs=1e-3)
    assert (finite_population(1, 14_042), finite_population(14_042, 14_042)) == (1.0, 0.0)
    assert (finite_population(1, 1), finite_population(0, 1)) == (0.0, 1.0)
    with pytest.raises(ValueError, match="a sample of 3 from 2"):
        finite_population(3, 2)


def test_the_interval_of_all_questions_is_that_share() -> None:
    assert wilson(9_169, 14_042, left=0.0) == pytest.approx((9_169 / 14_042,) * 2)
    assert wilson(5, 10, left=1.0) == wilson(5, 10)


def test_the_correction_is_as_good_as_more_independent_answers() -> None:
    # 500 of 1,000: as sure as 999 answers with replacement would be, the effective sample size n(N - 1)/(N - n).
    assert wilson(300, 500, left=finite_population(500, 1_000)) == pytest.approx(wilson(599.4, 999), abs=1e-9)


def test_it_holds_the_share_of_the_whole_as_often_as_it_says() -> None:
    # 400 of 1,000 questions, 612 of which would be right: as many draws as there are in the hypergeometric law.
    population, right, n = 1_000, 612, 400
    left, ways = finite_population(n, population), comb(population, n)
    covered = too_wide = 0
    for correct in range(n + 1):
        weight = comb(right, correct) * comb(population - right, n - correct)
        low, high = wilson(correct, n, left=left)
        covered += weight if low <= right / population <= high else 0
        low, high = wilson(correct, n)
        too_wide += weight if low <= right / population <= high else 0
    assert covered / ways == pytest.approx(0.95, abs=0.006)
    assert too_wide / ways > 0.985
