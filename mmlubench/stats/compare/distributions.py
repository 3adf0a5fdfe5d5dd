"""Student's t and the binomial distribution, with the standard library alone: scipy takes seconds to import."""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p

#: Lentz's algorithm stops at this relative change.
_PRECISION = 1e-15
_TINY = 1e-300


def t_cdf(t: float, df: float) -> float:
    """The probability that Student's t with `df` degrees of freedom is at most `t`.

    By the incomplete beta function: P(|T| > t) = I_{df/(df+t²)}(df/2, 1/2). Source: Abramowitz and Stegun, Handbook of
    Mathematical Functions (1964), 26.7.1 and 26.5.27.
    """
    if df == inf:
        from statistics import NormalDist  # late: it imports decimal and fractions, which takes 10 ms

        return NormalDist().cdf(t)
    tail = incomplete_beta(df / 2, 0.5, df / (df + t * t)) / 2
    return tail if t < 0 else 1 - tail


@lru_cache(maxsize=256)
def t_quantile(p: float, df: float) -> float:
    """The value that Student's t with `df` degrees of freedom exceeds with probability 1 - p; found by bisection.

    Raises ValueError unless 0 < p < 1 and df > 0.
    """
    if not 0 < p < 1 or not df > 0:
        raise ValueError(f"p is {p}, which must lie between 0 and 1, and df is {df}, which must be above 0.")
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.5.8; evaluated as W. J. Lentz,
    "Generating Bessel functions in Mie scattering calculations using continued fractions", Applied Optics 15 (1976).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image converges fast
        return 1 - incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d or _TINY)
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d = 1 / ((1 + numerator * d) or _TINY)
            c = (1 + numerator / c) or _TINY
            change = c * d
            value *= change
        if abs(change - 1) < _PRECISION:
            break
    return front * value


def binomial_below(k: int, n: int) -> float:
    """The probability of fewer than `k` heads in `n` throws of a fair coin."""
    return sum(binomial(i, n) for i in range(k))


def binomial(k: int, n: int) -> float:
    """The probability of `k` heads in `n` throws of a fair coin."""
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))


def z_quantile(p: float) -> float:
    """The value that a standard normal variable exceeds with probability 1 - p."""
    from statistics import NormalDist  # late: it imports decimal and fractions, which takes 10 ms

    return NormalDist().inv_cdf(p)
