"""The paired comparison of two results on the same questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple

from mmlubench.stats.compare.distributions import t_cdf, t_quantile
from mmlubench.stats.compare.mcnemar import McNemar, mcnemar

#: Below this number of questions (or clusters) that differ, the t interval is too narrow, and too sure of itself.
FEW = 30


class Pair(NamedTuple):
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
    centre: float
    """The middle of the intervals: the difference, drawn to 0 if few questions differ."""
    standard_error: float
    """Of the difference."""
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

    @property
    def p(self) -> float:
        """The two-sided p-value of the difference by its t distribution, which heeds scores and clusters."""
        return min(1.0, 2 * min(self._above(0.0), 1 - self._above(0.0))) if self.n else 1.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the interval of the difference; (-1, 1) without questions."""
        if not self.n:
            return -1.0, 1.0
        half = t_quantile((1 + confidence) / 2, self.degrees) * self.standard_error
        return max(-1.0, self.centre - half), min(1.0, self.centre + half)

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
        return max(self._above(-margin), 1 - self._above(margin)) if self.n else 1.0

    def _above(self, value: float) -> float:
        """The p-value of a one-sided test that the difference is at most `value`."""
        if not self.n:
            return 1.0
        return 1 - t_cdf((self.centre - value) / self.standard_error, self.degrees)


def compare(pairs: Iterable[Pair]) -> Comparison:
    """Compare two results, one pair for each question.

    The standard error of the mean of the differences d_i, in C clusters: (1/n)·sqrt(C/(C-1)·Σ_c (Σ_{i∈c}(d_i - d̄))²),
    with Student's t of C - 1 degrees of freedom; without clusters every question is one of its own. Source: E. Miller,
    "Adding error bars to evals" (2024), arXiv 2411.00640, §2.2 and §4.2, with the usual factor for few clusters. Where
    fewer than 30 of them differ, see `_of_few`.
    """
    return compare_patterns(Counter(pairs))


def compare_patterns(patterns: Mapping[Pair, int]) -> Comparison:
    """Compare two results as `compare` does, from how often each pair occurs: thousands of questions have few."""
    n = sum(patterns.values())
    centre, error, degrees = _error(patterns, n) if n else (0.0, 0.0, inf)
    gained = sum(count for pair, count in patterns.items() if pair.after > pair.before)
    lost = sum(count for pair, count in patterns.items() if pair.after < pair.before)
    changed = [(pair, count) for pair, count in patterns.items() if pair.letters[0] != pair.letters[1]]
    return Comparison(
        n=n,
        before=sum(pair.before * count for pair, count in patterns.items()) / n if n else 0.0,
        after=sum(pair.after * count for pair, count in patterns.items()) / n if n else 0.0,
        centre=centre,
        standard_error=error,
        degrees=degrees,
        gained=gained,
        lost=lost,
        changed_but_wrong=sum(count for pair, count in changed if pair.before == pair.after == 0),
        changed_letters=sum(count for _, count in changed),
        test=mcnemar(gained, lost),
    )


def _error(patterns: Mapping[Pair, int], n: int) -> tuple[float, float, float]:
    """Return the middle of the interval, its standard error and its degrees of freedom."""
    units: Counter[tuple[float, int]] = Counter()
    """The sum of the differences and the size of a question or cluster: how many there are."""
    clusters: dict[Hashable, list[float]] = {}
    for pair, count in patterns.items():
        difference = pair.after - pair.before
        if pair.cluster is None:
            units[difference, 1] += count
        else:
            known = clusters.setdefault(pair.cluster, [0.0, 0])
            known[0] += count * difference
            known[1] += count
    units.update((total, int(size)) for total, size in clusters.values())
    mean = sum(total * count for (total, _), count in units.items()) / n
    number = units.total()
    # A few clusters that nearly all differ, such as subjects, are what t is for.
    most = min(FEW, number / 2) if clusters else FEW
    if number < 2 or sum(count for (total, _), count in units.items() if total) < most:
        return _of_few(units, n, mean)
    spread = sum(count * (total - size * mean) ** 2 for (total, size), count in units.items())
    return mean, sqrt(spread * number / (number - 1)) / n, number - 1


def _of_few(units: Counter[tuple[float, int]], n: int, mean: float) -> tuple[float, float, float]:
    """Add two questions (or clusters of mean size), of which half a one is gained and half a one lost, and take z.

    Three equal answers do not show that two models are equal, though their differences do not vary. Source: A. Agresti,
    Y. Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005),
    pp. 729-740: 0.5 is added to each of the four counts.
    """
    size_added = n / units.total()
    whole = n + 2 * size_added
    centre = mean * n / whole
    spread = sum(count * (total - size * centre) ** 2 for (total, size), count in units.items())
    added = size_added**2 * (0.5 * (1 - centre) ** 2 + 0.5 * (1 + centre) ** 2 + centre**2)
    return centre, sqrt(spread + added) / whole, inf
