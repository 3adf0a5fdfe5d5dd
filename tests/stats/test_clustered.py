"""Translations of one question hang together: an interval that took them for independent would be too narrow."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize
from mmlubench.stats.intervals import clustered_standard_error, standard_error


def case(row: int, language: str, right: bool) -> Entry:
    outcome = Outcome.CORRECT if right else Outcome.WRONG
    name = f"mmmlu/{language}/anatomy/{row:04}"
    return Entry(
        *(name, "mmmlu", "anatomy", "other", "m", outcome, "A", "A", "r", 0.1), Usage(), language=language
    )


def test_the_error_of_three_clusters_worked_by_hand() -> None:
    # Sums 2 of 2, 0 of 2, 1 of 2: mean 1/2, differences 1, -1, 0.
    error = clustered_standard_error([(2, 2), (0, 2), (1, 2)])
    assert error == pytest.approx(sqrt((1 + 1 + 0) * 3 / 2) / 6)


def test_one_cluster_tells_nothing_of_another() -> None:
    assert clustered_standard_error([(3, 4)]) is None


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_clusters_of_one_are_no_clusters(right: list[bool]) -> None:
    assert clustered_standard_error((float(r), 1) for r in right) == pytest.approx(
        standard_error(sum(right), len(right)), abs=1e-12
    )


def test_languages_that_agree_in_everything_are_no_more_evidence_than_one() -> None:
    rows = [row % 3 != 0 for row in range(60)]
    one = summarize([case(n, "DE_DE", right) for n, right in enumerate(rows)]).to_dict()
    both = [case(n, language, right) for language in ("DE_DE", "FR_FR") for n, right in enumerate(rows)]
    two = summarize(both).to_dict()
    assert two["n"] == 2 * one["n"]
    assert two["standard_error"] == pytest.approx(one["standard_error"], rel=0.01)
    assert two["subjects"]["anatomy"]["ci95"] == two["ci95"]
    # Within one language every question is there once.
    assert two["languages"]["FR_FR"]["ci95"] == one["ci95"]


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("questions", [1, 2, 5, 29])
def test_few_questions_that_agree_in_all_languages_seem_by_no_means_certain(
    questions: int, right: bool
) -> None:
    # Two questions in fourteen languages, all right: 28 right answers, and an interval from 1.000 to 1.000.
    languages = [f"L{n}" for n in range(14)]
    many = summarize([case(n, language, right) for language in languages for n in range(questions)]).to_dict()
    one = summarize([case(n, "DE_DE", right) for n in range(questions)]).to_dict()
    low, high = many["ci95"]
    assert high - low > 0.1
    # Fourteen translations are no more evidence than one.
    assert many["ci95"] == many["subjects"]["anatomy"]["ci95"] == pytest.approx(one["ci95"])
    assert many["standard_error"] == (None if questions == 1 else 0.0)


def test_questions_without_an_answer_leave_nothing_to_be_sure_of() -> None:
    # The number of clusters is 0 then, and not that of independent cases.
    failed = [
        replace(case(n, language, True), outcome=Outcome.ERROR) for language in ("DE", "FR") for n in (0, 1)
    ]
    told = summarize(failed).to_dict()
    assert (told["ci95"], told["standard_error"]) == ([0.0, 1.0], None)
