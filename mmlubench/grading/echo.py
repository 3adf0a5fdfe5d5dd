"""Options echoed after a cue: `Answer: A) London B) Paris C) Rome D) Madrid` names all of them, and chooses none."""

from __future__ import annotations

import re

from mmlubench.grading.patterns import regex

_LONGEST = 800  # characters of an option
_BULLETS = "*>|- \t\n\u2022"

# What shows that the other options are discussed: "because B) ...", "not (B)", "B) is wrong"
_LEADS_ON = (
    r"\b(?i:because|since|as|while|whereas|not|than|unlike|but|though|if|explanation:?|reason:?)[ *(]{0,4}\Z"
)
_DISCUSSES = r"[ *]{1,4}(?i:is|isn't|was|are|cannot|can't|does|doesn't|would|incorrect|wrong|false|not)\b"
_CALLED_WRONG = r"\b(?i:incorrect|wrong)\b"


def is_echo(text: str, match: re.Match[str], letters: str) -> bool:
    """Whether the letter of a match begins a list of all options, marked alike, on one line or on a line each.

    The list may be cut off by the end of the text.
    """
    start, end = match.span(1)
    opens, closes = text[start - 1 : start] == "(", text[end : end + 1]
    if match[1] != letters[0] or len(letters) < 2 or closes not in (")", ".", ":"):
        return False
    parts: list[str] = []
    for letter in letters[1:]:
        found = _next(text, end, letter, opens, closes)
        if not found:
            return len(parts) >= 2 and "\n" not in text[end:].strip() and len(text) - end < _LONGEST
        parts.append(text[end : found.start()])
        if "\n" in parts[-1].strip(_BULLETS) or regex(_LEADS_ON).search(parts[-1][-20:]):
            return False
        end = found.end()
    parts.append(text[end : end + _LONGEST].lstrip().partition("\n")[0])
    return not _discusses(parts)


def _discusses(parts: list[str]) -> bool:
    """Whether what stands behind the letters are words about the options, except for the first."""
    first, *others = parts
    return any(
        not regex(said).search(first[:60])
        and sum(bool(regex(said).search(part)) for part in others) == len(others)
        for said in (rf"\A(?:[).:])?{_DISCUSSES}", _CALLED_WRONG)
    )


def _next(text: str, place: int, letter: str, opens: bool, closes: str) -> re.Match[str] | None:
    """Return the mark of the next option, such as `B)`."""
    mark = rf"[\s;,|*>-]{'[(]' if opens else ''}{letter}{re.escape(closes)}(?=[\s*]|[^\W\d_a-zA-Z])"
    return regex(mark).search(text, place, place + _LONGEST)
