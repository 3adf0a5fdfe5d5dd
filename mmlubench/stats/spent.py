"""The expenses of a run: tokens, requests, and money as far as prices are known."""

from __future__ import annotations

from collections.abc import Iterable
from math import fsum
from typing import NamedTuple

from mmlubench.schema import ANSWERED, Entry, Usage

_ANSWERS = frozenset(ANSWERED)


class Spent(NamedTuple):
    """The sum over all cases."""

    usage: Usage
    """All tokens, and the cost as far as it is known: None when no case has a known cost."""
    cost_known_for: int
    """The number of answered cases with a known cost."""
    requests: int
    """Requests sent, retries included."""


def spent(results: Iterable[Entry]) -> Spent:
    """Add up the expenses of all cases, in one pass."""
    given = taken = cached = written = reasoning = requests = cost_known_for = 0
    costs: list[float] = []
    for result in results:
        requests += result.requests
        usage = result.usage  # added field by field: a new Usage for every case would double the time
        given += usage.input_tokens
        taken += usage.output_tokens
        cached += usage.cached_tokens
        written += usage.cache_write_tokens
        reasoning += usage.reasoning_tokens
        if usage.cost_usd is not None:
            costs.append(usage.cost_usd)
            cost_known_for += result.outcome in _ANSWERS
    cost = fsum(costs) if costs else None
    return Spent(Usage(given, taken, cached, reasoning, cost, written), cost_known_for, requests)
