"""Options echoed after a cue: `Answer: A) London B) Paris C) Rome D) Madrid` names all of them, and chooses none."""

from __future__ import annotations

import re

from mmlubench.grading.cues import ENGLISH
from mmlubench.grading.patterns import regex, words

_LONGEST = 300  # characters of an option
_BETWEEN = rf"(?:{words(ENGLISH.explains)}\b|\bnot\b|\n\s*\n\s*(?=\S))"


def is_echo(text: str, match: re.Match[str], letters: str) -> bool:
    """Whether the letter of a match begins a list of all options, marked alike, on one line or on a line each.

    The list may be cut off by the end of the text. A word of explanation in it shows that the options are discussed.
    """
    start, end = match.span(1)
    opens, closes = text[start - 1 : start] == "(", text[end : end + 1]
    if match[1] != letters[0] or len(letters) < 2 or closes not in (")", ".", ":"):
        return False
    place = end
    for count, letter in enumerate(letters[1:]):
        found = _next(text, place, letter, opens, closes)
        if not found:
            return count >= 2 and "\n" not in text[place:].strip() and len(text) - place < _LONGEST
        between = text[place : found.start()]
        if "\n" in between.strip("*>|- \t\n\u2022") or regex(_BETWEEN).search(between):
            return False
        place = found.end()
    return not regex(_BETWEEN).search(text[place : place + _LONGEST].partition("\n")[0])


def _next(text: str, place: int, letter: str, opens: bool, closes: str) -> re.Match[str] | None:
    """Return the mark of the next option, such as `B)`."""
    mark = rf"[\s;,|*>-]{'[(]' if opens else ''}{letter}{re.escape(closes)}(?=[\s*]|[^\W\d_a-zA-Z])"
    return regex(mark).search(text, place, place + _LONGEST)
