"""The latency of answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, fsum
from typing import Any

from mmlubench.schema import ANSWERED, Entry, known_values
from mmlubench.stats.metrics import Metric

_ANSWERS = frozenset(ANSWERED)


@dataclass(frozen=True, slots=True)
class Latency:
    """The seconds that an answered case waited for the model."""

    mean: float
    p50: float
    p95: float

    def to_dict(self) -> dict[str, float]:
        """Return the values for JSON."""
        return {"mean": self.mean, "p50": self.p50, "p95": self.p95}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Latency:
        """Make the latency from the dictionary of `to_dict`."""
        return cls(**known_values(values, cls.__slots__))


def latency(results: Iterable[Entry]) -> Latency | None:
    """Sum up the waits of all answered cases; None without any.

    A case with a wait of 0 has none that was measured: a batch answered it.
    """
    ordered = sorted(
        result.latency_s for result in results if result.outcome in _ANSWERS and result.latency_s
    )
    if not ordered:
        return None
    return Latency(
        mean=fsum(ordered) / len(ordered), p50=_percentile(ordered, 0.5), p95=_percentile(ordered, 0.95)
    )


def _shown(value: Latency, beside: Mapping[str, Any]) -> list[str]:
    several = " of a question's requests together" if beside.get("debate") or beside.get("repeats") else ""
    return [f"median wait{several} {value.p50:.2f} s, 95 % under {value.p95:.2f} s"]


LATENCY = Metric("latency", latency, _shown, Latency.from_dict, with_time=True)


def _percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least this share of all values do not exceed (nearest rank)."""
    return ordered[ceil(share * len(ordered)) - 1]
