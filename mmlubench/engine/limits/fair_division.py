"""Max-min fair division of a limit ("water filling"): nobody gets more than is asked for while another asks for more.

Source: D. Bertsekas, R. Gallager, "Data Networks", 2nd edition (1992), section 6.5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor as rounded_down


def divide(total: float, demands: Sequence[float], floors: Sequence[float]) -> list[float]:
    """Return the part of each one, in order; all parts together are `total`.

    No part is below its floor; where the floors exceed the total, they are the parts. Demands may be infinite. What
    nobody asks for goes to those with the smallest parts. Equal demands and floors get equal parts.
    """
    wanted = [max(demand, least) for demand, least in zip(demands, floors, strict=True)]
    if sum(wanted) <= total:
        return _raised(total, wanted)
    parts = list(floors)
    rest, free = total, list(range(len(parts)))
    while free:
        filled = dict(zip(free, _capped(rest, [demands[n] for n in free]), strict=True))
        pinned = [n for n in free if filled[n] < floors[n]]
        if not pinned:
            for n in free:
                parts[n] = filled[n]
            break
        rest -= sum(floors[n] for n in pinned)
        free = [n for n in free if n not in pinned]
    return parts


def divide_whole(total: int, demands: Sequence[float], floors: Sequence[float]) -> list[int]:
    """Return the parts as `divide`, in whole numbers: what is left by rounding down goes to the first ones."""
    exact = divide(total, demands, floors)
    parts = [rounded_down(part + 1e-9) for part in exact]
    left = total - sum(parts)
    for n in sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))[: max(0, left)]:
        parts[n] += 1
    return parts


def _capped(total: float, demands: Sequence[float]) -> list[float]:
    """Fill all to one level, none above its demand."""
    parts, rest = [0.0] * len(demands), max(0.0, total)
    order = sorted(range(len(demands)), key=demands.__getitem__)
    for k, n in enumerate(order):
        parts[n] = min(demands[n], rest / (len(order) - k))
        rest -= parts[n]
    return parts


def _raised(total: float, wanted: Sequence[float]) -> list[float]:
    """Fill all to one level; those who want more than that get what they want."""
    parts, rest = [0.0] * len(wanted), total
    order = sorted(range(len(wanted)), key=wanted.__getitem__, reverse=True)
    for k, n in enumerate(order):
        parts[n] = max(wanted[n], rest / (len(order) - k))
        rest -= parts[n]
    return parts
