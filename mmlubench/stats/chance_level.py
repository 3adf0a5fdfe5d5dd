"""The chance level: what random guessing would score, and whether an accuracy is clearly above it."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum, sqrt
from typing import NamedTuple

#: An accuracy this many standard errors from chance level happens by chance once in about 370 runs.
_ERRORS = 3
_ROUNDING = 1e-9  # by which floating point may miss a bound
_ADVICE = "see in responses.jsonl whether the questions are answered and the letters read as they were meant"


class Guessing(NamedTuple):
    """The expected accuracy of guessing, 0 to 1, and its standard error."""

    share: float
    standard_error: float

    def warning(self, accuracy: float) -> str | None:
        """Return one sentence if the accuracy is not above chance level; None if it is, or if none could be."""
        margin = _ERRORS * self.standard_error + _ROUNDING
        if (
            self.share + margin >= 1
        ):  # there are so few questions that even a perfect score would be within the margin
            return None
        if accuracy > self.share + margin:
            return None
        below = accuracy < self.share - margin
        where = (
            f"more than {_ERRORS} standard errors below" if below else f"within {_ERRORS} standard errors of"
        )
        return (
            f"accuracy {accuracy:.3f} lies {where} what guessing scores "
            f"({self.share:.3f}, standard error {self.standard_error:.3f}): {_ADVICE}"
        )


def guessing(choices: Mapping[int, int]) -> Guessing | None:
    """Compute the score of guessing from the count of questions by their number of choices; None without questions.

    A question with k choices is guessed with p = 1/k. The mean of n such guesses is sum(p)/n, its standard error
    sqrt(sum(p(1-p)))/n: the Poisson binomial distribution. It is the error of guessing, not of the observed accuracy,
    which would be 0 for a model that always misses. Source: Y. H. Wang, "On the number of successes in independent
    trials", Statistica Sinica 3 (1993), pp. 295-312.
    """
    n = sum(choices.values())
    if not n:
        return None
    odds = [(1 / k if k else 0.0, count) for k, count in choices.items()]
    variance = fsum(count * p * (1 - p) for p, count in odds)
    return Guessing(fsum(count * p for p, count in odds) / n, sqrt(variance) / n)
