"""The paired comparison of two results on the same questions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from math import inf, sqrt

from mmlubench.stats.compare.distributions import t_cdf, t_quantile
from mmlubench.stats.compare.mcnemar import McNemar, mcnemar


@dataclass(frozen=True, slots=True)
class Pair:
    """One question, answered by both."""

    before: float
    """The score of the first result, from 0 to 1."""
    after: float
    """The score of the second."""
    letters: tuple[str | None, str | None] = (None, None)
    """The letters that were answered; None for none."""
    cluster: Hashable = None
    """What questions of one kind share, such as their subject; None for a question of its own."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two results on the same questions say about each other; shares from 0 to 1, `after` minus `before`."""

    n: int
    before: float
    after: float
    standard_error: float | None
    """Of the difference; None where it is not defined."""
    degrees: float
    """The degrees of freedom of its t distribution."""
    gained: int
    """Questions that only the second result has right."""
    lost: int
    """Questions that only the first result has right."""
    changed_but_wrong: int
    """Questions that both have wrong, with different letters."""
    changed_letters: int
    """Questions with different letters, right or wrong."""
    test: McNemar

    @property
    def difference(self) -> float:
        """The difference of the accuracies."""
        return self.after - self.before

    @property
    def discordant(self) -> float:
        """The share of questions that exactly one of the two has right: the flip rate."""
        return (self.gained + self.lost) / self.n if self.n else 0.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the interval of the difference, by Student's t; (-1, 1) where there is none."""
        if self.standard_error is None:
            return -1.0, 1.0
        half = t_quantile((1 + confidence) / 2, self.degrees) * self.standard_error
        return max(-1.0, self.difference - half), min(1.0, self.difference + half)

    def lower_bound(self, confidence: float = 0.95) -> float:
        """Return the one-sided lower bound of the difference."""
        return self.interval(2 * confidence - 1)[0]

    def not_worse_p(self, margin: float) -> float:
        """Return the p-value against "it got worse by `margin` or more"; below 0.05, that is ruled out."""
        return self._above(-margin)

    def equivalence_p(self, margin: float) -> float:
        """Return the p-value of two one-sided tests against "they differ by `margin` or more" (TOST).

        Source: D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", Journal of
        Pharmacokinetics and Biopharmaceutics 15 (1987), pp. 657-680.
        """
        return max(self._above(-margin), 1 - self._above(margin))

    def _above(self, value: float) -> float:
        """The p-value of a one-sided test that the difference is at most `value`."""
        if self.standard_error is None:
            return 1.0
        if self.standard_error == 0:
            return float(self.difference <= value)
        return 1 - t_cdf((self.difference - value) / self.standard_error, self.degrees)


def compare(pairs: Iterable[Pair]) -> Comparison:
    """Compare two results, one pair for each question.

    The standard error of the mean of the differences d_i, in C clusters: (1/n)·sqrt(C/(C-1)·Σ_c (Σ_{i∈c}(d_i - d̄))²),
    with Student's t of C - 1 degrees of freedom; without clusters every question is one of its own. Source: E. Miller,
    "Adding error bars to evals" (2024), arXiv 2411.00640, §2.2 and §4.2, with the usual factor for few clusters.
    """
    known = list(pairs)
    n = len(known)
    gained = sum(pair.after > pair.before for pair in known)
    lost = sum(pair.after < pair.before for pair in known)
    error, degrees = _error(known)
    changed = [pair for pair in known if pair.letters[0] != pair.letters[1]]
    return Comparison(
        n=n,
        before=sum(pair.before for pair in known) / n if n else 0.0,
        after=sum(pair.after for pair in known) / n if n else 0.0,
        standard_error=error,
        degrees=degrees,
        gained=gained,
        lost=lost,
        changed_but_wrong=sum(pair.before == pair.after == 0 for pair in changed),
        changed_letters=len(changed),
        test=mcnemar(gained, lost),
    )


def _error(pairs: list[Pair]) -> tuple[float | None, float]:
    n = len(pairs)
    differences = [pair.after - pair.before for pair in pairs]
    mean = sum(differences) / n if n else 0.0
    sums: dict[Hashable, float] = {}
    for number, (pair, difference) in enumerate(zip(pairs, differences, strict=True)):
        key = ("alone", number) if pair.cluster is None else ("cluster", pair.cluster)
        sums[key] = sums.get(key, 0.0) + difference - mean
    count = len(sums)
    if count < 2:
        return None, inf
    spread = sum(value * value for value in sums.values())
    return sqrt(spread * count / (count - 1)) / n, count - 1
