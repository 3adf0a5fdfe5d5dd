"""Checks of data before use: columns, rows, counts. No row is repaired or skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from mmlubench.datasets import cells
from mmlubench.datasets.base import Rows
from mmlubench.errors import DataError
from mmlubench.schema import ALPHABET, Question

NOT_EMPTY = "it has no rows, and at least one question was expected."
COUNTED = "rows count from 0"
SHOWN = 3  # the most problems of one kind that an error message lists
ANY = "any"  # in `Spec.columns`: the column's kind is not checked, since `Spec.check` checks every row


def columns(file: object, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Check names and kinds of columns. Raises DataError for a column that is missing or of another kind."""
    for name, kind in expected.items():
        if name not in found:
            listed = ", ".join(found) or "none"
            raise DataError(
                file, f"column {name!r} is missing; expected {', '.join(expected)}, found {listed}."
            )
        if kind not in (ANY, found[name]):
            raise DataError(file, f"column {name!r} holds {found[name]}, and {kind} was expected.")


def selected(
    found: Mapping[str, Sequence[Any]], expected: Mapping[str, str], file: str, part: str = ""
) -> Rows:
    """Return the expected columns as rows, whatever their kind. Raises DataError for a missing column."""
    columns(file, dict.fromkeys(found, ANY), dict.fromkeys(expected, ANY))
    return Rows(file, {name: found[name] for name in expected}, part=part)


def multiple_choice(rows: Rows, *, subjects: Collection[str], choices: int) -> None:
    """Check every row: a question, a known subject, this number of choices, an answer among them.

    Raises DataError for the first bad row, and for a file without rows.
    """
    filled(rows)
    columns = (rows.columns[name] for name in ("question", "subject", "choices", "answer"))
    for index, (question, subject, options, answer) in enumerate(zip(*columns, strict=True)):
        # One expression for valid rows, which is fast: it runs for every row of every load.
        if not (
            type(question) is str
            and question.strip()
            and type(subject) is str
            and subject in subjects
            and type(options) is list
            and len(options) == choices
            and all([type(option) is str for option in options])  # noqa: C419  (a list is faster here)
            and type(answer) is int
            and 0 <= answer < choices
        ):
            raise bad(rows, index, _problem(question, subject, options, answer, subjects, choices))


def _problem(
    question: object,
    subject: object,
    options: object,
    answer: object,
    subjects: Collection[str],
    choices: int,
) -> str:
    """Return the problem of a row that is known to be bad."""
    return (
        cells.text("question", question)
        or cells.one_of("subject", subject, subjects)
        or cells.texts("choices", options, choices)
        or cells.index("answer", answer, choices)
    )


def every_row(rows: Rows, columns: Iterable[str], problem: Callable[..., str]) -> None:
    """Check the cells of every row: `problem` says what is wrong with those of one, or nothing.

    Raises DataError for the first bad row, and for a file without rows.
    """
    filled(rows)
    for index, row in enumerate(zip(*(rows.columns[name] for name in columns), strict=True)):
        if said := problem(*row):
            raise bad(rows, index, said)


def filled(rows: Rows) -> None:
    """Raise DataError for a file without rows."""
    if not len(rows):
        raise DataError(rows.file, NOT_EMPTY)


def bad(rows: Rows, index: int, problem: str) -> DataError:
    """Return the DataError for a bad row."""
    return DataError(rows.file, f"{problem} ({COUNTED}).", row=rows.number(index))


class Unique:
    """A check that no two rows have the same id: a reply could belong to either."""

    def __init__(self, where: object) -> None:
        self._where = where
        self._hashes: set[int] = set()  # in place of the ids, as the memory would hold each id twice
        self._count = 0

    def add(self, questions: Sequence[Question]) -> None:
        """Note the ids of questions."""
        self._hashes.update(hash(question.id) for question in questions)
        self._count += len(questions)

    def check(self, questions: Iterable[Question]) -> None:
        """Raise DataError if two of the questions have the same id; they are those that were added."""
        if len(self._hashes) == self._count:
            return
        for name, count in Counter(question.id for question in questions).items():
            if count > 1:
                problem = f"two rows have the id {name!r}; give every row an id of its own."
                raise DataError(self._where, problem)


def csv_record(file: str, number: int, record: Sequence[str], choices: int) -> None:
    """Check one record of a CSV file with question, choices and letter. Raises DataError."""
    letters = ALPHABET[:choices]
    if len(record) != choices + 2:
        fields = f"question, {', '.join(letters)}, answer"
        problem = f"it has {len(record)} columns, and {choices + 2} were expected: {fields}"
    else:
        problem = cells.letter("answer", record[-1], letters)
    if not problem:
        return
    raise DataError(file, f"{problem} ({COUNTED}, there is no header).", row=number)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has no message."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__


def counts(
    where: str, what: str, found: Mapping[str, int], expected: Mapping[str, int], *, partial: bool
) -> int:
    """Check `found`, the number of questions of each subject, and return the number of subjects.

    With `partial` there may be fewer than expected, never more. Raises DataError with subject, found, expected.
    """
    wrong = [
        f"{subject} has {found.get(subject, 0):,} (expected {number:,})"
        for subject, number in expected.items()
        if (found.get(subject, 0) > number if partial else found.get(subject, 0) != number)
    ]
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        listed = ", ".join(wrong[:SHOWN]) + more
        way_out = "get the complete data" + ("" if partial else ", or give --allow-partial-data")
        raise DataError(where, f"wrong number of {what}: {listed}; {way_out}.")
    return len(found)
