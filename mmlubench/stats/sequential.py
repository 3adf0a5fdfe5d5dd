"""Anytime-valid gates: on which side of a gate the accuracy lies, however often one looks while answers come in.

The accuracy is that of a finite benchmark: the share of right answers among all its questions, of which some were asked
in random order, without replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from math import lgamma, log


class Verdict(str, Enum):
    """What is certain about a gate."""

    PASSES = "passes"
    FAILS = "fails"
    UNDECIDED = "undecided"


def gate(correct: int, n: int, total: int, least: float, *, alpha: float = 0.05) -> Verdict:
    """Decide whether the accuracy over all `total` questions is at least `least`, from `n` that were asked.

    However often it is called while answers come in, it errs with probability `alpha` at most: a number M of right
    answers in all is believed until its prior-posterior ratio exceeds 1/alpha, with the uniform prior on 0 … N. Source:
    I. Waudby-Smith, A. Ramdas, "Confidence sequences for sampling without replacement", NeurIPS 33 (2020), theorem 2.1.
    """
    possible = list(_possible(correct, n, total, alpha))
    if possible and possible[0] >= least * total - 1e-9:
        return Verdict.PASSES
    if possible and possible[-1] < least * total - 1e-9:
        return Verdict.FAILS
    return Verdict.UNDECIDED


def bounds(correct: int, n: int, total: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of that confidence sequence, as shares."""
    possible = list(_possible(correct, n, total, alpha))
    return possible[0] / total, possible[-1] / total


def _possible(correct: int, n: int, total: int, alpha: float) -> Iterator[int]:
    """Yield the lowest and the highest number of right answers in all that is still believed.

    With the uniform prior, the posterior of M is beta-binomial: P(M | data) = C(M, k)·C(N-M, n-k)/C(N+1, n+1). The
    ratio of prior to posterior is below 1/alpha around its peak, and rises to both sides, so a bisection finds the
    two ends.
    """
    least, most = correct, total - (n - correct)
    threshold = log(alpha) - log(total + 1)

    def believed(number: int) -> bool:
        posterior = (
            _choose(number, correct) + _choose(total - number, n - correct) - _choose(total + 1, n + 1)
        )
        return posterior > threshold

    peak = min(max(round(correct / n * (total + 2) - 1) if n else total // 2, least), most)
    yield _first(least, peak, believed)
    yield -_first(-most, -peak, lambda number: believed(-number))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number from `low` to `high` for which it holds, if it holds from there on up to `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _choose(n: int, k: int) -> float:
    """The logarithm of the binomial coefficient."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
