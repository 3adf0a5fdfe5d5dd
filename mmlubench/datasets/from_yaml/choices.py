"""The choices of a row: in columns of their own, or in one cell in any of the usual shapes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import orjson

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows
from mmlubench.errors import short
from mmlubench.figures import several
from mmlubench.schema import ALPHABET

Choices = tuple[tuple[str, ...], tuple[str, ...]]
#: The longest text of a list as Python prints it that is read: parsing takes much memory.
_PRINTED = 1_000_000


def choices(rows: Rows, at: int, columns: str | tuple[str, ...]) -> Choices:
    """Return the choices of a row, and what the data call them. Raises DataError.

    A cell holds a list of texts or of `{text, label}`; `text` and `label` as two lists side by side; texts by label,
    as in `{"A": "Lima", "B": "Quito"}`; TruthfulQA's `choices` and `labels`; or any of these as a text, in JSON or as
    Python prints it.
    """
    if isinstance(columns, tuple):
        values: Any = [rows.columns[name][at] for name in columns]
        labels: Any = ()
    else:
        values, labels = _listed(rows.columns[columns][at])
    if isinstance(values, list):
        values, labels = _without_padding(values, labels)
    if not isinstance(values, list) or not 2 <= len(values) <= len(ALPHABET):
        given = several(len(values), "choice") if isinstance(values, list) else f"the choices {short(values)}"
        raise checks.bad(rows, at, f"it has {given}, and a list of 2 to {len(ALPHABET)} was expected")
    texts = []
    for letter, value in zip(ALPHABET, values, strict=False):
        text = cells.as_text(value)
        if not text or not text.strip():
            raise checks.bad(rows, at, f"choice {letter} is {short(value)}, and a text was expected")
        texts.append(text.strip())  # a line break behind it would be told from others, and only some have it
    has_labels = isinstance(labels, list) and len(labels) == len(texts)
    return tuple(texts), tuple(map(str, labels)) if has_labels else ()


def _without_padding(values: list[Any], labels: Any) -> tuple[list[Any], Any]:
    """Drop the empty cells at the end: a row may have fewer choices than there are columns, or than the longest row."""
    kept = len(values)
    while kept > 2 and values[kept - 1] in (None, ""):
        kept -= 1
    return values[:kept], labels[:kept] if isinstance(labels, list) else labels


def _listed(value: Any) -> tuple[Any, Any]:
    """Return the list in a cell, and its labels."""
    if isinstance(value, str):
        value = _unpacked(value)
    if isinstance(value, Mapping):
        if "text" in value:
            return value["text"], value.get("label", ())
        if "choices" in value:  # its labels say which are right, and are no names
            return value["choices"], ()
        if len(value) > 1 and not any(isinstance(part, (list, Mapping)) for part in value.values()):
            return [*value.values()], [*value]
    if (
        isinstance(value, list)
        and value
        and all(isinstance(part, Mapping) and "text" in part for part in value)
    ):
        labelled = all("label" in part for part in value)
        return [part["text"] for part in value], [part["label"] for part in value] if labelled else ()
    return value, ()


def _unpacked(text: str) -> Any:
    """Return what a text stands for in JSON, or as Python prints a list; the text itself if neither."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if not text.lstrip().startswith(("[", "{")) or len(text) > _PRINTED:
        return text
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return text
