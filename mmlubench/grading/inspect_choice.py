"""Extraction of inspect_ai's `multiple_choice`: the last line `ANSWER: B`, else the last `ANSWER: B` anywhere.

It reads the same letters as `parse_answers` of inspect_ai 0.3.285, but in linear time: the original's patterns take
cubic time on a run of blanks. After the colon stands one letter of the question, in either case, also as `$B$`, `**B**`
or `(B)`; `ANSWER: B, Paris` is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmlubench.grading.extract import UNPARSED, Extraction
from mmlubench.grading.patterns import regex
from mmlubench.schema import Question

_LINE_CUE, _CUE = r"(?i)^ANSWER\s*:", r"(?i)ANSWER\s*:"
_BLANKS = r"\s*"
_LISTED = r"(?i)[A-Za-z\d ,]*"  # the characters of an answer; a blank matches both this and `_BLANKS`
_WORD = r"\w"
# A lookahead with a backreference never gives back what it took, so that a run of blanks costs no quadratic time.
_WRAPPED = r"\s*(?=([A-Za-z\d][A-Za-z\d ,]*))\1(?=(\s*))\2"
_DOLLARS, _STARS = rf"\${_WRAPPED}\$", rf"\*\*{_WRAPPED}\*\*"
_BRACKETS = r"(?i)(\A|[:,])(\s*)\(([A-Za-z\d])\)(?=\s*(?:,|\.|\n|\Z))"


def read_inspect(text: str, question: Question) -> Extraction:
    """The letter that inspect reads from a reply to a question with a single right choice."""
    text = _unwrapped(text)
    rule, answers = "inspect_strict", list(_on_lines(text))
    if not answers:
        rule, answers = "inspect_lax", list(_anywhere(text))
    said = answers[-1].strip().rstrip(".").upper() if answers else ""
    named = [part for part in said.split(",") if part]
    return Extraction(named[0], rule) if len(named) == 1 and named[0] in list(question.letters) else UNPARSED


def _unwrapped(text: str) -> str:
    """Drop dollars, stars and brackets around letters, digits, blanks and commas."""
    for pattern in (_DOLLARS, _STARS):
        text = regex(pattern).sub(lambda found: found[1].rstrip(" "), text)
    return regex(_BRACKETS).sub(r"\1\2\3", text)


def _on_lines(text: str) -> Iterator[str]:
    """Yield the answer after each cue that begins a line, up to a full stop or the end of a line."""
    for cue in regex(_LINE_CUE).finditer(text):
        blanks, listed = _behind(text, cue.end())
        after = _take(_BLANKS, text, listed.end())
        if listed[0] and ("\n" in after[0] or _stops(text, after.end())):
            yield listed[0]
        # Where no answer matches, inspect's pattern backtracks and takes a blank for one: it counts as the last answer.
        elif " " in blanks[0] and (blanks[0].rfind("\n") > blanks[0].find(" ") or _stops(text, blanks.end())):
            yield " "


def _stops(text: str, place: int) -> bool:
    return place == len(text) or text[place] == "."


def _anywhere(text: str) -> Iterator[str]:
    """Yield the answer after each cue, up to a character of no word. An answer may include the word of the next cue."""
    cue = regex(_CUE).search(text)
    while cue:
        blanks, listed = _behind(text, cue.end())
        said, end = _up_to_a_word(text, listed)
        if not said and _has_loose_blank(text, blanks):
            said = " "
        if said:
            yield said
        cue = regex(_CUE).search(text, max(end, cue.end()))


def _up_to_a_word(text: str, listed: re.Match[str]) -> tuple[str, int]:
    """Return the answer's characters up to the last place that no word follows, and that place."""
    end = listed.end()
    if end < len(text) and regex(_WORD).match(text, end):
        end = max(text.rfind(mark, listed.start() + 1, end) for mark in " ,")
    return (text[listed.start() : end], end) if end > listed.start() else ("", listed.start())


def _has_loose_blank(text: str, blanks: re.Match[str]) -> bool:
    """Whether no word follows one of the blanks, so that inspect's pattern takes that blank for an answer."""
    at_word = blanks.end() < len(text) and regex(_WORD).match(text, blanks.end())
    return " " in (blanks[0][:-1] if at_word else blanks[0])


def _behind(text: str, place: int) -> tuple[re.Match[str], re.Match[str]]:
    """Return the blanks after a cue, and the characters of an answer after them."""
    blanks = _take(_BLANKS, text, place)
    return blanks, _take(_LISTED, text, blanks.end())


def _take(pattern: str, text: str, place: int) -> re.Match[str]:
    found = regex(pattern).match(text, place)
    assert found  # each of these patterns also matches the empty text
    return found
