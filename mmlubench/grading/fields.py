"""Answers in JSON: the letter of `{"selected_option": "C"}`, with keys of any spelling, in a block of code or alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from mmlubench.grading.patterns import regex

_MOST = 50_000  # characters of JSON that are read
_DEEPEST = 4

_FENCE = r"(?:```|~~~)[a-zA-Z]{0,10}\s"
_NOUN = (
    "answer|ans|option|choice|letter|prediction|selection|label|pick|response|solution|result|output|guess"
    "|verdict|final|conclusion|decision|key"
)
_ADJECTIVE = (
    "the|my|your|is|model|final|best|correct|right|true|chosen|selected|predicted|given|most|likely|single|multiple"
    "|mcq|question|user|ai|llm|assistant|agent"
)
_SUFFIX = "key|id|label|value|code|letter|choice|option"
#: The names of fields, in small letters and without separators, the strongest first.
_KINDS = (
    rf"(?:the|my|your|model)*final(?:{_NOUN})?(?:{_SUFFIX})?",
    rf"(?:the|my|your)?ans(?:wer)?(?:{_SUFFIX})?s?",
    rf"(?:{_ADJECTIVE}){{0,4}}(?:{_NOUN})(?:{_SUFFIX})?s?|predicted|selected|chosen|correct|right|choose",
)
_NOT_OURS = "wrong|incorrect|eliminat|reject|second|other|alternat|not|distract|first|initial|previous"

Field = tuple[str, str]


def read_fields(text: str, read: Callable[[str], str | None]) -> tuple[bool, str | None]:
    """Return whether a stripped reply is a JSON object with fields for an answer, and their letter.

    `read` returns the letter of a field's text. Fields of the strongest name with a letter decide; where they name
    different letters, or several, there is no letter.
    """
    found = _parsed(text)
    if not isinstance(found, dict):
        return False, None
    fields = list(_fields(found))
    known = False
    for kind in _KINDS:
        values = [value for name, value in fields if regex(kind).fullmatch(name)]
        known = known or bool(values)
        named = {letter for letter in map(read, values) if letter}
        if named:
            return True, named.pop() if len(named) == 1 else None
    return known, None


def _parsed(text: str) -> Any:
    """Return the value of a text that is JSON; None for any other text. A list of one object is that object."""
    if fence := regex(_FENCE).match(text):
        text = text[fence.end() :].removesuffix(fence[0][:3]).strip()
    if text[:1] not in ("{", "[") or len(text) > _MOST:
        return None
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _fields(found: dict[str, Any], depth: int = 0) -> Iterator[Field]:
    """Yield the fields of an object and of those inside: the name in small letters, the text of the value."""
    for key, value in found.items():
        name = regex("[^a-z]").sub("", key.lower())
        if not regex(_NOT_OURS).search(name):
            yield name, _text(value)
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _fields(value, depth + 1)


def _text(value: Any) -> str:
    """Return the text of a value; of several, with commas between them, so that they are read as several."""
    if isinstance(value, list):
        return ", ".join(part for part in value if isinstance(part, str))
    if isinstance(value, dict):
        return next(iter(value)) if len(value) == 1 else ""
    return value if isinstance(value, str) else ""
