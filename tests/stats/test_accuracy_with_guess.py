"""Accuracy with a guess for replies without a letter; were it wrong, no published figure could be reproduced."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import ALPHABET, Entry, Outcome, Usage
from mmlubench.stats.accuracy_with_guess import accuracy_with_guess


def result(
    outcome: Outcome = Outcome.UNPARSED, *, choices: int = 10, answer: str = "A", category: str = "math"
) -> Entry:
    prediction = answer if outcome is Outcome.CORRECT else None
    return Entry(
        "x/y/0", "x", "y", category, "m", outcome, answer, prediction, "rule", 0.0, Usage(), choices=choices
    )


def test_nothing_answered_has_no_accuracy() -> None:
    assert accuracy_with_guess([]) is None
    assert accuracy_with_guess([result(Outcome.ERROR), result(Outcome.SKIPPED)]) is None


def test_without_unread_replies_it_is_the_accuracy() -> None:
    results = [result(Outcome.CORRECT), result(Outcome.WRONG), result(Outcome.ERROR)]
    assert accuracy_with_guess(results) == {"expected": 0.5, "seeded": 0.5}


def test_the_expected_guess_adds_a_share_for_each_unread_reply() -> None:
    kinds = (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED)
    results = [result(Outcome.CORRECT), *(result(kind, choices=4) for kind in kinds)]
    guessed = accuracy_with_guess(results)
    assert guessed is not None
    assert guessed["expected"] == pytest.approx((1 + 3 / 4) / 4)


def test_a_question_without_choices_cannot_be_guessed() -> None:
    assert accuracy_with_guess([result(choices=0)]) == {"expected": 0.0, "seeded": 0.0}


def official(results: list[Entry]) -> float:
    """The loop of the official script for local models, as a person would run it."""
    random.seed(12345)
    right = 0
    for category in sorted({one.category for one in results}):
        for attempt in range(2):  # it goes through the answers twice and keeps the second count
            corr = 0
            for one in (one for one in results if one.category == category):
                if one.outcome is Outcome.CORRECT:
                    corr += 1
                elif one.outcome is not Outcome.WRONG:
                    corr += random.randint(0, one.choices - 1) == ALPHABET.index(one.answer)
            if attempt:
                right += corr
    return right / len(results)


unread = st.builds(
    result,
    st.sampled_from([Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.CORRECT, Outcome.WRONG]),
    choices=st.integers(3, 10),
    answer=st.sampled_from("ABC"),
    category=st.sampled_from(["law", "math", "computer science"]),
)


@given(st.lists(unread, min_size=1, max_size=40))
def test_the_seeded_guess_is_that_of_the_official_script(results: list[Entry]) -> None:
    guessed = accuracy_with_guess(results)
    assert guessed is not None
    assert guessed["seeded"] == official(results)


def test_the_seeded_guess_is_the_same_everywhere() -> None:
    # a change here makes every figure published before incomparable
    results = [
        result(answer=letter, category=name) for name in ("law", "math") for letter in ALPHABET[:10] * 30
    ]
    guessed = accuracy_with_guess(results)
    assert guessed is not None
    assert guessed["seeded"] * len(results) == pytest.approx(56)
