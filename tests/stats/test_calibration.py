"""Calibration: a model that is sure and wrong must look worse than one that doubts; all figures worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats.calibration import (
    CALIBRATION,
    Calibration,
    brier,
    calibration,
    expected_error,
    hidden_share,
)


def result(
    answer: str, prediction: str | None, probabilities: dict[str, float] | None, **more: float | None
) -> Entry:
    outcome = Outcome.CORRECT if answer == prediction else Outcome.WRONG
    return Entry(
        *("mmlu/anatomy/0001", "mmlu", "anatomy", "other", "m", outcome, answer, prediction, "logprob"),
        latency_s=0.1,
        usage=Usage(),
        probabilities=probabilities,
        **{"letter_mass": 1.0, **more},  # type: ignore[arg-type]
    )


RESULTS = [
    result("A", "A", {"A": 0.7, "B": 0.1, "C": 0.1, "D": 0.1}),
    result("B", "A", {"A": 0.65, "B": 0.25, "C": 0.05, "D": 0.05}),
    result("C", "C", {"A": 0.2, "B": 0.2, "C": 0.4, "D": 0.2}),
    result("D", "B", {"A": 0.0, "B": 1.0, "C": 0.0, "D": 0.0}),
]


def test_the_figures_are_those_worked_by_hand() -> None:
    found = calibration(RESULTS)
    assert found is not None
    # Bins: (0.6, 0.7] holds 0.7 right and 0.65 wrong: |1 - 1.35| = 0.35; (0.3, 0.4] holds 0.4 right: 0.6; (0.9, 1]
    # holds 1.0 wrong: 1. Together 1.95 over 4 cases.
    assert found.ece == pytest.approx(1.95 / 4)
    # 0.3² + 3·0.1² = 0.12; 0.65² + 0.75² + 2·0.05² = 0.99; 3·0.2² + 0.6² = 0.48; 1 + 1 = 2.
    assert found.brier == pytest.approx((0.12 + 0.99 + 0.48 + 2) / 4)
    assert found.p_right == pytest.approx((0.7 + 0.25 + 0.4 + 0.0) / 4)
    assert found.to_dict() == {
        "n": 4,
        "ece": found.ece,
        "brier": found.brier,
        "p_right": found.p_right,
        "error": 0.0,
    }


def test_cases_without_probabilities_do_not_count() -> None:
    # An error or a reply read as text says nothing of calibration.
    assert calibration([]) is None
    assert calibration([result("A", None, None)]) is None
    assert calibration([*RESULTS, result("A", "A", None), result("A", None, None)]) == calibration(RESULTS)


@pytest.mark.parametrize(
    ("probabilities", "score"),
    [
        ({"A": 1.0, "B": 0.0}, 0.0),
        ({"A": 0.0, "B": 1.0}, 2.0),
        ({"A": 0.5, "B": 0.5}, 0.5),
        ({"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}, 0.75),
        ({"A": 0.7, "B": 0.2, "C": 0.1}, 0.14),
    ],
)
def test_briers_score_of_one_case(probabilities: dict[str, float], score: float) -> None:
    assert brier(probabilities, "A") == pytest.approx(score)


@pytest.mark.parametrize(
    ("cases", "error"),
    [
        ([], 0.0),
        ([(1.0, True)], 0.0),
        ([(1.0, False)], 1.0),
        ([(0.75, True)] * 3 + [(0.75, False)], 0.0),  # right as often as it was sure
        ([(0.8, True), (0.81, False)], (0.2 + 0.81) / 2),  # a border belongs to the bin below it
        ([(0.71, True), (0.8, False)], 0.51 / 2),  # one bin, in which the two make up for one another
        ([(0.0, False)], 0.0),  # below all bins: counted in the first
    ],
)
def test_the_expected_calibration_error(cases: list[tuple[float, bool]], error: float) -> None:
    assert expected_error(cases) == pytest.approx(error)


_cases = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


@given(_cases, st.integers(1, 20))
def test_the_error_is_a_share_and_no_less_than_that_of_all_cases_in_one_bin(
    cases: list[tuple[float, bool]], bins: int
) -> None:
    error = expected_error(cases, bins)
    assert 0 <= error <= 1
    assert error >= expected_error(cases, 1) - 1e-9
    assert error == expected_error(reversed(cases), bins)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda weights: sum(weights) > 0))
def test_briers_score_lies_between_0_and_2(weights: list[float]) -> None:
    probabilities = {letter: weight / sum(weights) for letter, weight in zip("ABCDEF", weights, strict=False)}
    assert 0 <= brier(probabilities, "A") <= 2 + 1e-9


# -- letters that are missing from the server's list -------------------------------------------------------------------

#: A is found with 0.4, all tokens that are not listed have 0.1 together. So the missing letters have at most a fifth of
#: what the letters hold, 0.1 of 0.5.
ALONE = {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0}
KNOWN = {"letter_mass": 0.4, "unlisted_mass": 0.1}
#: What is true if B has all that is not listed.
TRUE = {"A": 0.8, "B": 0.2, "C": 0.0, "D": 0.0}


def test_the_share_that_missing_letters_may_have_is_that_worked_by_hand() -> None:
    assert hidden_share(result("A", "A", ALONE, **KNOWN)) == pytest.approx(0.2)
    assert hidden_share(result("A", "A", {"A": 0.7, "B": 0.3}, **KNOWN)) == 0.0  # nothing is missing
    assert hidden_share(result("A", "A", ALONE, letter_mass=1.0)) == 0.0  # everything is listed
    # A file that was written before this was measured: nothing is known.
    assert hidden_share(result("A", "A", ALONE, letter_mass=None)) == 1.0
    assert hidden_share(result("A", "A", {"A": 0.7, "B": 0.3}, letter_mass=None)) == 0.0


def test_figures_with_missing_letters_are_a_bound_on_neither_side() -> None:
    # Right and alone: both figures are too low. Wrong and alone, with the right letter missing: both are too high.
    assert brier(ALONE, "A") == 0.0
    assert brier(TRUE, "A") == pytest.approx(0.08)
    assert brier(ALONE, "B") == 2.0
    assert brier(TRUE, "B") == pytest.approx(1.28)
    assert expected_error([(1.0, True)]) == 0.0
    assert expected_error([(0.8, True)]) == pytest.approx(0.2)
    assert expected_error([(1.0, False)]) == 1.0
    assert expected_error([(0.8, False)]) == pytest.approx(0.8)


_shares = st.lists(st.floats(0.001, 1), min_size=4, max_size=4)


@given(_shares, st.floats(0, 0.3), st.floats(0, 1), st.sampled_from("ABCD"), st.integers(1, 3))
def test_no_figure_is_off_by_more_than_is_told(
    weights: list[float], unlisted: float, part: float, right: str, found: int
) -> None:
    # The truth: the letters found as listed, and the missing ones with a part of what is not listed.
    listed = dict(zip("ABCD"[:found], weights, strict=False))
    mass = sum(listed.values())
    known = {letter: listed.get(letter, 0.0) / mass for letter in "ABCD"}
    share = hidden_share(result(right, "A", known, letter_mass=mass, unlisted_mass=unlisted))
    rest = dict(zip("ABCD"[found:], weights[found:], strict=True))
    hidden = {letter: part * unlisted * weight / sum(rest.values()) for letter, weight in rest.items()}
    whole = mass + sum(hidden.values())
    true = {letter: (listed | hidden)[letter] / whole for letter in "ABCD"}
    assert all(abs(true[letter] - known[letter]) <= share + 1e-9 for letter in "ABCD")
    assert abs(brier(true, right) - brier(known, right)) <= 4 * share + 1e-9


def test_figures_that_missing_letters_could_change_are_left_out_and_others_say_by_how_much() -> None:
    def shown(*results: Entry) -> str:
        found = calibration(results)
        assert found is not None
        assert Calibration.from_dict(found.to_dict()) == found
        return " · ".join(CALIBRATION.show(found, {}))

    sure = result(
        "B", "B", {"A": 0.25, "B": 0.75, "C": 0.0, "D": 0.0}, letter_mass=0.995, unlisted_mass=0.005
    )
    assert shown(sure) == (
        "calibration: ECE 0.250 (to within 0.005) · Brier 0.125 (to within 0.020) · "
        "mean probability of the right letter 0.750 (to within 0.005)"
    )
    doubtful = shown(sure, *[result("A", "A", ALONE, **KNOWN)] * 2)
    assert doubtful == (
        "no calibration: letters missing from the server's list of tokens could change it by up to 0.135"
    )
