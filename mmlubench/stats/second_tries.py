"""The second tries: replies that were cut off, and replaced by that of a second request with a larger limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmlubench.figures import several
from mmlubench.schema import Entry
from mmlubench.stats.metrics import Metric


def second_tries(results: Iterable[Entry]) -> int | None:
    """Count the second tries; None if there is none."""
    return sum(result.second_tries for result in results) or None


def _shown(value: int, beside: Mapping[str, Any]) -> list[str]:
    return [f"{several(value, 'reply', 'replies')} cut off and asked for again with a larger token limit"]


SECOND_TRIES = Metric("second_tries", second_tries, _shown)
