"""Choices that speak of others by letter, such as "Both A and B": in another order they would mean other ones."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LETTER = r"\(?[A-Z]\)?"
_NAMED = re.compile(
    rf"(?:(?i:both|neither|either|all|none|only|options|choices|answers)\s+(?:of\s+)?)?{_LETTER}"
    rf"(?:\s*(?:,\s*and\b|,|\band\b|,\s*or\b|\bor\b|\bnor\b|&)\s*{_LETTER})+"
    r"(?i:\s+only|\s+are\s+(?:correct|true|right))?\s*\.?",
)
#: A longer text is a sentence of its own, in which letters are things of the question.
_CHARS = 60


def names_letters(choices: Iterable[str]) -> bool:
    """Whether one of the choices is such a text."""
    return any(len(choice) <= _CHARS and _NAMED.fullmatch(choice.strip()) for choice in choices)
