"""The demand of shards: how much of a limit each could use, estimated from what it has used so far."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

from mmlubench.engine.limits.allotment import CONCURRENCY, RPM, ModelUsage, Usage

#: A shard is given so much more of a rate than it lately used, so that it can go a little faster.
_MORE = 1.25
#: Demands are rounded up to such parts of an equal part, so that parts do not change with every report.
_RATE_STEP, _MONEY_STEP = 0.05, 0.02
#: A shard is given so much more money than its cases so far suggest.
_DEARER = 1.05
#: After so many cases it is known what a case costs.
_ENOUGH = 5


def rate_demand(usage: Usage, label: str, name: str, equal: float) -> float:
    """Return how much of a limit of a model a shard could use: infinite if it waits for that limit.

    `name` is that of the limit, `equal` the equal part of each shard.
    """
    of = usage.models.get(label, ModelUsage())
    is_short = of.short_of == name
    if usage.total and usage.done + of.in_flight >= usage.total and not of.waiting:  # nothing is left to send
        return 0.0
    if is_short:
        return inf
    if name == CONCURRENCY:
        return ceil(of.in_flight * _MORE) + 1
    return _up(_MORE * (of.rpm if name == RPM else of.tpm), _RATE_STEP * equal)


class Demand:
    """The US dollars that shards need in all, from the start of their processes to the end."""

    def __init__(self, usages: Sequence[Usage], equal: float) -> None:
        """`equal` is the equal part of each shard in US dollars."""
        self._usages, self._equal = usages, equal
        known = [usage for usage in usages if _is_known(usage)]
        cases = sum(usage.done for usage in known)
        self._per_case = sum(usage.spent for usage in known) / cases if cases else inf
        totals = [usage.total for usage in usages if usage.total]
        self._cases = sum(totals) / len(totals) if totals else 0.0

    def dollars(self, number: int) -> float:
        """Return what one of them needs, infinite if it waits for money or if nothing is known."""
        usage = self._usages[number]
        if usage.wanted:
            return inf
        committed = usage.spent + usage.reserved
        if usage.total and usage.done >= usage.total:
            return committed
        per_case = usage.spent / usage.done if _is_known(usage) else self._per_case
        if per_case == inf:
            return inf
        left = (usage.total or self._cases) - usage.done
        return max(committed, _up(usage.spent + _DEARER * per_case * left, _MONEY_STEP * self._equal))


def _is_known(usage: Usage) -> bool:
    return usage.done >= _ENOUGH and usage.spent > 0


def _up(amount: float, step: float) -> float:
    """Round up to a multiple of a step."""
    return ceil(amount / step - 1e-9) * step if step > 0 else amount
