"""Guards against false matches: an option that is denied, only supposed, or one of several."""

from __future__ import annotations

import re
from enum import Enum

from mmlubench.grading.cues import ENGLISH
from mmlubench.grading.echo import is_echo
from mmlubench.grading.patterns import ANOTHER, BLANK, CLOSE, GAP, regex, words


class Worth(Enum):
    """The judgement on a match."""

    VALID = "valid"
    DENIED = "denied"  # ruled out, only supposed, someone else's opinion, or not an option of this question
    SEVERAL = "several"  # one of several options named together
    GLUED = "glued"  # several options written as one word: BD


_LOOK_BACK = 90  # characters: longer than any phrase of `denied_before`
_DENIED_BEFORE = rf"{words(ENGLISH.denied_before)}(?:{BLANK}|[ ][\"'])\Z"
_DENIED_NOUN = rf"\b{words(ENGLISH.denied_noun)}{BLANK}\Z"
# wrong_option, incorrectOption
_DENIED_NAME = (
    r"(?i:wrong|incorrect|eliminated|rejected|second|other|alternative|not|first)_?[a-zA-Z]{0,12}\Z"
)
_NOUN = words(f"{ENGLISH.answer}|{ENGLISH.option}")
_DENIED_INSIDE = words(ENGLISH.denied_inside)
_DENIED_AFTER = (
    rf"[*_\"'`$}}]{{0,4}}\s?{words(ENGLISH.denied_after)}"
    # After a bracket stands the option's own text: "B) cannot be determined" denies nothing, "B) is wrong" denies B.
    rf"|{CLOSE}\s?(?:{words(ENGLISH.called_wrong)}|[\u2717\u2718\u274c])"
)

_JOINED = (
    rf"(?:{CLOSE}\.?(?:\s?[,;/&+]{{1,2}}|\|(?=[A-Z])|,?{BLANK}{words(ENGLISH.joined)}\b)"
    r"|[ \t]{1,3}(?=[A-Z][.)]?\s{0,4}$)|\)[ ](?=\([A-Z]\)))"  # A B   (A) (B)
)
_NEW_CLAUSE = rf"{CLOSE}[ ]{{1,3}}{words(ENGLISH.clause)}(?![^\W_])(?!{words(ENGLISH.both_right)})"
_SEVERAL = (
    rf"{_JOINED}(?:\s{words(ENGLISH.also)})?\s?(?:{words(ENGLISH.joined)}\b)?"
    rf"{GAP}(?:(?i:options?|choices?)[ ]{GAP})?{ANOTHER}(?!{_NEW_CLAUSE})"
)


_LISTED_BEFORE = r"(?:\A|[.!?;:\n]\s?)[*(]{0,3}([A-Z])[*)]{0,3},[ ]{0,2}[*(]{0,3}\Z"


def judge(text: str, match: re.Match[str], letters: str) -> Worth:
    """Judge the letter of a match (its first group) by the words around it."""
    start, end = match.start(), _end_of_word(text, match)
    named = text[match.start(1) : end].upper()
    if not all(letter in letters for letter in named) or regex(_DENIED_AFTER).match(text, end):
        return Worth.DENIED
    if regex(_DENIED_INSIDE).search(text, start, match.start(1)) or (start and _denied_before(text, start)):
        return Worth.DENIED
    if len(named) > 1:
        return Worth.GLUED if len(named) == 2 or list(named) == sorted(set(named)) else Worth.DENIED
    if is_echo(text, match, letters):
        return Worth.DENIED
    several = _names_another(text, match, letters) or _follows_another(text, match, letters)
    return Worth.SEVERAL if several else Worth.VALID


def _follows_another(text: str, match: re.Match[str], letters: str) -> bool:
    """Whether a letter ends a list that begins its sentence: the C of `A, C is correct`."""
    start = match.start(1)
    listed = regex(_LISTED_BEFORE).search(text[max(0, start - 12) : start])
    return listed is not None and listed[1] != match[1] and listed[1] in letters and match[1].isupper()


def _end_of_word(text: str, match: re.Match[str]) -> int:
    """Return where a letter ends, or the word of capitals that it begins: `BD`."""
    glued = regex(r"[A-Z]{1,10}").match(text, match.start(1))
    return glued.end() if glued else match.end(1)


def _names_another(text: str, match: re.Match[str], letters: str) -> bool:
    other = regex(_SEVERAL).match(text, match.end(1))
    if not other or other[1] == match[1]:
        return False
    return other[1].upper() in letters and other[1].isupper() == match[1].isupper()


def _denied_before(text: str, start: int) -> bool:
    before = text[max(0, start - _LOOK_BACK) : start]
    if regex(_DENIED_BEFORE).search(before):
        return True
    if text[start] == "_" or (before[-1].isalpha() and text[start].isalpha()):
        return bool(regex(_DENIED_NAME).search(before))
    return bool(regex(_NOUN).match(text, start) and regex(_DENIED_NOUN).search(before))
