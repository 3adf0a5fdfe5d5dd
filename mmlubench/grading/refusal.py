"""Refusal detection by wording; a reply that is merely unsure is no refusal."""

from __future__ import annotations

from mmlubench.grading.languages import CODES, code_of, wording
from mmlubench.grading.localise import normalise
from mmlubench.grading.patterns import regex

ANY_LANGUAGE = "*"
"""Used in place of a locale where the language of a reply is not known."""

# Characters at the beginning of a reply that are searched: further on, the same words are mostly part of an argument.
_OPENING = 500

_CANNOT = (
    r"(?:can't|cannot|can not|couldn't|won't|will not|must decline to|have to decline to|decline to|refuse to"
    r"|(?:am|'m|are|'re) (?:unable|not able|not allowed|not permitted|not going|not willing|not comfortable) to"
    r"|(?:am|'m|are|'re) not comfortable|(?:don't|do not) feel comfortable|unable to|not able to)"
)
_ADVERB = (
    r"(?: (?:in good conscience|directly|ethically|really|also|therefore|knowingly|currently|simply|just))?"
)
# "can't help but notice", "cannot answer with certainty", "can't provide a definitive answer": unsure, not unwilling.
_NOT_UNSURE = (
    r"(?! but\b| without\b| with (?:[a-z]+ )?(?:certainty|confidence)| (?:for )?(?:sure|certain)"
    r"|(?: [a-z]+){0,2} (?:definitive|definite|certain|exact|precise|clear|complete|conclusive"
    r"|more|further|every|each|confident))"
)
_DO = (
    r"(?:(?:help|assist|answer|respond|discuss|engage|participate|offer|support|share)(?:ing)?|comply(?:ing)?"
    r"|provid(?:e|ing)|fulfill?|do that|do this|complete this|continue)\b"
)
_PHRASES = (
    # I'm sorry, but I can't help with that.   We are unable to assist.   As an AI, I cannot provide …
    rf"\b(?:I|we)(?: |(?=')){_CANNOT}{_ADVERB} {_DO}{_NOT_UNSURE}",
    # Sorry, can't help with that.   Unable to comply.
    rf"(?:\A|[.,;!]\s|\bbut )(?:sorry,? )?{_CANNOT}{_ADVERB} {_DO}{_NOT_UNSURE}",
    r"\b(?:I|we) (?:must|have to|will have to|need to)(?: \w+ly)? (?:decline|refuse)\b",
    r"\bI(?: would|'d)? (?:respectfully |politely )?(?:decline|refuse)\b(?! to (?:believe|accept))",
    r"\b(?:I|we)(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|say|respond|discuss)\b",
    r"\b(?:against|violates?|violating|goes against) (?:my|our) (?:\w+ )?(?:guidelines|polic(?:y|ies)|principles)",
    r"\b(?:is|falls) (?:outside|beyond) (?:of )?what (?:I|we) (?:can|am able to) (?:help|assist|discuss)",
)
_REFUSAL = "(?i)" + "|".join(_PHRASES)
_STRAIGHT = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00a0": " ", "*": None})


def is_refusal(text: str, language: str = "") -> bool:
    """Whether a reply declines to answer. Conservative: expressing doubt, or a lack of data, is no refusal.

    English phrases always count; a locale such as `DE_DE` adds those of its language, `ANY_LANGUAGE` those of all 14
    languages.
    """
    opening = " ".join(text[:_OPENING].translate(_STRAIGHT).split())
    if regex(_REFUSAL).search(opening):
        return True
    codes = CODES if language == ANY_LANGUAGE else (code_of(language),) if language else ()
    return any(_refuses_in(code, opening) for code in codes if code)


def _refuses_in(code: str, opening: str) -> bool:
    return bool(regex(f"(?i){wording(code).refusal}").search(normalise(opening, wording(code))))
