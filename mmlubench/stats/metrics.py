"""Metrics: the figures of a run besides its accuracy, each one object with its value, its JSON key and its display.

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


def _no_parts(value: Any, beside: Mapping[str, Any]) -> Sequence[str]:
    return ()


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """One metric of the cases of one benchmark and model."""

    key: str
    """The key of the metric in `summary.json`."""
    compute: Callable[[Sequence[Entry]], T | None]
    """Computes the value from the cases, in the order of their data set; None if these cases have no value.

    A value is one that JSON can hold, or an object with `to_dict`.
    """
    show: Callable[[T, Mapping[str, Any]], Sequence[str]] = _no_parts
    """Returns the value in words, as parts of one line on the screen; no parts if it is only in `summary.json`.

    The second argument holds the values of all metrics by their keys.
    """
    load: Callable[[Any], T] = _unchanged
    """Makes the value from its form in JSON."""
    with_time: bool = False
    """Whether its parts are added to the line of time and requests, instead of a line of their own."""


#: Our metrics by key, in the order in which they are shown; those of other packages come after them.
METRICS: Registry[Metric[Any]] = Registry(
    "metric",
    {
        "accuracy_with_guess": "mmlubench.stats.accuracy_with_guess:ACCURACY_WITH_GUESS",
        "repeats": "mmlubench.stats.repeats:REPEATS",
        "letter_mass": "mmlubench.stats.letter_mass:LETTER_MASS",
        "calibration": "mmlubench.stats.calibration:CALIBRATION",
        "debate": "mmlubench.stats.debate:DEBATE",
        "second_tries": "mmlubench.stats.second_tries:SECOND_TRIES",
        "latency": "mmlubench.stats.latency:LATENCY",
    },
    lambda thing: thing if isinstance(thing, Metric) else None,
    must_be="a mmlubench.Metric",
)


def metrics() -> list[Metric[Any]]:
    """Return all metrics, in the order in which they are shown. Raises UserError for a part that is not a metric."""
    return list(METRICS.all().values())


def computed(results: Sequence[Entry], *, reserved: Container[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Compute the values of all metrics by key, None for no value, and a sentence for each metric that failed.

    A metric that raises an error, has a value that JSON cannot hold or a `reserved` key does not affect the others.
    The sentences have no full stop.
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
        except Exception as error:  # a metric of another package may raise anything
            failures.append(f"the metric {metric.key} failed ({type(error).__name__}: {error})")
        else:
            values[metric.key] = value
    return values, failures


def loaded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make the values of metrics from their forms in JSON, by key.

    The form is kept for a key of no known metric, and for a metric of another package that fails to load it.
    """
    known = {metric.key: metric for metric in metrics()}
    return {key: _loaded(known.get(key), value) for key, value in values.items()}


def _loaded(metric: Metric[Any] | None, value: Any) -> Any:
    if metric is None or value is None:
        return value
    try:
        return metric.load(value)
    except Exception:
        if metric.key in METRICS.ours:
            raise
        return value  # a metric of another package must not keep the other figures from being read


def plain(value: Any) -> Any:
    """Return a metric's value in its form for JSON."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def shown(values: Mapping[str, Any], *, with_time: bool = False) -> Iterator[list[str]]:
    """Yield the parts of a line for each metric that shows something."""
    for metric in metrics():
        if values.get(metric.key) is not None and metric.with_time is with_time:
            parts = _parts(metric, values)
            if parts:
                yield parts


def _parts(metric: Metric[Any], values: Mapping[str, Any]) -> list[str]:
    try:
        return list(metric.show(values[metric.key], values))
    except Exception as error:  # so that the other figures are still shown
        return [f"{metric.key} cannot be shown ({type(error).__name__}: {error})"]
