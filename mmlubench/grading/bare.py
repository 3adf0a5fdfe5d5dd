"""Bare answers, replies that are little more than a letter: `B`, `**(B)**`, `B) Paris`, or a last line `B`."""

from __future__ import annotations

import re

from mmlubench.grading.cues import ENGLISH
from mmlubench.grading.guards import Worth, judge
from mmlubench.grading.patterns import (
    ALONE,
    BRACKETED,
    CLOSE,
    GAP,
    LABEL,
    LETTER,
    LINE_GAP,
    UPPER,
    letter,
    regex,
    words,
)

_SHORT = (
    160  # characters up to which an opening "(a)" is the answer; in longer replies it numbers the first part
)
_PARAGRAPH = 400  # characters in which a paragraph must contain a word that explains

_END = rf"{CLOSE}[ ]?[.:!;]?[ ]?{CLOSE}"
# "Final: B", "A: B" (as after "Q:"), "Q1: B", "1. B", "Clearly B."
_HEAD = (
    r"(?:(?i:final|result|output|correct|best|prediction|predicted|label|selected|chosen|sol)[:.]|A[*_]{0,3}:"
    r"|(?i:(?:the[ ])?(?:correct|right|best|final)[ ](?:answer|option|choice)[ ])"
    r"|(?i:(?:question|answer|q|a)?[ ]?#?\d{1,3})[:.)]"
    r"|(?i:definitely|clearly|obviously|certainly|surely|(?:most[ ])?(?:probably|likely)|must[ ]be|should[ ]be)[ ,])"
)
_WHOLE = rf"{GAP}(?:{_HEAD}{GAP})?{LABEL}{LETTER}{_END}\Z"

_OPENS = (
    r"(?:[*_`]{0,3}[.):,;!\]]{1,2}[*_`)\]]{0,4}(?=\s|$)"  # B.  B)  **B:**
    rf"|\*{{1,3}}(?=\s)(?![ ]{words(ENGLISH.clause)}\b)"  # **B** Paris, but not: **B** is a matrix
    r"|[.),:](?=[A-Z][a-z]{2}|[\u3040-\u9fff\uac00-\ud7a3])"  # B)Paris
    # B (Paris)   B - Paris   B on a line of its own   B because
    rf"|[ ][(-]|[ ]?[\u2013\u2014]|(?=\n)|(?=[ ]{words(ENGLISH.not_a_noun)}\b){ALONE})"
)
_LEADING = rf"{GAP}{LABEL}{BRACKETED}{_OPENS}"

# "b. 4", "c (ecg)", "d - day", "b: Paris", or "b" above an explanation; in small letters only at a reply's beginning
_SMALL = letter("[a-z]")
_LEADING_SMALL = (
    rf"{GAP}{LABEL}{_SMALL}(?:[*_`]{{0,3}}[.:,][*_`]{{0,3}}(?=[ ]|$)|[*_`]{{0,3}}(?=\n)|[*_`]{{1,3}}(?=[ ])"
    r"|[ ]\([^()\n]{1,100}\)[.]?(?=\s*\Z|\n)|[ ][\u2013\u2014-](?=[ ])|,?(?=[ ](?:because|since)\b))"
)

# "(B)" and "**B**." end a reply; "B)" and "B:" begin an option whose text was cut off.
_CLOSED = r"(?:(?<=\(.)\))?[*_\"'`\]}$]{0,8}[.!]?[*_$]{0,4}"
_LINE = rf"^{LINE_GAP}{LABEL}{letter('[A-Zb-hj-z]')}{_CLOSED}[ \t]{{0,8}}$"

# The B of "A. B": the letter's text, or the answer after an "A." that stands for the word?
_ONLY_A_LETTER = rf"[ \t]{{0,4}}[*_(]{{0,4}}{UPPER}{_END}\Z"

_BULLET = r"[ \t]{0,8}(?:[-\u2022>+*][ ]{1,3}|\d{1,2}\.[ ])?"
_OPTION = rf"[*_(\"'\[`]{{0,5}}(?:(?i:option|choice|answer)[ ])?[*_(]{{0,3}}{UPPER}[*_\"'`]{{0,3}}"
_OPTION_LINE = rf"^{_BULLET}{_OPTION}(?:[.):\]\u2013\u2014-]|$)"
_OPTION_INSIDE = rf"(?<=[\s;,])\(?{UPPER}[).](?=\s)"
_EXPLAINS = rf"{words(ENGLISH.explains)}\b"


def read_bare(text: str, letters: str) -> tuple[str, str] | None:
    """Return the letter (as written) and the rule's name, or None, for a stripped reply that no other rule reads."""
    whole = regex(_WHOLE).match(text)
    if whole and judge(text, whole, letters) is Worth.VALID:
        return whole[1], "bare"
    leading = regex(_LEADING).match(text) or regex(_LEADING_SMALL).match(text)
    if leading and judge(text, leading, letters) is Worth.VALID and _leads(text, leading, letters):
        return leading[1], "leading"
    return _closing(text, letters)


def _leads(text: str, match: re.Match[str], letters: str) -> bool:
    """Whether an option at the beginning of a reply is its answer, and not the first of a list of all options."""
    if match[1].islower():
        if len(text) > _SHORT and not text.startswith("\n", match.end()):
            return False
        text = text.upper() if len(text.upper()) == len(text) else text
    second = regex(_ONLY_A_LETTER).match(text, match.end())
    if second and second[1] in letters and second[1] != match[1].upper():
        return False
    first, _, rest = text.partition("\n")
    inside = _others(_OPTION_INSIDE, first, match, letters)
    if any(_same_style(first, match, other) for other in inside):
        return False
    listed = _others(_OPTION_LINE, rest, match, letters)
    # A list of the options begins with the first one: "B) Paris", then A), C) and D), is an answer and a discussion.
    if not listed or listed[0][1] == letters[0]:
        return True
    # An answer followed by a discussion of every option: a paragraph that explains stands in between.
    paragraph = rest.lstrip("\n").partition("\n")[0][:_PARAGRAPH]
    return not _others(_OPTION_LINE, paragraph, match, letters) and bool(regex(_EXPLAINS).search(paragraph))


def _others(pattern: str, text: str, lead: re.Match[str], letters: str) -> list[re.Match[str]]:
    """Return the places where the text names another option of the question."""
    return [
        found
        for found in regex(pattern).finditer(text)
        if found[1] in letters and found[1] != lead[1].upper()
    ]


def _same_style(line: str, lead: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two options are marked alike: `A) London B) Paris`, not `B. Paris, as London (A) is in England`."""
    between = line[lead.end() : other.start()]
    if between.count("(") > between.count(")"):  # "A) P(A and B) = 0"
        return False
    own, its = (
        (line[found.start(1) - 1 : found.start(1)] == "(", line[found.end(1) : found.end(1) + 1])
        for found in (lead, other)
    )
    return own == its


def _closing(text: str, letters: str) -> tuple[str, str] | None:
    """Return the letter that is alone on the last line, unless a list of the options was cut off there."""
    matches = list(regex(_LINE).finditer(text))
    if not matches or matches[-1].end() != len(text) or len({match[1] for match in matches}) > 1:
        return None
    last = matches[-1]
    before = text[: last.start()].rstrip()
    listed = _last_listed(before, letters)
    goes_on = listed and listed != last[1].upper() and listed != letters[-1]
    if goes_on or before.endswith(":") or judge(text, last, letters) is not Worth.VALID:
        return None
    return last[1], "closing"


def _last_listed(text: str, letters: str) -> str | None:
    """Return the last option in a list of options, each on a line of its own, or all on one line."""
    listed = [option for option in regex(_OPTION_LINE).finditer(text) if option[1] in letters]
    if not listed:
        return None
    line = text[listed[-1].start() :].partition("\n")[0]
    inside = [option[1] for option in regex(_OPTION_INSIDE).finditer(line) if option[1] in letters]
    return inside[-1] if inside else listed[-1][1]
