"""The letter mass of a run: the share of the probability that the letters hold, and how far it is known."""

from __future__ import annotations

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize
from mmlubench.stats.letter_mass import LETTER_MASS, LetterMass, letter_mass
from mmlubench.stats.thresholds import Thresholds


def result(mass: float | None, probabilities: dict[str, float] | None) -> Entry:
    outcome = Outcome.CORRECT if probabilities else Outcome.UNPARSED
    return Entry(
        *("mmlu/anatomy/0001", "mmlu", "anatomy", "other", "m", outcome, "A", "A", "logprob"),
        latency_s=0.1,
        usage=Usage(),
        probabilities=probabilities,
        letter_mass=mass,
    )


ALL, ONE = {"A": 0.5, "B": 0.2, "C": 0.2, "D": 0.1}, {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0}
LITTLE = [result(0.02, ALL), result(0.01, ONE), result(0.0, None)]


def test_the_mean_and_the_cases_with_missing_letters_are_those_worked_by_hand() -> None:
    found = letter_mass([*LITTLE, result(None, None)])  # the last one was read as text
    assert found == LetterMass(n=3, mean=(0.02 + 0.01) / 3, incomplete=2)
    assert LetterMass.from_dict(found.to_dict()) == found
    assert LETTER_MASS.show(found, {}) == [
        "letter mass 0.010",
        "letters missing from the server's list of tokens in 2 of 3 cases",
    ]
    assert letter_mass([result(None, ALL)]) is None  # a file that was written before this was measured


def test_letters_that_hold_little_leave_no_headline() -> None:
    told = summarize(LITTLE[:2], other_ways="take another recipe")
    assert told.why_no_headline == (
        "the letters hold 1.5 % of the probability on average, --min-letter-mass wants 10 %: "
        "the model was not about to give a letter, so take another recipe"
    )
    assert told.to_dict()["letter_mass"] == {"n": 2, "mean": pytest.approx(0.015), "incomplete": 1}
    assert summarize(LITTLE[:2], Thresholds(min_letter_mass=0)).headline
    assert summarize([result(0.1, ALL)]).headline
    assert summarize([result(None, ALL)]).headline
