"""Metrics: what a run tells beside its accuracy, each one object with its value, its JSON key and how it is shown.

To add one, write a module with a `Metric` and name it in `METRICS`; the summary, `summary.json` and the screen follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mmlubench.registry import Registry
from mmlubench.schema import Entry

T = TypeVar("T")


def _nothing(value: Any, beside: Mapping[str, Any]) -> Sequence[str]:
    return ()


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """One metric, of the cases of one benchmark and model."""

    key: str
    """Its key in `summary.json`."""
    compute: Callable[[Sequence[Entry]], T | None]
    """From the cases, in the order of their data set, to the value; None where these cases have none.

    A value is what JSON has a form for, or an object with `to_dict`.
    """
    show: Callable[[T, Mapping[str, Any]], Sequence[str]] = _nothing
    """The value in words, as parts of one line on the screen; none for what is only in `summary.json`.

    The second argument holds the values of all metrics by their keys.
    """
    load: Callable[[Any], T] = _as_it_is
    """From its form in JSON to the value again."""
    with_time: bool = False
    """Whether its parts go to the end of the line of time and requests, in place of a line of their own."""


#: Each metric of ours by its key, in the order in which they are shown; then those of strangers.
METRICS: Registry[Metric[Any]] = Registry(
    "metric",
    {
        "accuracy_with_guess": "mmlubench.stats.accuracy_with_guess:ACCURACY_WITH_GUESS",
        "repeats": "mmlubench.stats.repeats:REPEATS",
        "calibration": "mmlubench.stats.calibration:CALIBRATION",
        "debate": "mmlubench.stats.debate:DEBATE",
        "latency": "mmlubench.stats.latency:LATENCY",
    },
    lambda thing: thing if isinstance(thing, Metric) else None,
    must_be="a mmlubench.Metric",
)


def metrics() -> list[Metric[Any]]:
    """Give every metric there is, in the order in which they are shown. Raises UserError for one that is none."""
    return list(METRICS.all().values())


def computed(results: Sequence[Entry], *, reserved: Container[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Compute the value of every metric by its key, None where there is none; no metric has a `reserved` key.

    A metric that fails, or has a value that JSON cannot hold, must not cost the others: it has no value, and a
    sentence without a full stop says why.
    """
    values: dict[str, Any] = {}
    failures = []
    for metric in metrics():
        if metric.key in reserved or metric.key in values:
            failures.append(f"the metric {metric.key} is left out: summary.json has this key already")
            continue
        values[metric.key] = None
        try:
            value = metric.compute(results)
            json.dumps(plain(value), allow_nan=False)
        except Exception as error:  # whatever a stranger's metric does
            failures.append(f"the metric {metric.key} failed ({type(error).__name__}: {error})")
        else:
            values[metric.key] = value
    return values, failures


def loaded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values by key back from JSON; what no metric of today knows stays as it stands."""
    known = {metric.key: metric for metric in metrics()}
    return {
        key: known[key].load(value) if key in known and value is not None else value
        for key, value in values.items()
    }


def plain(value: Any) -> Any:
    """Give the form for JSON of a metric's value."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def shown(values: Mapping[str, Any], *, with_time: bool = False) -> Iterator[list[str]]:
    """Yield the parts of a line for each metric that has something to show."""
    for metric in metrics():
        if values.get(metric.key) is not None and metric.with_time is with_time:
            parts = _parts(metric, values)
            if parts:
                yield parts


def _parts(metric: Metric[Any], values: Mapping[str, Any]) -> list[str]:
    try:
        return list(metric.show(values[metric.key], values))
    except Exception as error:  # the figures that follow on the screen must not be lost with it
        return [f"{metric.key} cannot be shown ({type(error).__name__}: {error})"]
