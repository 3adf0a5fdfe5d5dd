"""Which rows of a data set are asked: `where` says what their cells hold, `leave_out` which rows are known as bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mmlubench.datasets import cells
from mmlubench.datasets.base import Rows
from mmlubench.errors import DataError, short

#: The cells of one column: a value, or any of several.
Values = str | int | bool | tuple[str | int, ...]


def kept(rows: Rows, where: Mapping[str, Values], leave_out: Mapping[str, Values]) -> Rows:
    """Return the rows that fit, with their numbers in the file. Raises DataError if `where` fits none at all."""
    places = [*range(len(rows))]
    for column, value in where.items():
        fitting = [at for at in places if _is(rows.columns[column][at], value)]
        if not fitting and places:
            held = ", ".join(dict.fromkeys(str(rows.columns[column][at]) for at in places))
            raise DataError(
                rows.file, f"no row has {short(value)} in its column {column!r}; found {short(held)}."
            )
        places = fitting
    places = [
        at
        for at in places
        if not any(_is(rows.columns[name][at], value) for name, value in leave_out.items())
    ]
    if len(places) == len(rows):
        return rows
    return only(rows, places)


def first_of_each(files: Sequence[Rows], column: str, most: int) -> list[Rows]:
    """Return the first rows of each subject, which `column` names, if there is one: a training split has far more."""
    count: Counter[tuple[str, object]] = Counter()
    made = []
    for rows in files:
        subjects = rows.columns[column] if column else [""] * len(rows)
        places = []
        for at, subject in enumerate(subjects):
            count[rows.part, subject] += 1
            if count[rows.part, subject] <= most:
                places.append(at)
        made.append(rows if len(places) == len(rows) else only(rows, places))
    return made


def only(rows: Rows, places: Sequence[int]) -> Rows:
    """Return the rows at these places."""
    columns = {name: [values[at] for at in places] for name, values in rows.columns.items()}
    return Rows(rows.file, columns, [rows.number(at) for at in places], rows.part)


def _is(cell: object, value: Values) -> bool:
    found = cells.as_text(cell)
    return found in [str(one) for one in (value if isinstance(value, tuple) else (value,))]
