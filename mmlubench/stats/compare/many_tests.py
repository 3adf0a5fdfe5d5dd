"""Corrections for many tests: of 57 subjects, about three differ at the 5 % level by chance alone."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values: to claim all below alpha errs about any with probability alpha at most.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
    (1979), pp. 65-70.
    """
    count, highest = len(p_values), 0.0
    adjusted = [0.0] * count
    for place, number in enumerate(sorted(range(count), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - place) * p_values[number]))
        adjusted[number] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values of Benjamini and Hochberg: of a list of all below alpha, a share of alpha is wrong.

    Source: Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society
    B 57 (1995), pp. 289-300.
    """
    count, lowest = len(p_values), 1.0
    adjusted = [0.0] * count
    order = sorted(range(count), key=p_values.__getitem__)
    for place in range(count - 1, -1, -1):
        lowest = min(lowest, count / (place + 1) * p_values[order[place]])
        adjusted[order[place]] = lowest
    return adjusted
