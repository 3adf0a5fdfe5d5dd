"""The figures of repeats: how consistent several answers to the same question are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mmlubench.figures import DASH
from mmlubench.schema import Entry, known_values
from mmlubench.stats.metrics import Metric


@dataclass(frozen=True, slots=True)
class Repeats:
    """The figures over the questions that were asked several times."""

    epochs: int
    accuracy_per_epoch: tuple[float, ...]
    """The share of right letters in each epoch; a reply without a letter is not right."""
    agreement: float
    """The mean over questions of the share of repeats that gave the commonest answer; no letter counts as an answer."""
    moved: float | None
    """The share of answers of later epochs that differ from the first epoch's, among pairs that both have a letter.

    With shuffled choices it measures the influence of their position. None if no such pair exists.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            "epochs": self.epochs,
            "accuracy_per_epoch": list(self.accuracy_per_epoch),
            "agreement": self.agreement,
            "moved": self.moved,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Repeats:
        """Make the figures from the dictionary of `to_dict`."""
        known = known_values(values, cls.__slots__)
        return cls(**{**known, "accuracy_per_epoch": tuple(values["accuracy_per_epoch"])})


def repeats(results: Iterable[Entry]) -> Repeats | None:
    """Compare the answers of the epochs of a run; None if every question was asked once."""
    several = [result for result in results if len(result.letters) > 1]
    if not several:
        return None
    epochs = max(len(result.letters) for result in several)
    right = [0] * epochs
    steady, pairs, moved = 0.0, 0, 0
    for result in several:
        first, *later = result.letters
        for epoch, letter in enumerate(result.letters):
            right[epoch] += letter == result.answer
        steady += Counter(result.letters).most_common(1)[0][1] / len(result.letters)
        both = [letter for letter in later if letter and first]
        pairs += len(both)
        moved += sum(letter != first for letter in both)
    return Repeats(
        epochs,
        tuple(count / len(several) for count in right),
        steady / len(several),
        moved / pairs if pairs else None,
    )


def _shown(value: Repeats, beside: Mapping[str, Any]) -> list[str]:
    low, high = min(value.accuracy_per_epoch), max(value.accuracy_per_epoch)
    parts = [
        f"{value.epochs} epochs (an outcome is the majority's), accuracy of one {low:.3f}{DASH}{high:.3f}",
        f"{value.agreement:.0%} of a question's answers agree",
    ]
    return parts if value.moved is None else [*parts, f"{value.moved:.0%} moved from the first"]


REPEATS = Metric("repeats", repeats, _shown, Repeats.from_dict)
