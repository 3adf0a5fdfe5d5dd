"""Localisation: translates the words about the answer in a reply from another language into English.

`Richtig ist die Antwort (B).` becomes `answer is option (B).`, so that one set of rules and guards, written for
English, reads every language. The rest of the reply stays as it is.
"""

# ruff: noqa: RUF001, RUF003 (letters and marks of other scripts are the point)
from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from mmlubench.grading.languages import Wording, wording
from mmlubench.grading.patterns import BLANK, CLOSE, GAP, regex, words
from mmlubench.grading.plain import plain

#: The English for each group of the pattern.
_ENGLISH = {
    **{
        "doubt": "if",
        "not_answer": "wrong answer",
        "choose": "I choose",
        "said": "answer is",
        "answer": "answer",
    },
    **{"conclude": "it is", "speaker": "therefore", "therefore": "therefore", "but": "but", "that": "that"},
    **{"option": "option", "because": "because", "article": ""},
    **{
        "both": " are ",
        "wrong": " is wrong, ",
        "right": " is correct ",
        "joined": " and ",
        "asked": "",
        "ending": ".",
    },
}
#: The groups that stand after a letter.
_AFTER_LETTER = ("both", "wrong", "right", "joined", "asked", "ending")

# Punctuation of other scripts and its ASCII counterpart, followed by a blank where the script writes none.
_MARKS = str.maketrans(
    {
        **dict.fromkeys("。।॥", ". "),
        **dict.fromkeys("、،，", ", "),
        **dict.fromkeys("؛；", "; "),
        **{"：": ": ", "！": "! ", "؟": "? ", "？": "? ", "«": '"', "»": '"'},
        **dict.fromkeys(
            "\u0640\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652"
        ),  # length and vowels in Arabic
    }
)
_VISARGA_AS_COLON = r"(?<=[\u0900-\u09ff]{3})[\u0903\u0983](?=\s|\Z)"  # "উত্তরঃ খ"

_TIGHT_MARK = r"(?<=[.,:;!?)])(?=[^\W\d_a-zA-Z])"  # "B．心脏", in scripts without blanks between words
_TIGHT_LETTER = r"(?<= and )([*(\"]{0,3}[A-Z])(?=[^\W_])"  # "AかBのどちらか"
_IDEOGRAPHIC_BLANK = r"^(\w)\u3000(?=\w)"  # "イ　心臓"

# A capital that is a word in Romance languages, not an option: "A resposta", "A Roma", "E così", but not "A because".
_SMALL_WORD = r"(?<![^\W_])[AEO](?=[ \t]{1,3}[\"'(]?(?!(?:is|and|because|but)\b)[^\W\d_]{2})"


class _Patterns(NamedTuple):
    """The patterns for the letters and the words of one language; None where the language has no such letters."""

    letters: re.Pattern[str] | None
    phrases: re.Pattern[str]
    shy: re.Pattern[str] | None


def normalise(text: str, language: Wording) -> str:
    """Return the text in Unicode form NFC, or without accents where the language is `folded`."""
    return _fold(text) if language.folded else unicodedata.normalize("NFC", text)


def into_english(text: str, code: str) -> str:
    """Return the reply with Latin letters in place of native ones and English words about the answer.

    `code` is one of `languages.CODES`. Takes time linear in the length of the text.
    """
    language, patterns = wording(code), _patterns(code)
    text = _plainly(normalise(text, language), language)
    for letters, latin in ((patterns.letters, language.letters), (patterns.shy, language.shy)):
        if letters:
            text = letters.sub(lambda found, latin=latin: found[1] + latin[found[2]], text)  # type: ignore[misc]
    text = patterns.phrases.sub(lambda found: _said_in_english(found, language.spaced), text)
    if language.articled:
        return regex(_SMALL_WORD).sub(lambda found: found[0].lower(), text)
    return text if language.spaced else regex(_TIGHT_LETTER).sub(r"\1 ", text)


def _plainly(text: str, language: Wording) -> str:
    """Return the text with the punctuation and blanks that the rules know."""
    if language.spaced:
        return regex(_VISARGA_AS_COLON).sub(":", plain(text.translate(_MARKS)))
    text = regex(_IDEOGRAPHIC_BLANK).sub(r"\1) ", text)
    return regex(_TIGHT_MARK).sub(" ", plain(text.translate(_MARKS)))


@cache
def _patterns(code: str) -> _Patterns:
    language = wording(code)
    return _Patterns(
        regex(_letters(language)) if language.letters else None,
        regex(unicodedata.normalize("NFC", _phrases(language))),
        regex(_shy(language)) if language.shy else None,
    )


def _said_in_english(found: re.Match[str], spaced: bool) -> str:
    kind = found.lastgroup or ""
    english = _ENGLISH[kind]
    if kind in _AFTER_LETTER:
        return f"{found['letter']}{english}"
    return english if spaced else f" {english} "


def _fold(text: str) -> str:
    """Return the text without accents. A letter that had one becomes lower case: `À` is a word, never the option A."""
    pieces: list[str] = []
    for char in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(char):
            pieces.append(char)
        elif pieces:
            pieces[-1] = pieces[-1].lower()
    return "".join(pieces)


def _letters(language: Wording) -> str:
    """Return a pattern for a native letter as a whole token; longer ones first, as they may begin with shorter ones."""
    ordered = sorted(language.letters, key=len, reverse=True)
    inside = f"[{language.alphabet}]" if language.alphabet else "(?!)"
    return f"()(?<!{inside})({'|'.join(map(re.escape, ordered))})(?!{inside})"


def _shy(language: Wording) -> str:
    """Return a pattern for a letter that is also a word: after a cue or bracket, or alone, with no text after it."""
    blank = _blank(language)
    noun = rf"{words(language.answer)}(?:{blank}{words(language.copula)})?"
    before = rf"(?:\A|:|[(\[]|{noun}|{words(language.option)}|\b(?i:is|answer|option|choose))"
    end = (
        r"(?=[*_\"'`)\]]{0,4}(?:[.,;:!)\]\n]|\s{0,4}\Z|[ ]\("
        rf"|{blank}{words(language.ending)}))(?!\.[ ]?[^\s.]{{1,4}}\.)"  # not the initials of a name
    )
    return rf"({before}[\s*_\"'`(\[]{{0,6}})({'|'.join(language.shy)}){end}"


def _blank(language: Wording) -> str:
    return BLANK if language.spaced else r"[ \t*_]{0,4}"


def _phrases(language: Wording) -> str:
    """Return one pattern for all phrases: the first group that matches at a place names the English for it."""
    before, after = _edges(language)
    # After "A)" stands the option's own text, unless the sentence ends there: "(A) is wrong.", not "(A) wrong, right".
    marked = rf"(?P<letter>{_letter(language)}[*_\"'`]{{0,4}}(?P<closed>[)\]}}]{CLOSE})?[.:]?)"
    behind, ahead = _behind(language, after), _ahead(language, after)
    return rf"{marked}{_blank(language)}(?:{_groups(behind)})|{before}(?:{_groups(ahead)})"


def _behind(language: Wording, after: str) -> dict[str, str]:
    """Return the patterns of phrases that stand after a letter, by group name."""
    ends = r"(?(closed)(?=\s{0,2}(?:[.!\n]|\Z)))" if language.verbless else ""
    return {
        "both": words(language.both) + after,
        "wrong": words(language.wrong) + after + ends,
        "right": words(language.right) + after,
        "joined": rf"{words(language.joined)}(?={GAP}(?:{words(language.option)}{GAP})?{_letter(language)})",
        "asked": rf"{words(language.ending)}か?(?=\s?\?)",
        "ending": rf"{words(language.ending)}{after}(?:\s?\.)?",
    }


def _ahead(language: Wording, after: str) -> dict[str, str]:
    """Return the patterns of phrases that stand before a letter or by themselves, by group name."""
    blank, letter = _blank(language), _letter(language, any_form=True)
    articles, option = f"(?:{language.article.replace(' ', blank)})", words(language.option)
    to_letter = rf"(?={after}(?:{blank}{articles})?(?:[ \t*_]{{0,4}}{option})?{GAP}{letter})"
    # At the beginning of a clause, or after "therefore": "it is B", but not "his blood group is B".
    clause = rf"(?:{words(language.therefore)},?{blank}|(?<![^\W_][ ]))"
    return {
        "doubt": rf"{words(language.doubt)}(?:{blank}{articles})?{after}",
        "not_answer": words(language.not_answer) + after,
        "choose": words(language.choose) + to_letter,
        "said": _said(language, after, to_letter),
        "answer": words(language.answer) + after,
        "conclude": clause + words(language.conclude) + to_letter,
        **{name: words(getattr(language, name)) + to_letter for name in ("speaker", "that", "but")},
        **{name: words(getattr(language, name)) + after for name in ("therefore", "because")},
        # Not before a list of the options, where the word "option" announces no choice.
        "option": rf"{option}{after}(?!\s?:\s{{0,3}}\n)",
        "article": rf"{articles}(?:(?<=')|{after})(?=[ \t*_]{{0,4}}(?:{option}{after}|[*_\"'(\[]{{0,4}}{letter}))",
    }


def _said(language: Wording, after: str, to_letter: str) -> str:
    """Return the pattern of all phrases that mean `the answer is`."""
    noun, copula, but = words(language.answer), words(language.copula), words(language.but)
    blank, letter = _blank(language), _letter(language)
    about = rf"(?:{blank}{words(language.about)})?"
    ways = [
        # the answer is not A, but B
        rf"{noun}{about}{blank}{words(language.denying)}{GAP}{letter}{CLOSE},?\s?{but}{to_letter}",
        # with the verb after the letter: the answer A is not, B
        rf"{noun}{about}{blank}{copula}?{GAP}{letter}{CLOSE}{blank}{words(language.wrong)},?\s?{but}?{to_letter}",
        rf"{noun}{about},?{blank}{copula}{after}",
        words(language.inverted) + after,
    ]
    if language.verbless:
        ways.append(noun + to_letter)
    return f"(?:{'|'.join(ways)})"


def _letter(language: Wording, any_form: bool = False) -> str:
    """Return a pattern of an option's letter; in any form, also `d.`, `d)`, and several written as one word, `BD`."""
    beside = r"[^\W_]" if language.spaced else "[A-Za-z0-9]"
    forms = "[A-Z]{1,5}" if any_form else "[A-Z]"
    if any_form and language.spaced:
        forms += r"|[a-j](?=[*_\"'`]{0,3}(?:[).:]|\s{0,4}\Z))"
    return rf"(?<!{beside})(?:{forms})(?!{beside})"


def _edges(language: Wording) -> tuple[str, str]:
    """Return patterns for the beginning and end of a phrase: word boundaries, in scripts that separate words."""
    if not language.spaced:
        return "", ""
    # Vowel signs of Indic scripts belong to a word, but `\w` does not match them.
    marks = f"(?<![{language.alphabet}])", f"(?![{language.alphabet}])"
    signs = marks if language.alphabet else ("", "")
    return r"(?<![^\W_])" + signs[0], r"(?![^\W_])" + signs[1]


def _groups(patterns: dict[str, str]) -> str:
    return "|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns.items())
