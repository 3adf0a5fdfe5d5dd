"""A single file of a data set: parquet, CSV, TSV, JSON or JSON lines, with the columns of the data set.

Text files write lists and numbers in several ways. Cells are read as what their column holds: a list as JSON, as Python
writes it, or spread over columns A, B, C, …; the place of an answer as a number from 0, or as a letter. A CSV of the
original MMLU has neither a header nor a subject, which is then in the name of the file: `anatomy_test.csv`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import hendrycks, parquet, parts, snapshot, tables
from mmlubench.errors import DataError
from mmlubench.schema import ALPHABET

_TEXTS, _INTEGER = "texts", "integer"


def read(spec: Spec, path: Path, asked: Sequence[str] = ()) -> Source | None:
    """Read the scored split of a data set from a file; None for a file of another type. Raises DataError.

    Of a data set in parts, the name of the file or its column says which part a row is of; else it is that part which
    is `asked` for alone.
    """
    suffix = path.suffix.lower()
    if suffix not in tables.KINDS:
        return None
    revision = snapshot.verify(path.parent, spec, [path])
    name = parquet.named(spec, f"file {path}", revision)
    rows = _parquet(spec, path) if suffix == ".parquet" else _text_file(spec, path)
    if spec.parts:
        divided = _in_parts(spec, path, rows, asked)
        return Source({spec.scored: divided}, name, revision)
    return Source({spec.scored: [rows]}, name, revision)


def _parquet(spec: Spec, path: Path) -> Rows:
    # late: a text file needs no Arrow
    from mmlubench.datasets.sources import arrow

    table = arrow.read(path)
    has_parts = bool(spec.parts) and spec.part_column in table.column_names
    expected = {**spec.columns, **({spec.part_column: "text"} if has_parts else {})}
    made = arrow.rows(table, expected, str(path))
    del table
    arrow.release()
    return made


def _text_file(spec: Spec, path: Path) -> Rows:
    if spec.hendrycks and path.suffix.lower() == ".csv" and (plain := hendrycks.read_file(path)) is not None:
        return plain
    found = tables.columns(path)
    by_name = {name.strip().lower(): values for name, values in found.items()}
    columns = {name: _column(name, kind, by_name) for name, kind in spec.columns.items()}
    there = {name: values for name, values in columns.items() if values is not None}
    checks.columns(path, dict.fromkeys([*there, *found], checks.ANY), dict.fromkeys(spec.columns, checks.ANY))
    if spec.part_column.lower() in by_name and spec.parts:
        there[spec.part_column] = by_name[spec.part_column.lower()]
    return Rows(str(path), there)


def _column(name: str, kind: str, found: Mapping[str, Sequence[Any]]) -> Sequence[Any] | None:
    """Return the values of a column, whatever the case of its name; None if there is none."""
    values = found.get(name.lower())
    if values is None:
        return _spread(found) if kind == _TEXTS else None
    if kind == "text":
        return values
    read = _number if kind == _INTEGER else _structure
    return [read(value) if isinstance(value, str) else value for value in values]


def _spread(found: Mapping[str, Sequence[Any]]) -> list[list[Any]] | None:
    """Return the lists that columns A, B, C, … spread; a row may have fewer choices than there are columns."""
    letters = []
    for letter in ALPHABET.lower():
        if letter not in found:
            break
        letters.append(found[letter])
    if len(letters) < 2:
        return None
    rows = [list(cells) for cells in zip(*letters, strict=True)]
    for row in rows:
        while row and row[-1] in ("", None):
            row.pop()
    return rows


def _number(cell: str) -> Any:
    """Return the number in a cell, or the place of a letter; anything else as it is, for the check of its row."""
    text = cell.strip()
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    return ALPHABET.index(text) if len(text) == 1 and text in ALPHABET else cell


def _structure(cell: str) -> Any:
    """Return the list or object in a cell, in JSON or as Python writes it; anything else as it is."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        pass
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return cell


def _in_parts(spec: Spec, path: Path, rows: Rows, asked: Sequence[str]) -> list[Rows]:
    if spec.part_column in rows.columns:
        divided = parts.divide(rows, spec, asked)
        parts.check_there(
            spec, path, {one.part for one in divided}, asked, partial=len(asked) == len(spec.parts)
        )
        return divided
    part = _part(spec, path) or (asked[0] if len(asked) == 1 else "")
    if not part:
        raise DataError(
            path,
            f"neither its name nor a column says which {spec.part_column} of {spec.name} it holds; "
            f"name it like {spec.parts[0]}.parquet or say it with --{spec.part_column} {spec.parts[0]}.",
        )
    parts.check_there(spec, path, [part], asked, partial=len(asked) == len(spec.parts))
    return [Rows(rows.file, rows.columns, part=part)]


def _part(spec: Spec, path: Path) -> str:
    """Return the part that a path names: `DE_DE.parquet`, `mmlu_DE-DE.csv`, `DE_DE/test.parquet`; empty if none."""
    for part in spec.parts:
        names = (part, Path(spec.csv_file(part)).stem if spec.csv else part)
        if path.stem in names or path.parent.name == part:
            return part
    return ""
