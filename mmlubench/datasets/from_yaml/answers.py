"""Which choice of a row is the right one: the answer in the data, read as a letter, a number or a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows
from mmlubench.errors import DataError, short
from mmlubench.schema import ALPHABET


class Row(NamedTuple):
    """A row of the user's data, of which all but the answer is read."""

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
        """Return the error of this row."""
        return checks.bad(self.rows, self.at, problem)


def _by_letter(row: Row, base: int) -> str | None:
    value = _whole(row.answer)
    if value in row.labels:
        return ALPHABET[row.labels.index(value)]
    bare = re.fullmatch(r"\(?([A-Za-z])[).:]?", value)  # B, b, (B), B., B) or B:
    letter = bare[1].upper() if bare else ""
    return letter if letter and letter in ALPHABET[: len(row.choices)] else None


def _by_index(row: Row, base: int) -> str | None:
    place = number(row.answer)
    place = None if place is None else place - base
    return ALPHABET[place] if place is not None and 0 <= place < len(row.choices) else None


def _by_text(row: Row, base: int) -> str | None:
    value = (cells.as_text(row.answer) or "").strip()
    found = [letter for letter, choice in zip(ALPHABET, row.choices, strict=False) if choice.strip() == value]
    return found[0] if len(found) == 1 else None


def _by_flag(row: Row, base: int) -> str | None:
    """Read TruthfulQA's way: `labels` beside the choices are 1 for the right one and 0 for the others."""
    flags = row.answer.get("labels") if isinstance(row.answer, Mapping) else row.answer
    if (
        not isinstance(flags, list)
        or len(flags) != len(row.choices)
        or sorted(flags) != [*[0] * (len(flags) - 1), 1]
    ):
        return None
    return ALPHABET[flags.index(1)]


#: How an answer may name the right choice.
WAYS: Mapping[str, Callable[[Row, int], str | None]] = {
    "letter": _by_letter,
    "index": _by_index,
    "text": _by_text,
    "flag": _by_flag,
}
#: The way of data whose right choice is the first of its columns, in every row; it fits all data, so it must be said.
FIRST = "first"


def number(answer: object) -> int | None:
    """Return the number of a choice as it stands in the data, counted from whatever base; None if it is no number."""
    value = _whole(answer)
    return int(value) if re.fullmatch(r"-?\d{1,3}", value, re.ASCII) else None


def _whole(answer: object) -> str:
    """Return an answer as text; tables with gaps write 2 as 2.0."""
    value = str(answer).strip()
    return value[:-2] if re.fullmatch(r"-?\d{1,3}\.0", value, re.ASCII) else value


def letters(rows: Sequence[Row], answer: str, index_base: int | None) -> list[str]:
    """Return the right letter of every row. Raises DataError for a row that names none.

    `index_base` is the number of the first choice, None for the usual 0 if the user did not say it.
    """
    if answer == FIRST:
        return [ALPHABET[0]] * len(rows)
    base = index_base or 0
    ways = [answer] if answer in WAYS else [*WAYS]
    read = {way: [WAYS[way](row, base) for row in rows] for way in ways}
    fitting = {way: [one for one in found if one] for way, found in read.items() if None not in found}
    if not fitting:
        # The way that fits most of them is the one that was meant.
        way = max(ways, key=lambda way: len(rows) - read[way].count(None))
        row = rows[read[way].index(None)]
        expected = _expected(way, row, base)
        if not any(any(found) for found in read.values()):  # then no way is likelier than another
            expected = ", or ".join(_expected(way, row, base) for way in ways)
        hint = _counted_from_one(rows) if index_base is None and way == "index" else ""
        raise row.bad(f"answer is {short(row.answer)}, and {expected} was expected{hint}")
    (way, found), *others = fitting.items()
    for other, theirs in others:
        differing = [row for row, one, two in zip(rows, found, theirs, strict=True) if one != two]
        if differing:
            problem = f"answer is {short(differing[0].answer)}, which can be read as {way} and as {other}"
            raise differing[0].bad(f"{problem}; say which it is, as in `answer: {way}`")
    return found


def _expected(way: str, row: Row, base: int) -> str:
    last = len(row.choices) - 1
    if way == "letter":
        names = row.labels or ALPHABET[: last + 1]
        return f"a letter from {names[0]} to {names[-1]}"
    if way == "index":
        return f"a whole number from {base} to {base + last}"
    return (
        "the text of exactly one of its choices"
        if way == "text"
        else "a list of labels of which one is 1, and all others 0"
    )


def _counted_from_one(rows: Sequence[Row]) -> str:
    """Return an advice if every answer would name a choice when counted from 1."""
    fits = all(_by_index(row, 1) for row in rows)
    return "; no answer is 0, so they seem to count from 1: then say `index_base: 1`" if fits else ""
