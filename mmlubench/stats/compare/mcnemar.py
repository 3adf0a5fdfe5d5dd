"""McNemar's test: whether two models that answered the same questions are right equally often."""

from __future__ import annotations

from typing import NamedTuple

from mmlubench.stats.compare.distributions import binomial, binomial_below


class McNemar(NamedTuple):
    """The two-sided p-values of one comparison."""

    mid_p: float
    """The usual one here: nearer to the nominal level than the exact one."""
    exact: float


def mcnemar(gained: int, lost: int) -> McNemar:
    """Test `gained` questions that only the second model has right against `lost` ones that only the first one has.

    With n = gained + lost and k = min(gained, lost), X ~ Bin(n, ½): exact = 2·P(X ≤ k), mid-p = 2·P(X < k) + P(X = k),
    both at most 1. Source: M. W. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary matched-pairs data",
    BMC Medical Research Methodology 13:91 (2013).
    """
    n, k = gained + lost, min(gained, lost)
    below, at = binomial_below(k, n), binomial(k, n)
    return McNemar(min(1.0, 2 * below + at), min(1.0, 2 * (below + at)))
