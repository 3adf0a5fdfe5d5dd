"""A metric: how many letters of the alphabet were said, apart from how right they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmlubench import Entry, Metric


def _count(results: Sequence[Entry]) -> int | None:
    return len({result.prediction for result in results if result.prediction}) if results else None


def _in_words(value: int, beside: Mapping[str, object]) -> Sequence[str]:
    return [f"{value} letter said" if value == 1 else f"{value} letters said"]


LETTERS = Metric("acme_letters", _count, _in_words)
