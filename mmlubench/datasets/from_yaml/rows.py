"""Rows of a user's own data set to questions, by what its columns are said to mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

import orjson

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows
from mmlubench.errors import DataError, short
from mmlubench.figures import several
from mmlubench.schema import ALPHABET, Question
from mmlubench.yaml_file import EXACT, key

_CHOICES = key(
    f"the name of a column that holds lists, or a list of 2 to {len(ALPHABET)} names",
    lambda value: bool(value) if isinstance(value, str) else 2 <= len(value) <= len(ALPHABET) and all(value),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; empty where there is none."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    question: str = field(metadata=key("the name of the column of questions", bool))
    choices: str | tuple[str, ...] = field(metadata=_CHOICES)
    """One column that holds a list, or a column for each choice."""
    answer: str = field(metadata=key("the name of the column of answers", bool))
    subject: str = ""
    category: str = ""
    id: str = ""
    rationale: str = ""
    language: str = ""
    split: str = ""

    def used(self) -> list[str]:
        """Return the names of all columns, in the order of the fields."""
        named = (getattr(self, one.name) for one in fields(self))
        return [name for one in named for name in (one if isinstance(one, tuple) else (one,)) if name]


class _Row(NamedTuple):
    rows: Rows
    at: int
    text: str
    choices: tuple[str, ...]
    labels: tuple[str, ...]
    """The labels of the choices in the data, if they have any."""
    answer: Any
    more: Mapping[str, str]
    """The cells of the other columns, by field of `Columns`."""

    def bad(self, problem: str) -> DataError:
        return checks.bad(self.rows, self.at, problem)


def questions(
    name: str,
    columns: Columns,
    answer: str,
    index_base: int,
    language: str,
    prefix: str,
    files: Sequence[Rows],
) -> list[Question]:
    """Make questions of benchmark `name`: subjects in alphabetical order, rows in file order.

    `answer` is one of `WAYS`, or `auto` for the one that fits every row. Raises DataError for a row that
    cannot be used, for two of one id, and if `auto` finds more than one way and they differ.
    """
    rows = [row for one in files for row in _rows(one, columns)]
    letters = _letters(rows, answer, index_base)
    by_subject: dict[str, list[Question]] = {}
    seen: dict[str, _Row] = {}
    for row, letter in zip(rows, letters, strict=True):
        subject = row.more.get("subject", name)
        same = by_subject.setdefault(subject, [])
        own_id = _slug(row.more.get("id", f"{len(same):04d}"))
        row_id = f"{name}/{_slug(subject)}/{prefix}{own_id}"
        if row_id in seen:
            first = seen[row_id].rows.number(seen[row_id].at)
            raise row.bad(f"the id {own_id!r} is that of row {first} too, and every row needs its own")
        seen[row_id] = row
        more = {"language": row.more.get("language", language), "rationale": row.more.get("rationale", "")}
        category = row.more.get("category", name)
        same.append(Question(row_id, name, subject, category, row.text, row.choices, letter, **more))
    return [question for subject in sorted(by_subject) for question in by_subject[subject]]


def _slug(text: str) -> str:
    """Return a text as it may stand in the id of a test."""
    return re.sub(r"[^\w.-]+", "_", text)


def _rows(rows: Rows, columns: Columns) -> Iterator[_Row]:
    for at in range(len(rows)):
        text = rows.columns[columns.question][at]
        if problem := cells.text(columns.question, text):
            raise checks.bad(rows, at, problem)
        choices, labels = _choices(rows, at, columns.choices)
        yield _Row(
            rows, at, text, choices, labels, rows.columns[columns.answer][at], _more(rows, at, columns)
        )


def _more(rows: Rows, at: int, columns: Columns) -> dict[str, str]:
    """Return the cells that are not empty of the columns that a data set need not have."""
    found = {}
    for one in ("subject", "category", "id", "rationale", "language"):
        name = getattr(columns, one)
        value = _text(rows.columns[name][at]) if name else ""
        if value is None:
            problem = f"{name} is {short(rows.columns[name][at])}, and a text was expected"
            raise checks.bad(rows, at, problem)
        if value:
            found[one] = value
    return found


def _text(value: object) -> str | None:
    """Return a cell as text, an empty one as nothing; None if it is neither text nor number."""
    if value is None:
        return ""
    return str(value) if type(value) in (str, int, float) else None


def _choices(rows: Rows, at: int, columns: str | tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the choices of a row, and what the data call them. Raises DataError."""
    if isinstance(columns, tuple):
        values: Any = [rows.columns[name][at] for name in columns]
        while values and values[-1] in (None, ""):  # a row may have fewer choices than there are columns
            values.pop()
        labels: Any = ()
    else:
        values, labels = _listed(rows.columns[columns][at])
    if not isinstance(values, list) or not 2 <= len(values) <= len(ALPHABET):
        given = several(len(values), "choice") if isinstance(values, list) else f"the choices {short(values)}"
        raise checks.bad(rows, at, f"it has {given}, and a list of 2 to {len(ALPHABET)} was expected")
    texts = []
    for letter, value in zip(ALPHABET, values, strict=False):
        text = _text(value)
        if not text or not text.strip():
            raise checks.bad(rows, at, f"choice {letter} is {short(value)}, and a text was expected")
        texts.append(text)
    has_labels = isinstance(labels, list) and len(labels) == len(texts)
    return tuple(texts), tuple(map(str, labels)) if has_labels else ()


def _listed(value: Any) -> tuple[Any, Any]:
    """Return the list in a cell, and its labels: a list, a list as JSON text, or `text` and `label` side by side."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value, ()
    if isinstance(value, Mapping):
        return value.get("text", value), value.get("label", ())
    return value, ()


# -- which choice is the right one


def _by_letter(row: _Row, base: int) -> str | None:
    value = str(row.answer).strip()
    if value in row.labels:
        return ALPHABET[row.labels.index(value)]
    letters = ALPHABET[: len(row.choices)]
    return value.upper() if len(value) == 1 and value.upper() in letters else None


def _by_index(row: _Row, base: int) -> str | None:
    value = str(row.answer).strip()
    if not re.fullmatch(r"-?\d{1,3}", value, re.ASCII):
        return None
    place = int(value) - base
    return ALPHABET[place] if 0 <= place < len(row.choices) else None


def _by_text(row: _Row, base: int) -> str | None:
    value = (_text(row.answer) or "").strip()
    found = [letter for letter, choice in zip(ALPHABET, row.choices, strict=False) if choice.strip() == value]
    return found[0] if len(found) == 1 else None


#: How an answer may name the right choice.
WAYS: Mapping[str, Callable[[_Row, int], str | None]] = {
    "letter": _by_letter,
    "index": _by_index,
    "text": _by_text,
}


def _letters(rows: Sequence[_Row], answer: str, base: int) -> list[str]:
    """Return the right letter of every row. Raises DataError for a row that names none."""
    ways = [answer] if answer in WAYS else [*WAYS]
    read = {way: [WAYS[way](row, base) for row in rows] for way in ways}
    fitting = {way: [one for one in letters if one] for way, letters in read.items() if None not in letters}
    if not fitting:
        # The way that fits most of them is the one that was meant.
        way = max(ways, key=lambda way: len(rows) - read[way].count(None))
        row = rows[read[way].index(None)]
        raise row.bad(f"answer is {short(row.answer)}, and {_expected(way, row, base)} was expected")
    (way, letters), *others = fitting.items()
    for other, theirs in others:
        differing = [row for row, one, two in zip(rows, letters, theirs, strict=True) if one != two]
        if differing:
            problem = f"answer is {short(differing[0].answer)}, which can be read as {way} and as {other}"
            raise differing[0].bad(f"{problem}; say which it is, as in `answer: {way}`")
    return letters


def _expected(way: str, row: _Row, base: int) -> str:
    last = len(row.choices) - 1
    if way == "letter":
        names = row.labels or ALPHABET[: last + 1]
        return f"a letter from {names[0]} to {names[-1]}"
    if way == "index":
        return f"a whole number from {base} to {base + last}"
    return "the text of exactly one of its choices"
