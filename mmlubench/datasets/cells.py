"""Checks of single cells: each returns the problem in words for an error message, or an empty text if there is none."""

from __future__ import annotations

from collections.abc import Collection

from mmlubench.errors import close_to, short


def as_text(value: object) -> str | None:
    """Return the cell of a user's own table as text, an empty one as nothing; None if it is no single value."""
    if value is None:
        return ""
    return str(value) if type(value) in (str, int, float, bool) else None


def text(name: str, value: object) -> str:
    """Check a cell that must hold text."""
    if isinstance(value, str) and value.strip():
        return ""
    return f"{name} is {short(value)}, and a text that is not empty was expected"


def texts(name: str, value: object, least: int, most: int | None = None) -> str:
    """Check a cell that must hold `least` to `most` texts; exactly `least` where `most` is None."""
    is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
    if is_list and least <= len(value) <= (most or least):  # type: ignore[arg-type]  # a list
        return ""
    number = f"{least} to {most}" if most else f"{least}"
    return f"{name} is {short(value)}, and a list of {number} texts was expected"


def index(name: str, value: object, choices: int) -> str:
    """Check a cell that must hold the number of a choice, counted from 0."""
    # Not isinstance: True is an int, but no number of a choice.
    if type(value) is int and 0 <= value < choices:
        return ""
    return f"{name} is {short(value)}, and a whole number from 0 to {choices - 1} was expected"


def letter(name: str, value: object, letters: str) -> str:
    """Check a cell that must hold one of these letters."""
    if isinstance(value, str) and len(value) == 1 and value in letters:
        return ""
    return f"{name} is {short(value)}, and a letter from {letters[0]} to {letters[-1]} was expected"


def one_of(name: str, value: object, known: Collection[str]) -> str:
    """Check a cell that must hold one of these names."""
    if (problem := text(name, value)) or value in known:
        return problem
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    expected = f"one of the {len(known)} known {plural} was expected"
    return f"{name} is {short(value)}, and {expected}{close_to(str(value), known)}"
