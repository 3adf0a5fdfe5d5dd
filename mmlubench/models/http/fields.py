"""Fields of a reply, whatever stands in them: an odd figure beside a good text must not cost the text."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from mmlubench.printable import on_one_line

#: The most tokens, and US dollars, that one reply can have: a larger figure is a mistake of the server.
_MOST_TOKENS, _MOST_USD = 1_000_000_000, 1_000_000.0
#: The longest name of a model or provider that is kept, in characters.
_NAME_CHARS = 200


def tokens(value: object) -> int:
    """Return a count of tokens; 0 for anything that is none, such as a negative number, a text or a list."""
    if type(value) is int and 0 <= value <= _MOST_TOKENS:  # nearly always
        return value
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _MOST_TOKENS else 0


def dollars(value: object) -> float | None:
    """Return a price in US dollars; None for anything that is none."""
    number = _number(value)
    return float(number) if number is not None and 0 <= number <= _MOST_USD else None


def name(value: object) -> str:
    """Return a name on one line, without anything that a terminal would obey; empty for anything but a text."""
    if not isinstance(value, str):
        return ""
    return (value if value.isprintable() else on_one_line(value))[:_NAME_CHARS]


def text(value: object) -> str:
    """Return a text; empty for anything else."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    """Return a finite number, which may be written as a text, as some gateways do with prices; None for none."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if isinstance(value, int) or isfinite(value) else None
