"""The way of inspect's `multiple_choice`: the last line `ANSWER: B`, else the last `ANSWER: B` anywhere.

The same letters as `parse_answers` of inspect_ai, but in linear time: its patterns take cubic time on a run of blanks.
What follows the colon must be one letter of the question, in either case: `ANSWER: B, Paris` is read as no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmlubench.grading.extract import UNPARSED, Extraction
from mmlubench.grading.patterns import regex
from mmlubench.schema import Question

_LINE_CUE, _CUE = r"(?i)^ANSWER\s*:", r"(?i)ANSWER\s*:"
_BLANKS = r"\s*"
_LISTED = r"(?i)[A-Za-z\d ,]*"  # what an answer may consist of; note that blanks are both this and `_BLANKS`
_WORD = r"\w"


def read_inspect(text: str, question: Question) -> Extraction:
    """The letter that inspect reads from a reply to a question with a single right choice."""
    rule, answers = "inspect_strict", list(_on_lines(text))
    if not answers:
        rule, answers = "inspect_lax", list(_anywhere(text))
    said = answers[-1].strip().rstrip(".").upper() if answers else ""
    named = [part for part in said.split(",") if part]
    return Extraction(named[0], rule) if len(named) == 1 and named[0] in list(question.letters) else UNPARSED


def _on_lines(text: str) -> Iterator[str]:
    """What follows each cue that begins a line, up to a full stop or the end of a line."""
    for cue in regex(_LINE_CUE).finditer(text):
        blanks, listed = _behind(text, cue.end())
        after = _take(_BLANKS, text, listed.end())
        if listed[0] and ("\n" in after[0] or _stops(text, after.end())):
            yield listed[0]
        # A pattern that finds none there backs off and takes a blank for one, which then counts as the last answer.
        elif " " in blanks[0] and (blanks[0].rfind("\n") > blanks[0].find(" ") or _stops(text, blanks.end())):
            yield " "


def _stops(text: str, place: int) -> bool:
    return place == len(text) or text[place] == "."


def _anywhere(text: str) -> Iterator[str]:
    """What follows each cue, up to something that is no part of a word. An answer may swallow the next cue's word."""
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
    """The listed characters that something other than a word follows, and where they end."""
    end = listed.end()
    if end < len(text) and regex(_WORD).match(text, end):
        end = max(text.rfind(mark, listed.start() + 1, end) for mark in " ,")
    return (text[listed.start() : end], end) if end > listed.start() else ("", listed.start())


def _has_loose_blank(text: str, blanks: re.Match[str]) -> bool:
    """Whether something that is no word follows one of the blanks, so that a pattern may take it for an answer."""
    at_word = blanks.end() < len(text) and regex(_WORD).match(text, blanks.end())
    return " " in (blanks[0][:-1] if at_word else blanks[0])


def _behind(text: str, place: int) -> tuple[re.Match[str], re.Match[str]]:
    """The blanks behind a cue and the listed characters behind those."""
    blanks = _take(_BLANKS, text, place)
    return blanks, _take(_LISTED, text, blanks.end())


def _take(pattern: str, text: str, place: int) -> re.Match[str]:
    found = regex(pattern).match(text, place)
    assert found  # all these patterns match nothing, too
    return found
