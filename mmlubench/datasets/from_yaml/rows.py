"""Rows of a user's own data set to questions, by what its columns are said to mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows
from mmlubench.datasets.from_yaml import answers, in_text, wording
from mmlubench.datasets.from_yaml.answers import Row
from mmlubench.datasets.from_yaml.choices import choices
from mmlubench.datasets.from_yaml.scripts import language_of
from mmlubench.datasets.from_yaml.shuffling import shuffled
from mmlubench.errors import short
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
    """A column, or a text with columns in braces."""
    choices: str | tuple[str, ...] = field(default="", metadata=_CHOICES)
    """One column that holds a list, or a column for each choice; left out if they stand in the text of the question."""
    answer: str = field(default="", metadata=key("the name of the column of answers", bool))
    subject: str = ""
    category: str = ""
    id: str | tuple[str, ...] = ""
    """A column, or several that are unique together."""
    rationale: str = ""
    language: str = ""
    split: str = ""
    context: str = ""
    """What is read before the question, such as a passage; a row may have none."""

    def used(self) -> list[str]:
        """Return the names of all columns, in the order of the fields."""
        named: list[str | tuple[str, ...]] = [getattr(self, one.name) for one in fields(self)]
        named[0] = tuple(wording.fields(self.question))
        return [name for one in named for name in (one if isinstance(one, tuple) else (one,)) if name]


def questions(
    name: str,
    columns: Columns,
    answer: str,
    index_base: int | None,
    language: str,
    prefix: str,
    files: Sequence[Rows],
    *,
    shuffle: bool = False,
    parts: str = "",
    categories: Mapping[str, str] | None = None,
    replace: Mapping[str, str] | None = None,
) -> list[Question]:
    """Make questions of benchmark `name`: language by language, subjects in alphabetical order, rows in file order.

    `answer` is one of `answers.WAYS`, `first`, or `auto` for the one that fits every row. Without a `language` anywhere
    it is told by the script. With `shuffle` the choices of a question get an order that depends on its id alone.
    `parts` says what `Rows.part` is: `language` or `subject`. `categories` are those of subjects.
    `replace` are patterns in questions and choices, and what takes their place. Raises
    DataError for a row that cannot be used, for two of one id, and if `auto` finds more than one way and they differ.
    """
    rows = [row for one in files for row in _rows(one, columns, replace or {})]
    letters = answers.letters(rows, answer, index_base)
    if not language and not columns.language and parts != "language":
        language = language_of("\n".join((row.text, *row.choices)) for row in rows)
    several_languages = parts == "language" or len({row.more.get("language", language) for row in rows}) > 1
    groups: dict[tuple[str, ...], list[Question]] = {}
    count: Counter[str] = Counter()
    seen: dict[str, Row] = {}
    for row, letter in zip(rows, letters, strict=True):
        of_part = {parts: row.rows.part} if parts else {}
        said = row.more.get("language", of_part.get("language", language))
        subject = row.more.get("subject", of_part.get("subject", name))
        # As in MMMLU: what is left of the id without the language is that of the question in every language.
        part = (said,) if several_languages and said else ()
        folder = "/".join((name, *part, _slug(subject)))
        own_id = _slug(row.more.get("id", f"{count[folder]:04d}"))  # subjects may differ in blanks alone
        count[folder] += 1
        row_id = f"{folder}/{prefix}{own_id}"
        if row_id in seen:
            first = seen[row_id].rows.number(seen[row_id].at)
            raise row.bad(f"the id {own_id!r} is that of row {first} too, and every row needs its own")
        seen[row_id] = row
        more = {"language": said, "rationale": row.more.get("rationale", "")}
        category = row.more.get("category") or (categories or {}).get(subject, name)
        made = Question(row_id, name, subject, category, row.text, row.choices, letter, **more)
        groups.setdefault((*part, subject), []).append(shuffled(made) if shuffle else made)
    return [question for group in sorted(groups) for question in groups[group]]


def _slug(text: str) -> str:
    """Return a text as it may stand in the id of a test."""
    return re.sub(r"[^\w.-]+", "_", text)


def _rows(rows: Rows, columns: Columns, replace: Mapping[str, str]) -> Iterator[Row]:
    for at in range(len(rows)):
        text = wording.question(rows, at, columns.question)
        if columns.choices:
            texts, labels = choices(rows, at, columns.choices)
        else:
            text, texts = in_text.cut(rows, at, text)
            labels = ()
        if replace:
            text, texts = wording.tidied(text, replace), tuple(wording.tidied(one, replace) for one in texts)
        text = _with_context(rows, at, columns.context, text)
        answer = rows.columns[columns.answer][at]
        yield Row(rows, at, text, texts, labels, answer, _more(rows, at, columns))


def _with_context(rows: Rows, at: int, column: str, text: str) -> str:
    context = cells.as_text(rows.columns[column][at]) if column else ""
    if context is None:
        raise checks.bad(rows, at, f"{column} is {short(rows.columns[column][at])}, and a text was expected")
    return f"{context.strip()}\n\n{text}" if context.strip() else text


def _id(rows: Rows, at: int, columns: Columns) -> str:
    names = columns.id if isinstance(columns.id, tuple) else (columns.id,)
    values = [cells.as_text(rows.columns[name][at]) for name in names if name]
    for name, value in zip(names, values, strict=False):
        if value is None or (not value and len(values) > 1):
            raise checks.bad(rows, at, f"{name} is {short(rows.columns[name][at])}, and a text was expected")
    return "-".join(filter(None, values))


def _more(rows: Rows, at: int, columns: Columns) -> dict[str, str]:
    """Return the cells that are not empty of the columns that a data set need not have."""
    found = {"id": own} if (own := _id(rows, at, columns)) else {}
    for one in ("subject", "category", "rationale", "language"):
        name = getattr(columns, one)
        value = cells.as_text(rows.columns[name][at]) if name else ""
        if value is None:
            problem = f"{name} is {short(rows.columns[name][at])}, and a text was expected"
            raise checks.bad(rows, at, problem)
        if value:
            found[one] = value
    return found
