"""Building blocks of the patterns: gaps, marks that close a letter, contexts in which a letter is no option.

All repetition is bounded, so a pattern costs a bounded amount of work at each place of a reply: the time is linear in
the reply's length, even for a hostile one.
"""

from __future__ import annotations

import re
from functools import cache

from mmlubench.grading.cues import ENGLISH

# Marks that models often put around a letter: dashes, arrows, ticks, bullets, emoji; CJK brackets.
_SYMBOLS = "\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\u2234\U0001f300-\U0001faff"
_CJK_BRACKETS = "\u3008-\u3011\u3014-\u301b"
_LATEX = r"\\(?:boxed|fbox|text[a-z]{0,6}|math[a-z]{0,4}|bf|rm|underline|emph|mbox)\b|\\[*_$(\[,! \"]"
_HTML = "</?[a-zA-Z][a-zA-Z_]{0,15}>"

GAP = rf"(?:[\s*_\"'`(\[{{$:>|<#{_SYMBOLS}{_CJK_BRACKETS}]|-\s|\.{{3}}|{_LATEX}|{_HTML}){{0,16}}"
"""Characters that may stand between a cue and its letter."""

LINE_GAP = rf"(?:[ \t*_\"'`(\[{{$:>|<#-]|{_LATEX}){{0,16}}"
"""A `GAP` without a line break."""

CLOSE = rf"(?:[*_\"'`)\]}}$|\\{_CJK_BRACKETS}]|{_HTML}){{0,8}}"
"""Characters that may close a letter: `B**`, `B)`, `B}$`."""

BLANK = r"[ \t*_]{1,4}"
"""A gap between two words of one phrase."""


@cache
def regex(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern; it is compiled at first use, so that importing this package stays cheap."""
    return re.compile(pattern, re.MULTILINE)


def words(phrases: str) -> str:
    """Return a group that matches any of the phrases, in any case; a blank in a phrase also matches emphasis."""
    return f"(?i:{phrases.replace(' ', BLANK)})"


# Not followed by the rest of a longer expression: D'Alembert, B-cell, C++, B_1, A = 5, B(OH), D.C., B. F. Skinner, …
_WHOLE = (
    r"(?![^\W_]|_[^\W_]|['-][^\W_]|\s?-+>|[+#^\u00b0%]|\s?[=+\u00d7\u00f7\u00b7\u2022\u2190-\u22ff]|\}\s?=\s?[\w\\-]|\(\w|\.\d"
    r"|\.(?:(?![\u4e00-\u9fff])\w){1,2}\b|\.[ ]?[A-Z]\.(?!\w)|(?<=[a-z])\.[ ]?[a-z]\."
    r"|\s?\\(?!text|math|quad|[^A-Za-z])|/(?![A-Z]\b)\w|[ ]v[ ][A-Z]\b"
    r"|[\u2010-\u2015]\w\b"
    rf"|[ ](?:{ENGLISH.compound})\b|\.?[ ](?:{ENGLISH.species})\b)"
)
# "A cat", "I think": a letter that is also a word is an option only if the next word cannot follow an article.
# A capital or a number can follow one ("A Trojan horse"); but small models often write "Answer: A Paris", and of
# MMLU's 56,168 options only 32 begin with an article and a capital (921 with an article and a small letter). So a
# capital or a number after the letter is allowed.
_NO_ARTICLE = (
    r"(?:(?<![AIai])|(?![ \t]{1,8}[\"'$]?[^\W_])"
    rf"|(?=[ \t]{{1,8}}(?:[A-Z][A-Za-z]|\d[\d.,/]{{0,20}}(?![\d%-])|{words(ENGLISH.not_a_noun)}\b(?!-))))"
)


def letter(kind: str) -> str:
    """Return a group that captures a letter as a whole token; whether it is one of the question's is decided later."""
    return rf"(?<![^\W_])({kind}){_WHOLE}{_NO_ARTICLE}"


LETTER, UPPER = letter("[A-Za-z]"), letter("[A-Z]")
BRACKETED = letter(r"[A-Z]|[a-z](?=[*_]{0,3}[)\]])")
"""Upper case, or lower case before a closing bracket."""

ALONE = rf"(?={CLOSE}(?:\s{{0,4}}\Z|[.,;:!)<\n]|[ \t]{{1,3}}(?:[(\u2013\u2014-]|{words(ENGLISH.reason)}\b)))"
"""After a letter: the end of the text, punctuation or a reason, so that the letter is not part of a sentence."""

# "the answer is a" may be cut off before its noun; "answer: a" is the whole answer.
_NOT_CUT = r"(?<![SsEe][ ][ai])"
_MARKED = rf"(?=[*_\"'`)\]}}$.,;:!]|{_NOT_CUT}{CLOSE}\s{{0,4}}\Z|{_NOT_CUT}\n)"
_START = r"(?<![^\W_])([A-Za-z])"
# The first of several letters that are written as one word, `BD`: the guards judge it.
_GLUED = rf"(?<=[A-Z])(?=[A-Z]{{1,9}}{CLOSE}(?:\s{{0,4}}\Z|[.,;:!)<\n]))"
_SURE = rf"(?:(?<=[A-Z])(?!{CLOSE}\s?\?)|(?<=[b-hj-z]){ALONE}|(?<=[ai]){_MARKED})"
NAMED = rf"{_START}(?:{_WHOLE}{_NO_ARTICLE}{_SURE}|{_GLUED})"
"""A letter after a strong cue. In lower case it must stand alone, and `a` must not be an article."""
ANOTHER = rf"{_START}(?:{_WHOLE}{_NO_ARTICLE}|(?=[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]))"
"""A letter beside another one; words of scripts without blanks may follow it."""
OFFERED = rf"{_START}(?:{_WHOLE}{_NO_ARTICLE}{ALONE}|{_GLUED})"
"""A letter after a noun that may also mean something else: it must stand alone."""

_CHOSEN = rf"[A-Z]|[a-z](?=[*_]{{0,3}}\))|[b-hj-z](?={CLOSE}[.!]?\s{{0,4}}\Z)"
CHOSEN = letter(_CHOSEN)
"""A letter that the speaker chooses: upper case, or lower case before a bracket or at the end of the reply."""
PICKED = rf"(?<![^\W_])({_CHOSEN})(?:{_WHOLE}{_NO_ARTICLE}{ALONE}|{_GLUED})"
"""The same after a verb, where it must stand alone."""

LABEL = rf"(?:{words(ENGLISH.label)}(?![^\W_]){GAP})?"
TO_LETTER = GAP + LABEL
"""From the end of a cue to the letter: `: **option** (`."""
