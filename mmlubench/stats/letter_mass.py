"""The letter mass: how much probability the letters have together where they are scored by log-probability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum
from typing import Any, NamedTuple

from mmlubench.figures import several
from mmlubench.schema import Entry, known_values
from mmlubench.stats.metrics import Metric


class LetterMass(NamedTuple):
    """The letter mass over all cases that were scored by log-probability.

    The likeliest letter is an answer only if the model was about to give a letter. After a prompt that was not written
    for it, the letters hold hardly any probability, and the likeliest of them may be the article in " A good answer".
    """

    n: int
    """The number of these cases."""
    mean: float
    """The mean probability of all letters together, 0 to 1; a letter missing from the server's list adds 0."""
    incomplete: int
    """The number of cases in which letters are missing from the tokens that the server listed."""

    def to_dict(self) -> dict[str, float]:
        """Return the values for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LetterMass:
        """Make the letter mass from the dictionary of `to_dict`."""
        return cls(**known_values(values, cls._fields))


def letter_mass(results: Iterable[Entry]) -> LetterMass | None:
    """Compute the letter mass; None if it is known for no result."""
    known = [(result.letter_mass, result) for result in results if result.letter_mass is not None]
    if not known:
        return None
    mean = fsum(mass for mass, _ in known) / len(known)
    return LetterMass(len(known), mean, sum(is_incomplete(result) for _, result in known))


def is_incomplete(result: Entry) -> bool:
    """Whether a case was scored although letters were missing from the tokens that the server listed."""
    chances = result.probabilities
    return result.letter_mass == 0.0 if chances is None else 0.0 in chances.values()


def _shown(value: LetterMass, beside: Mapping[str, Any]) -> list[str]:
    parts = [f"letter mass {value.mean:.3f}"]
    if value.incomplete:
        cases = several(value.n, "case")
        parts.append(f"letters missing from the server's list of tokens in {value.incomplete:,} of {cases}")
    return parts


LETTER_MASS = Metric("letter_mass", letter_mass, _shown, LetterMass.from_dict)
