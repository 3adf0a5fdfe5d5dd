"""The texts of a question and of its choices: put together out of columns, and freed of marks of their origin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from string import Formatter

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows
from mmlubench.errors import short

#: What may stand behind the colon of a field, as in `{ctx_b:capitalized}`.
_WAYS: Mapping[str, Callable[[str], str]] = {"": str, "capitalized": str.capitalize}


def fields(text: str) -> list[str]:
    """Return the columns that a question is put together out of; the only one where the text is its name."""
    return [name for _, name, _, _ in _pieces(text) if name] if "{" in text else [text]


def problem(text: str, replace: Mapping[str, str]) -> str:
    """Return what is wrong with a text of columns or with patterns, as half a sentence; empty if nothing is."""
    try:
        wrong = [way for _, name, way, _ in _pieces(text) if name and way not in _WAYS] if "{" in text else []
        if "{" in text and not fields(text):
            wrong = [text]
    except ValueError:
        wrong = [text]
    if wrong:
        return f"columns.question has {wrong[0]!r}, and a column, or a text such as '{{title}}: {{text}}', was expected"
    for pattern, by in replace.items():
        try:
            re.sub(pattern, by, "")
        except (re.error, IndexError) as error:
            return f"replace has {pattern!r}, which is no regular expression ({error})"
    return ""


def question(rows: Rows, at: int, text: str) -> str:
    """Return the question of a row. Raises DataError for a cell that is no text, and for a question without any."""
    if "{" not in text:
        value = rows.columns[text][at]
        if said := cells.text(text, value):
            raise checks.bad(rows, at, said)
        return str(value).strip()
    made = "".join(_written(rows, at, text)).strip()
    if not made:
        raise checks.bad(rows, at, f"{', '.join(fields(text))} are empty, and a text was expected")
    return made


def tidied(text: str, replace: Mapping[str, str]) -> str:
    """Return a text with the patterns replaced, in their order; as it was if nothing of it would be left."""
    made = text.strip()
    for pattern, by in replace.items():
        made = re.sub(pattern, by, made)
    return made.strip() or text


def _written(rows: Rows, at: int, text: str) -> Iterator[str]:
    for literal, name, way, _ in _pieces(text):
        yield literal
        if not name:
            continue
        value = cells.as_text(rows.columns[name][at])
        if value is None:
            raise checks.bad(rows, at, f"{name} is {short(rows.columns[name][at])}, and a text was expected")
        yield _WAYS[way or ""](value)


def _pieces(text: str) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    return Formatter().parse(text)
