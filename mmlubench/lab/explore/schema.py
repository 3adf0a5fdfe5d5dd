"""The columns of the rows that are read: what they hold, and how many cells are empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmlubench.datasets import Rows, Spec
from mmlubench.lab.explore.sections import Section, Table, percent


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the scored split."""

    name: str
    holds: str
    """The kinds of its values, the most frequent first: `text`, `integer`, `list of text`, and so on."""
    rows: int
    nulls: int
    """Rows without a value, or with none somewhere in their list."""
    blank: int
    """Rows with a text of white space alone, or with one in their list."""
    distinct: int


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of the scored split, as far as a run reads them, and the number of rows of each split."""

    columns: tuple[Column, ...]
    rows: dict[str, int]


class Watch:
    """A description of a data set that notes the rows of which questions are made."""

    def __init__(self, spec: Spec) -> None:
        self.spec = replace(spec, check=self._check, build=self._build)
        self._own = spec
        self._waiting: list[Rows] = []
        self._columns: dict[str, _Tally] = {}
        self._rows: dict[str, int] = {}
        self._texts: dict[str, set[str]] = {}

    @property
    def has_read(self) -> bool:
        """Whether there was any row."""
        return bool(self._waiting or self._rows)

    def texts(self, split: str) -> frozenset[str]:
        """Return the texts of the questions of a split that is not scored."""
        return frozenset(self._texts.get(split, ()))

    def schema(self) -> Schema:
        """Return what was noted; rows that did not pass the check are of the scored split, which comes first."""
        if self._waiting and self._own.scored not in self._rows:
            self._note(self._own.scored, self._waiting)
        return Schema(tuple(one.column(name) for name, one in self._columns.items()), dict(self._rows))

    def _check(self, rows: Rows) -> None:
        self._waiting.append(rows)
        self._own.check(rows)

    def _build(self, split: str, files: Sequence[Rows]) -> Any:
        self._note(split, files)
        self._waiting.clear()
        return self._own.build(split, files)

    def _note(self, split: str, files: Iterable[Rows]) -> None:
        for rows in files:
            self._rows[split] = self._rows.get(split, 0) + len(rows)
            for name, values in rows.columns.items():
                if split == self._own.scored:
                    self._columns.setdefault(name, _Tally()).add(values)
                elif name.lower() == "question":
                    self._texts.setdefault(split, set()).update(filter(None, values))


class _Tally:
    """The values of a column so far."""

    def __init__(self) -> None:
        self._kinds: dict[str, int] = {}
        self._rows = self._nulls = self._blank = 0
        self._values: set[int] = set()

    def add(self, values: Sequence[Any]) -> None:
        self._rows += len(values)
        kinds: dict[type, int] = {}
        for value in values:
            kinds[type(value)] = kinds.get(type(value), 0) + 1
        for kind in kinds:
            same = values if len(kinds) == 1 else [value for value in values if type(value) is kind]
            name = _kind(same)
            self._kinds[name] = self._kinds.get(name, 0) + len(same)
            if kind in (str, type(None)):
                self._nulls += same.count(None)
                self._blank += sum(1 for one in same if _is_blank(one))
            elif kind in (list, tuple, dict):
                inner = [[*_inner(value)] for value in same]
                self._nulls += sum(1 for values_of_row in inner if None in values_of_row)
                self._blank += sum(1 for values_of_row in inner if any(map(_is_blank, values_of_row)))
            if kind is type(None):
                continue
            self._values.update(map(hash, same if kind in (str, int, bool, float) else map(repr, same)))

    def column(self, name: str) -> Column:
        kinds = sorted((kind for kind in self._kinds if kind != "null"), key=lambda kind: -self._kinds[kind])
        holds = " or ".join(kinds) or "nothing"
        return Column(name, holds, self._rows, self._nulls, self._blank, len(self._values))


_NAMES = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null"}


def _kind(values: Sequence[Any]) -> str:
    first = values[0]
    if isinstance(first, dict):
        return f"fields {', '.join(first)}"
    if isinstance(first, list | tuple):
        lengths = {len(value) for value in values}
        count = f"{min(lengths)}" if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)}"
        inner = next((_NAMES.get(type(one), type(one).__name__) for value in values for one in value), "null")
        return f"list of {count} {inner}"
    return _NAMES.get(type(first), type(first).__name__)


def _inner(value: Any) -> Iterator[Any]:
    """Yield the values in a list, or in fields."""
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list | tuple):
            yield from _inner(one)
        else:
            yield one


def _is_blank(value: Any) -> bool:
    return type(value) is str and (not value or value.isspace())


def shown(schema: Schema) -> Section:
    """Return the section."""
    rows = [
        [
            one.name,
            one.holds,
            f"{one.rows:,}",
            percent(one.nulls, one.rows),
            f"{one.blank:,}",
            f"{one.distinct:,}",
        ]
        for one in schema.columns
    ]
    counts = ", ".join(f"{split} {count:,}" for split, count in schema.rows.items())
    head = ["column", "holds", "rows", "nulls", "blank texts", "distinct"]
    return Section(
        "schema",
        "Columns",
        [f"Rows read, by split: {counts or 'none'}."],
        [Table("The columns that questions are made of", head, rows, less=[(5,), (4,)])] if rows else [],
    )
