"""What blind guessing scores. A harness that reads every reply wrong scores the same, and must say so."""

from __future__ import annotations

import random
from math import sqrt
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.stats import Guessing, guessing

mixtures = st.dictionaries(st.integers(2, 10), st.integers(1, 5_000), min_size=1, max_size=5)


def expected(choices: dict[int, int]) -> Guessing:
    guess = guessing(choices)
    assert guess is not None
    return guess


@pytest.mark.parametrize(
    ("choices", "share", "standard_error"),
    [
        ({4: 100}, 0.25, sqrt(0.25 * 0.75 / 100)),
        ({4: 14_042}, 0.25, 0.003654),
        ({10: 90}, 0.1, sqrt(0.09 / 90)),
        # 3 questions with two choices and 1 with four: (1.5 + 0.25) / 4, variances 3 x 0.25 + 0.1875.
        ({2: 3, 4: 1}, 0.4375, sqrt(0.9375) / 4),
        ({1: 5}, 1.0, 0.0),
        ({0: 5}, 0.0, 0.0),  # no choices: nothing to guess from
    ],
)
def test_guessing_agrees_with_hand_worked_values(
    choices: dict[int, int], share: float, standard_error: float
) -> None:
    assert expected(choices) == pytest.approx((share, standard_error), abs=1e-6)


def test_nothing_is_expected_of_no_questions() -> None:
    assert guessing({}) is None
    assert guessing({4: 0}) is None


def test_guessing_scores_what_guessers_score() -> None:
    chance = random.Random(7)
    choices = [2] * 20 + [4] * 60 + [10] * 20
    scores = [fmean(chance.randrange(k) == 0 for k in choices) for _ in range(3_000)]
    guess = expected({2: 20, 4: 60, 10: 20})
    assert fmean(scores) == pytest.approx(guess.share, abs=0.004)
    assert pstdev(scores) == pytest.approx(guess.standard_error, rel=0.05)


@pytest.mark.parametrize(
    ("right", "n", "where"),
    [
        # 0.250, standard error 0.0433: from 0.120 to 0.380 is within reach.
        (39, 100, None),
        (38, 100, None),
        (37, 100, "within 3 standard errors of"),
        (25, 100, "within 3 standard errors of"),
        (13, 100, "within 3 standard errors of"),
        (12, 100, "more than 3 standard errors below"),
        (0, 100, "more than 3 standard errors below"),
        # 0.250, standard error 0.00365: up to 3,664 of 14,042.
        (3_664, 14_042, "within 3 standard errors of"),
        (3_665, 14_042, None),
        # Nothing, of a few: its own standard error would be 0, that of guessing is not.
        (0, 4, "within 3 standard errors of"),
        (4, 4, None),
    ],
)
def test_an_accuracy_no_better_than_guessing_is_doubted(right: int, n: int, where: str | None) -> None:
    said = expected({4: n}).warning(right / n)
    assert (said is None) == (where is None)
    assert where is None or f"accuracy {right / n:.3f} lies {where} what guessing scores (0.250," in str(said)


def test_the_sentence_says_what_to_do() -> None:
    assert expected({4: 100}).warning(0.26) == (
        "accuracy 0.260 lies within 3 standard errors of what guessing scores (0.250, standard error 0.043): "
        "see in responses.jsonl whether the questions are answered and the letters read as they were meant"
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_with_three_questions_even_a_perfect_score_would_be_doubted_so_none_is(n: int) -> None:
    assert expected({4: n}).warning(1.0) is None
    assert expected({4: n}).warning(0.0) is None


@given(mixtures)
def test_what_guessing_scores_is_always_doubted_unless_there_is_too_little(choices: dict[int, int]) -> None:
    guess = expected(choices)
    assert 1 / max(choices) - 1e-12 <= guess.share <= 1 / min(choices) + 1e-12
    enough = guess.share + 3 * guess.standard_error < 1 - 1e-6
    assert not enough or guess.warning(guess.share) is not None
    assert guess.warning(1.0) is None


@given(mixtures, st.floats(0, 1), st.floats(0, 1))
def test_a_better_accuracy_is_never_doubted_where_a_worse_one_is_not(
    choices: dict[int, int], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    guess = expected(choices)
    assert guess.warning(low) is not None or guess.warning(high) is None
