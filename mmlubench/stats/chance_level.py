"""What blind guessing would score, and whether an accuracy can be told from it."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum, sqrt
from typing import NamedTuple

#: Further than so many standard errors from guessing, chance alone leads once in some 370 runs.
_REACH = 3
_HAIR = 1e-9  # what floating point may miss a bound by
_LOOK = "see in responses.jsonl whether the questions are answered and the letters read as they were meant"


class Guessing(NamedTuple):
    """The accuracy, 0 to 1, that guessing expects, and the standard error it has."""

    share: float
    standard_error: float

    def warning(self, accuracy: float) -> str | None:
        """One sentence if the accuracy is no better than guessing; None if it is, or if none could be."""
        reach = _REACH * self.standard_error + _HAIR
        if self.share + reach >= 1:  # so few questions that even a perfect score would be within reach
            return None
        if accuracy > self.share + reach:
            return None
        below = accuracy < self.share - reach
        where = (
            f"more than {_REACH} standard errors below" if below else f"within {_REACH} standard errors of"
        )
        return (
            f"accuracy {accuracy:.3f} lies {where} what guessing scores "
            f"({self.share:.3f}, standard error {self.standard_error:.3f}): {_LOOK}"
        )


def guessing(choices: Mapping[int, int]) -> Guessing | None:
    """Work out what guessing scores on questions, given how many have so many choices; None without any.

    A question with k choices is guessed with p = 1/k. The mean of n such guesses is sum(p)/n, its standard error
    sqrt(sum(p(1-p)))/n: the Poisson binomial distribution. It is the error of guessing, not of the accuracy seen,
    which would be 0 for a model that always misses. Source: Y. H. Wang, "On the number of successes in independent
    trials", Statistica Sinica 3 (1993), pp. 295-312.
    """
    n = sum(choices.values())
    if not n:
        return None
    odds = [(1 / k if k else 0.0, count) for k, count in choices.items()]
    variance = fsum(count * p * (1 - p) for p, count in odds)
    return Guessing(fsum(count * p for p, count in odds) / n, sqrt(variance) / n)
