"""The embedded sample of a data set: questions of our own that come with the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmlubench import __version__
from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import parts, tables
from mmlubench.errors import DataError
from mmlubench.resources import fixture


def read(spec: Spec, asked: Sequence[str] = ()) -> Source:
    """Read the sample of a data set. Raises DataError if it has none, or for a bad line."""
    if not spec.sample:
        raise DataError(spec.name, "it has no embedded sample; give --data hub or --data DIR.")
    splits = _splits(fixture(spec.sample), spec)
    if spec.parts:
        splits = {
            split: [part for rows in files for part in parts.divide(rows, spec, asked)]
            for split, files in splits.items()
        }
        there = {rows.part for rows in splits.get(spec.scored, ())}
        # If all parts were asked for, the sample may lack some; a part that was given by name must be present.
        parts.check_there(spec, "embedded sample", there, asked, partial=len(asked) == len(spec.parts))
    return Source(splits, "embedded sample", f"mmlubench {__version__}", complete=False)


def _splits(path: Path, spec: Spec) -> dict[str, list[Rows]]:
    names = [*spec.columns, *([spec.part_column] if spec.parts else [])]
    records: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[str, list[int]] = {}
    for number, record in enumerate(_records(path, ("split", *names))):
        records.setdefault(record["split"], []).append(record)
        numbers.setdefault(record["split"], []).append(number)
    return {
        split: [Rows(str(path), {name: [record[name] for record in same] for name in names}, numbers[split])]
        for split, same in records.items()
    }


def _records(path: Path, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(tables.objects(path)):
        if not record.keys() >= set(keys):
            expected = f"expected an object with {', '.join(keys)}"
            raise DataError(path, f"{expected} ({checks.COUNTED}).", row=number)
        yield record
