"""Confidence intervals and standard errors of an accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import sqrt


def finite_population(n: int, population: int) -> float:
    """Compute the finite population correction (N - n) / (N - 1) of a sample of `n` out of `population` N questions.

    It is the factor by which the variance of the sample's mean is smaller than that of as many draws with replacement:
    1 for one question, 0 for all of them, after which nothing is left to chance. For 2,000 of 14,042 an interval is
    sqrt(0.858) = 0.926 times as wide. Source: W. G. Cochran, "Sampling Techniques" (3rd ed., 1977), §2.6. Raises
    ValueError unless 0 <= n <= population.
    """
    if not 0 <= n <= population:
        raise ValueError(f"a sample of {n} from {population}: it must lie between 0 and the population.")
    return (population - n) / (population - 1) if population > 1 else float(not n)


def wilson(correct: float, n: int, confidence: float = 0.95, *, left: float = 1.0) -> tuple[float, float]:
    """Compute the Wilson score interval of `correct` out of `n`: two shares; (0, 1) for n = 0.

    It stays within 0 and 1, and holds for small n and for shares near 0 or 1, where p ± 1.96·SE fails.
    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927), pp. 209-212. `correct` may be a sum of scores from 0 to 1: they vary
    no more than zeros and ones of the same mean, so the interval is rather too wide. `left` is the correction for a
    sample of a finite population (`finite_population`): it stands with the variance p(1 - p)/n, which is the same as
    z² times it in all of the formula. Raises ValueError unless 0 <= correct <= n.
    """
    _check(correct, n)
    if n == 0:
        return 0.0, 1.0
    z = _z(confidence) * sqrt(left)
    p = correct / n
    weight = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / weight
    half = z / weight * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends the formula gives exactly 0 and 1, which floating point misses slightly.
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == n else min(1.0, centre + half)
    return low, high


def standard_error(correct: int, n: int) -> float | None:
    """Compute the standard error of the share `correct` out of `n`; None for n < 2, where it is not defined.

    sqrt(p(1-p)/(n-1)): the standard deviation of the sample over sqrt(n). Source: E. Miller, "Adding error
    bars to evals" (2024), arXiv 2411.00640, section 2. Raises ValueError unless 0 <= correct <= n.
    """
    _check(correct, n)
    p = correct / n if n else 0.0
    return sqrt(p * (1 - p) / (n - 1)) if n > 1 else None


def standard_error_of_mean(total: float, squares: float, n: int) -> float | None:
    """Compute the standard error of the mean of `n` scores from their sum and the sum of their squares; None for n < 2.

    sqrt(variance of the sample / n). Source: E. Miller, "Adding error bars to evals" (2024), arXiv 2411.00640, §2.1:
    scores of several epochs are averaged per question first, so that `n` is the number of questions.
    """
    if n < 2:
        return None
    variance = max(0.0, (squares - total * total / n) / (n - 1))
    return sqrt(variance / n)


def clustered_standard_error(clusters: Iterable[tuple[float, int]]) -> float | None:
    """Compute the standard error of the mean of scores in clusters; each cluster is a sum and a count of scores.

    (1/n)·sqrt(Σ_c (sum_c - count_c·mean)² · C/(C-1)) for C clusters; None for fewer than two. Translations of one
    question are such a cluster: they are right or wrong together. Source: E. Miller, "Adding error bars to evals"
    (2024), arXiv 2411.00640, §2.2, with the usual factor for few clusters.
    """
    known = list(clusters)
    n, count = sum(size for _, size in known), len(known)
    if count < 2:
        return None
    mean = sum(total for total, _ in known) / n
    spread = sum((total - size * mean) ** 2 for total, size in known)
    return sqrt(spread * count / (count - 1)) / n


def normal(mean: float, error: float | None, confidence: float = 0.95) -> tuple[float, float]:
    """Compute the normal interval of a mean with this standard error, cut to 0 and 1; (0, 1) without one."""
    if error is None:
        return 0.0, 1.0
    half = _z(confidence) * error
    return max(0.0, mean - half), min(1.0, mean + half)


@lru_cache(maxsize=8)
def _z(confidence: float) -> float:
    from statistics import NormalDist  # late: it imports decimal and fractions, which takes 10 ms

    return NormalDist().inv_cdf((1 + confidence) / 2)


def _check(correct: float, n: int) -> None:
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} correct of {n}: the count must lie between 0 and n.")
