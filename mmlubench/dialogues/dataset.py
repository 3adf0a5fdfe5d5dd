"""Data sets of dialogues: a JSON list of `{dialogue_id, system, user, required_facts, kind}`; `kind` is optional."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.errors import DataError
from mmlubench.inputs import JSON_BYTES, read_bytes

_KEYS = ("dialogue_id", "system", "user", "required_facts")
_BOM = b"\xef\xbb\xbf"  # the byte order mark, with which Windows editors begin a file


def read_dialogues(path: Path) -> tuple[Dialogue, ...]:
    """Read the dialogues of a file, in its order. Raises DataError with file, row (from 1) and problem."""
    rows = _rows(path)
    dialogues = tuple(_dialogue(row, path, number) for number, row in enumerate(rows, start=1))
    first: dict[str, int] = {}
    for number, dialogue in enumerate(dialogues, start=1):
        earlier = first.setdefault(dialogue.dialogue_id, number)
        if earlier != number:
            problem = (
                f"dialogue_id {dialogue.dialogue_id!r} is also that of row {earlier}; give each row its own."
            )
            raise DataError(path, problem, row=number)
    return dialogues


def _rows(path: Path) -> list[Any]:
    try:
        rows = orjson.loads(read_bytes(path, JSON_BYTES).removeprefix(_BOM))
    except OSError as error:
        raise DataError(path, f"the data set cannot be read ({error.strerror}).") from None
    except orjson.JSONDecodeError as error:
        raise DataError(path, f"this is not JSON ({error.msg}, line {error.lineno}).") from None
    if not isinstance(rows, list):
        raise DataError(path, f"expected a list of dialogues in brackets, and found {_kind_of(rows)}.")
    if not rows:
        raise DataError(path, f"the data set is empty; give at least one dialogue with {', '.join(_KEYS)}.")
    return rows


def _dialogue(row: Any, path: Path, number: int) -> Dialogue:
    problem = _problem(row)
    if problem:
        raise DataError(path, problem, row=number)
    facts = tuple(row["required_facts"])
    return Dialogue(row["dialogue_id"], row["system"], row["user"], facts, (row.get("kind") or "").strip())


def _problem(row: Any) -> str:
    """Return the problem of a row as a sentence, or an empty text. Additional keys are allowed."""
    if not isinstance(row, dict):
        return f"expected an object with {', '.join(_KEYS)}, and found {_kind_of(row)}."
    missing = [key for key in _KEYS if key not in row]
    if missing:
        hint = "; write [] where no fact is required" if missing == ["required_facts"] else ""
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing{hint}."
    texts = {**{key: row[key] for key in _KEYS[:3]}, "kind": row.get("kind") or ""}
    for key, text in texts.items():
        if not isinstance(text, str):
            return f"{key} must be a text, and is {_kind_of(text)}."
        if key in ("dialogue_id", "user") and not text.strip():
            return f"{key} is empty."
    if not row["dialogue_id"].isprintable():
        return (
            f"dialogue_id {row['dialogue_id']!r} has characters that cannot be printed; use printable ones."
        )
    facts = row["required_facts"]
    if not isinstance(facts, list) or not all(isinstance(fact, str) and fact.strip() for fact in facts):
        return "required_facts must be a list of texts, none of them empty."
    return ""


def _kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
