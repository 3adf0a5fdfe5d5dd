"""Stopping early: when an interval is narrow enough, and when it is certain on which side of a gate an accuracy lies.

Both speak of the finite benchmark: the share of right answers among all its questions, of which some were asked in
random order, without replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from math import lgamma, log

from mmlubench.stats.intervals import finite_population, wilson

#: The answers after which the width is looked at for the first time, and then each time.
FIRST_LOOK, LOOK_EVERY = 500, 100


def finite_wilson(correct: float, n: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Compute the Wilson score interval of the accuracy over all `total` questions, of which `n` were asked.

    It is `wilson` with `finite_population`, within what the questions that were not asked leave possible; (p, p) once
    all were asked. Raises ValueError unless 0 <= correct <= n <= total.
    """
    low, high = wilson(correct, n, confidence, left=finite_population(n, total))
    if not total:
        return low, high
    # What was not asked bounds the share from both sides, too.
    return max(correct / total, low), min((correct + total - n) / total, high)


def is_precise(correct: float, n: int, total: int, half_width: float) -> bool:
    """Whether half the width of `finite_wilson` is at most this; False between looks, see `FIRST_LOOK`.

    Looking often hardly biases this rule, as the width depends on the share alone. Sources: Y. S. Chow, H. Robbins, "On
    the asymptotic theory of fixed-width sequential confidence intervals" (1965); J. Frey, "Fixed-width sequential
    confidence intervals for a proportion", The American Statistician 64 (2010), pp. 242-249.
    """
    if n < total and (n < FIRST_LOOK or (n - FIRST_LOOK) % LOOK_EVERY):
        return False
    low, high = finite_wilson(correct, n, total)
    return high - low <= 2 * half_width


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
