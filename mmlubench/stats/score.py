"""The accuracy of a group of cases, with the n, interval and outcomes that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmlubench.schema import ANSWERED, Outcome


class OutcomeCounts:
    """The counts that follow from the number of cases with each outcome."""

    __slots__ = ()

    outcomes: Mapping[Outcome, int]
    """The number of cases with each outcome; every outcome is a key."""

    @property
    def n(self) -> int:
        """The number of cases."""
        return sum(self.outcomes.values())

    @property
    def correct(self) -> int:
        """The number of cases answered correctly."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def answered(self) -> int:
        """The number of cases in which the model was asked and replied: the denominator of accuracy."""
        return sum(self.outcomes[outcome] for outcome in ANSWERED)


@dataclass(frozen=True, slots=True)
class Score(OutcomeCounts):
    """The score of a group of cases: all cases of a run, a category, a subject or a language."""

    outcomes: Mapping[Outcome, int]
    """The number of cases with each outcome; every outcome is a key."""
    accuracy: float | None
    """Points per answered case, 0 to 1; None if nothing was answered."""
    ci95: tuple[float, float]
    """The 95 % interval of the accuracy."""

    def to_dict(self) -> dict[str, Any]:
        """Return counts, accuracy and interval for JSON, with every outcome by name."""
        return {
            "n": self.n,
            "correct": self.correct,
            "answered": self.answered,
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Score:
        """Make a score from the dictionary of `to_dict`. Raises KeyError, TypeError or ValueError for any other."""
        low, high = values["ci95"]
        outcomes = {outcome: values["outcomes"].get(outcome.value, 0) for outcome in Outcome}
        return cls(outcomes, values["accuracy"], (low, high))


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """The scores of one language: of all its cases, and by category."""

    total: Score
    categories: Mapping[str, Score]

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {**self.total.to_dict(), "categories": scores_to_dict(self.categories)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LanguageScore:
        """Make a score from the dictionary of `to_dict`. Raises KeyError, TypeError or ValueError for any other."""
        return cls(Score.from_dict(values), scores_from_dict(values["categories"]))


def scores_to_dict(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return the scores for JSON, by the same names."""
    return {name: score.to_dict() for name, score in scores.items()}


def scores_from_dict(values: Mapping[str, Any]) -> dict[str, Score]:
    """Make scores from the dictionary of `scores_to_dict`. Raises KeyError, TypeError or ValueError for any other."""
    return {name: Score.from_dict(score) for name, score in values.items()}
