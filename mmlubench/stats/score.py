"""The accuracy of a group of cases, with the n, interval and outcomes that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmlubench.schema import ANSWERED, Outcome


@dataclass(frozen=True, slots=True)
class Score:
    """What a group of cases amounts to: all of a run, a category, a subject, a language."""

    outcomes: Mapping[Outcome, int]
    """How many cases ended in which way; every outcome is there."""
    accuracy: float | None
    """Points per answered case, 0 to 1; None where nothing was answered."""
    ci95: tuple[float, float]
    """The 95 % interval of the accuracy."""

    @property
    def n(self) -> int:
        """All cases."""
        return sum(self.outcomes.values())

    @property
    def correct(self) -> int:
        """Cases answered rightly."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def answered(self) -> int:
        """Cases in which the model was asked and replied: the denominator of accuracy."""
        return sum(self.outcomes[outcome] for outcome in ANSWERED)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: counts, accuracy and interval, every outcome by name."""
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
        """From the dictionary of `to_dict`. Raises KeyError, TypeError or ValueError for another one."""
        low, high = values["ci95"]
        outcomes = {outcome: values["outcomes"].get(outcome.value, 0) for outcome in Outcome}
        return cls(outcomes, values["accuracy"], (low, high))


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """The cases of one language."""

    total: Score
    categories: Mapping[str, Score]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.total.to_dict(), "categories": scores_to_dict(self.categories)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LanguageScore:
        """From the dictionary of `to_dict`. Raises KeyError, TypeError or ValueError for another one."""
        return cls(Score.from_dict(values), scores_from_dict(values["categories"]))


def scores_to_dict(scores: Mapping[str, Score]) -> dict[str, Any]:
    """For JSON, by the same names."""
    return {name: score.to_dict() for name, score in scores.items()}


def scores_from_dict(values: Mapping[str, Any]) -> dict[str, Score]:
    """From the dictionary of `scores_to_dict`. Raises KeyError, TypeError or ValueError for another one."""
    return {name: Score.from_dict(score) for name, score in values.items()}
