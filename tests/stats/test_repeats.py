"""Several answers to a question: worked by hand."""

from __future__ import annotations

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize
from mmlubench.stats.intervals import normal, standard_error_of_mean
from mmlubench.stats.repeats import repeats


def case(letters: str, score: float | None = None, answer: str = "A", language: str = "") -> Entry:
    said = tuple(None if letter == "-" else letter for letter in letters)
    outcome = Outcome.CORRECT if said and said[0] == answer else Outcome.WRONG
    return Entry(
        *("id", "mmlu", "anatomy", "other", "m", outcome, answer, said[0] if said else None, "r", 0.1),
        Usage(),
        letters=said,
        score=score,
        language=language,
    )


def test_questions_asked_once_have_no_such_figures() -> None:
    assert repeats([case(""), case("")]) is None
    assert summarize([case("")]).to_dict()["repeats"] is None


def test_the_figures_of_three_questions() -> None:
    found = repeats([case("AAA"), case("ABA"), case("B-A")])
    assert found is not None
    assert found.epochs == 3
    assert found.accuracy_per_epoch == (pytest.approx(2 / 3), pytest.approx(1 / 3), pytest.approx(1.0))
    assert found.agreement == pytest.approx((1 + 2 / 3 + 1 / 3) / 3)
    # Of the later answers with a letter: A A, B A, A. Other than the first: none, one, one.
    assert found.moved == pytest.approx(2 / 5)


def test_nothing_can_move_where_the_first_answers_have_no_letter() -> None:
    found = repeats([case("-A"), case("--")])
    assert found is not None
    assert found.moved is None


def test_accuracy_is_the_mean_score_and_its_error_that_of_the_questions_not_of_the_replies() -> None:
    # Four epochs of four questions are four observations, not sixteen: else the interval would be half as wide.
    four = [case("AAAB", 0.75), case("AAAA", 1.0), case("BBBB", 0.0), case("AABB", 0.5)]
    told = summarize(four * 10).to_dict()
    assert told["accuracy"] == pytest.approx(2.25 / 4)
    variance = 10 * sum((s - 0.5625) ** 2 for s in (0.75, 1.0, 0.0, 0.5)) / 39
    assert told["standard_error"] == pytest.approx((variance / 40) ** 0.5)
    half = 1.959964 * (variance / 40) ** 0.5
    assert told["ci95"] == [pytest.approx(max(0, 0.5625 - half)), pytest.approx(min(1, 0.5625 + half))]
    assert told["subjects"]["anatomy"]["accuracy"] == pytest.approx(2.25 / 4)


def test_scores_of_0_and_1_have_the_interval_of_right_and_wrong() -> None:
    scored = summarize([case("AB", 1.0), case("BA", 1.0), case("BB", 0.0)]).to_dict()
    plain = summarize([case("A"), case("A"), case("B")]).to_dict()
    assert scored["ci95"] == plain["ci95"]


def test_a_few_equal_scores_are_not_taken_for_certainty() -> None:
    low, high = summarize([case("AAAB", 0.75)] * 3).to_dict()["ci95"]
    assert low < 0.4
    assert high > 0.9


def test_a_mean_of_fewer_than_two_scores_has_no_error() -> None:
    assert standard_error_of_mean(0.5, 0.25, 1) is None
    assert normal(0.5, None) == (0.0, 1.0)


def test_languages_are_told_apart_and_each_by_category() -> None:
    told = summarize([case("A", language="DE_DE"), case("B", language="DE_DE"), case("A", language="FR_FR")])
    languages = told.to_dict()["languages"]
    assert {name: (entry["n"], entry["accuracy"]) for name, entry in languages.items()} == {
        "DE_DE": (2, 0.5),
        "FR_FR": (1, 1.0),
    }
    assert languages["DE_DE"]["categories"]["other"]["accuracy"] == 0.5
    assert summarize([case("A")]).to_dict()["languages"] == {}
