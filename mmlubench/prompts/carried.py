"""The values of a template's variables as JSON, to carry them to the process that fills the template in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mmlubench.prompts.values import Example, Options, Replies

#: How a value of each kind is made again of what stands for it.
_MADE: Mapping[str, Callable[[Any], Any]] = {
    "example": lambda parts: Example(*parts),
    "replies": lambda pairs: Replies(map(tuple, pairs)),
    "options": Options,
    "tuple": tuple,
    "list": list,
}


def packed(values: Any) -> str:
    """Return values as JSON: texts, numbers, keys and values, lists, tuples, and what prompts are made of."""
    return json.dumps(_plain(values))


def unpacked(text: str) -> Any:
    """Return the values that `packed` was given."""
    return _value(json.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {"dict": {name: _plain(one) for name, one in value.items()}}
    if isinstance(value, Example):
        parts = (value.question, value.choices, value.answer, value.rationale)
        return {"example": [_plain(part) for part in parts]}
    if isinstance(value, Replies):
        return {"replies": value.pairs}
    if isinstance(value, Options):
        return {"options": list(value)}
    if isinstance(value, list | tuple):
        return {"tuple" if isinstance(value, tuple) else "list": [_plain(one) for one in value]}
    return value


def _value(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    ((kind, inside),) = plain.items()
    if kind == "dict":
        return {name: _value(one) for name, one in inside.items()}
    return _MADE[kind](inside if kind == "replies" else [_value(one) for one in inside])
