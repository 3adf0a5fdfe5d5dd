"""The rules that find a letter, as an ordered list of named patterns, strongest first."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from mmlubench.grading.cues import ENGLISH, Cues
from mmlubench.grading.patterns import (
    ALONE,
    BLANK,
    CHOSEN,
    CLOSE,
    GAP,
    LABEL,
    LETTER,
    LINE_GAP,
    NAMED,
    OFFERED,
    PICKED,
    TO_LETTER,
    UPPER,
    letter,
    regex,
    words,
)


class Rule(NamedTuple):
    """A named pattern whose only group is the letter."""

    name: str
    pattern: re.Pattern[str]


Tier = tuple[Rule, ...]

_FIELD_NOUN = (
    r"(?:answer|option|choice|letter|prediction|predicted|selection|selected|chosen|label|pick|correct|final"
    r"|response|solution|result|output|guess|verdict)"
)
_TAG = (
    rf"(?:(?:final|correct|selected|chosen|best|my|the|predicted)[_-]?)?{_FIELD_NOUN}"
    r"(?:[_-]?(?:letter|choice|option|key|id))?"
)
_NOT_OURS = (
    r"(?![\w -]{0,28}(?i:wrong|incorrect|eliminat|reject|second|other|alternat|not[_ -]|first|distract))"
)
_KEY_ENDS = r"(?i:[_ -]?(?:key|id|letter|label|choice|option|answer|value|code|text))?"
# The key of a field in quotes: "selected_option"
_QUOTED = (
    rf"[\"'`](?=[\w -]{{1,40}}\\?[\"'`]){_NOT_OURS}"
    rf"(?i:[\w -]{{0,28}}?{_FIELD_NOUN}{_KEY_ENDS})(?:\\?[\"'`*]){{1,3}}"
)
# ... and spelled as a name: selected_option, selectedOption
_NAME = (
    rf"(?:_(?<=[a-z]_)(?i:{_FIELD_NOUN})|[AOCLP](?<=[a-z][A-Z])(?:nswer|ption|hoice|etter|rediction))"
    rf"{_KEY_ENDS}[\"'`*]{{0,3}}"
)


@cache
def tiers(cues: Cues = ENGLISH) -> tuple[Tier, ...]:
    """Return all rules in tiers, strongest first. Within a tier, the last match in the reply wins."""
    return tuple(
        tuple(Rule(name, regex(pattern)) for name, pattern in tier.items())
        for tier in (_stated(cues), _chosen(cues), _judged(cues))
    )


def _stated(cues: Cues) -> dict[str, str]:
    """Return the patterns of replies that state the answer: `the answer is B`."""
    noun = rf"{words(cues.answer)}[*_\"'`\])\s]{{0,6}}"
    return {
        "answer_tag": rf"<(?i:{_TAG})\b[^<>\n]{{0,30}}>{GAP}{LABEL}{NAMED}",
        "boxed": rf"boxed\s?\{{{GAP}{LABEL}{NAMED}",
        "answer_cue": rf"{words(cues.answer)}(?![^\W_]){_link(cues)}{TO_LETTER}{NAMED}",
        "answer_line": (
            rf"^(?:[^\w\n]|_){{0,8}}(?i:(?:the |my )?(?:final |correct |best )?){noun}[?.:]?"
            rf"{GAP}{NAMED}[A-Z]{{0,9}}{CLOSE}[.!]?\s{{0,2}}$"
        ),
        # "### Final Answer", and on the next line "**B) Paris**"
        "answer_heading": (
            rf"^(?:[^\w\n]|_){{0,8}}(?i:(?:the |my )?(?:final |correct |best )?){words(cues.answer)}[*_ \t]{{0,6}}"
            rf"\n\s{{0,4}}{LINE_GAP}{UPPER}[*_]{{0,3}}[.):][*_]{{0,3}}(?=[ ]\S)"
        ),
        # "The answer is C. No, wait, it's D."
        "correction": (
            rf"\b{words(cues.corrects)}[\s,.:;!\u2013\u2014-]{{0,5}}{words(cues.conclude)}(?![^\W_]){TO_LETTER}{PICKED}"
        ),
        "option_cue": rf"\b{words(cues.option)}{_link(cues)}{TO_LETTER}{OFFERED}",
        "field": rf"{_QUOTED}\s{{0,3}}[:=]{GAP}{LABEL}{NAMED}",
        "name": rf"{_NAME}(?:\s{{0,3}}[:=]|\((?=[\"'])){GAP}{LABEL}{NAMED}",
    }


def _link(cues: Cues) -> str:
    """Return the pattern between noun and letter: `(A, B, C or D)`, `to this question`, then `is`, `:` or an arrow."""
    echo = r"(?:\s?(?:\([^()\n]{1,40}\)|\[[^\[\]\n]{1,40}\]))?"
    about = rf"(?:,?{BLANK}{words(cues.about)}(?:{BLANK}[^\s.?!;:]{{1,20}}){{0,10}}?)?"
    verb = rf"{BLANK}{words(cues.copula)}\b(?:{BLANK}{words(cues.surely)}\b){{0,2}}"
    return rf"[*_\"'`\])]{{0,6}}{echo}{about}(?:{verb}|\s{{0,2}}(?:[:=\u2013\u2014\u2192\u21d2]|[-=]>)|\s-(?=\s))"


def _chosen(cues: Cues) -> dict[str, str]:
    """Return the patterns of replies in which the speaker chooses an option: `I choose B`."""
    label = rf"{words(cues.label)}{GAP}"
    return {
        "choose": rf"\b{words(cues.choose)}(?![^\W_]){TO_LETTER}{PICKED}",
        "conclude": rf"\b{words(cues.conclude)}(?![^\W_]){TO_LETTER}{CHOSEN}(?:{ALONE}|(?<=[a-z])(?=\)))",
        "point": rf"\b{words(cues.point)}(?![^\W_]){GAP}{label}{UPPER}{ALONE}",
        # "the sum is 20,914 J, or (G)." at the end of a reply
        "aside": rf"(?:,(?<!\),){BLANK}or|,?{BLANK}which{BLANK}is){BLANK}\({letter('[A-Z]')}\)[.]?\s{{0,4}}\Z",
        # "The answer is 20,914 J (option B)."
        "named_after": (
            rf"{words(cues.answer)}{BLANK}{words(cues.copula)}[ ][^?!;()\n]{{1,80}}[ ]\("
            rf"[*]{{0,2}}{LABEL}{letter('[A-Z]')}[*]{{0,2}}\)[.]?[ \t]{{0,4}}$"
        ),
        "therefore": rf"\b{words(cues.therefore)}(?![^\W_]),?{TO_LETTER}{CHOSEN}{CLOSE}[.!]?[ \t]{{0,4}}$",
    }


def _judged(cues: Cues) -> dict[str, str]:
    """Return the patterns of replies that call an option the right one: `B is correct`, `it is not A but B`."""
    opening = rf"(?:^|[.!?:;,\n(])[\s*_\"'(\[]{{0,4}}{LABEL}"
    before = rf"\b{words(cues.before_verdict)}[\s*_\"'(\[]{{1,4}}{LABEL}"
    verdict = rf"{CLOSE}[.:]?{BLANK}{words(cues.verdict)}"
    taken_back = rf"(?!{CLOSE}\s?\?|,?{BLANK}{words(cues.open_verdict)}\b)"
    return {
        "verdict": rf"(?:{opening}|{before}){LETTER}{verdict}{taken_back}",
        "contrast": rf"(?<=not[ ]){LABEL}\(?[A-Z]\)?,?{BLANK}but(?:{BLANK}rather)?{TO_LETTER}{OFFERED}",
    }
