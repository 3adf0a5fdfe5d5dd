"""Rows from tables in CSV, TSV, JSON, JSON lines or parquet files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows
from mmlubench.datasets.sources import arrow, csv_files
from mmlubench.errors import DataError, short
from mmlubench.inputs import DATA_BYTES, JSON_BYTES, read_bytes, read_lines

#: The file types, by the end of the file name.
KINDS = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_BOM = b"\xef\xbb\xbf"


def read(path: Path, expected: Mapping[str, str]) -> Rows:
    """Return the expected columns of a file. Raises DataError for a missing column or an unknown file type."""
    if path.suffix.lower() == ".parquet":
        return arrow.rows(arrow.read(path), expected, str(path))
    return checks.selected(columns(path), expected, str(path))


def columns(path: Path) -> Mapping[str, Sequence[Any]]:
    """Return all columns of a CSV, TSV, JSON or JSON-lines file. Raises DataError for an unknown file type."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return csv_files.read(path, "\t" if suffix == ".tsv" else ",")
    if suffix in (".json", ".jsonl"):
        records = [*(_array(path) if suffix == ".json" else objects(path))]
        if not records:
            raise DataError(path, checks.NOT_EMPTY)
        return _columns(records)
    raise DataError(path, f"its name must end in one of {', '.join(KINDS)}.")


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file. Raises DataError, also for a torn last line, which `jsonl.read` drops."""
    try:
        lines = (line for line in read_lines(path, DATA_BYTES) if line.strip())
        for number, line in enumerate(lines):
            yield _object(path, number, _json(path, line if number else line.removeprefix(_BOM), number))
    except OSError as error:
        raise _unreadable(path, error) from None


def _array(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = read_bytes(path, JSON_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from None
    values = _json(path, content.removeprefix(_BOM))
    if not isinstance(values, list):
        raise DataError(path, "a list of objects was expected, one for each question.")
    return (_object(path, number, value) for number, value in enumerate(values))


def _json(path: Path, content: bytes, row: int | None = None) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if (value := _with_gaps(content)) is not None:
            return value
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(path, "it is UTF-16, and UTF-8 text was expected.", row=row) from None
        where = "" if row is None else f"; {checks.COUNTED}"
        raise DataError(path, f"it is not JSON ({error.msg}{where}).", row=row) from None


def _with_gaps(content: bytes) -> Any:
    """Return what JSON with NaN stands for, which is None: pandas writes it for empty cells. None if it is no JSON."""
    if b"NaN" not in content:
        return None
    try:
        value = json.loads(content, parse_constant=lambda name: None if name == "NaN" else float(name))
        orjson.dumps(value)  # raises for what is no text or number of JSON
    except (ValueError, TypeError, RecursionError):
        return None
    return value


def _object(path: Path, number: int, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        problem = f"an object in braces was expected, found {short(value)}"
        raise DataError(path, f"{problem} ({checks.COUNTED}).", row=number)
    return value


def _columns(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Any]]:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path, f"it cannot be read ({checks.first_line(error)}).")
