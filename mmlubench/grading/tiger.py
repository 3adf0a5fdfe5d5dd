"""Extraction of the MMLU-Pro leaderboard, in the three ways in which its scripts have read letters.

`tiger` reads as `evaluate_from_api.py` of TIGER-AI-Lab/MMLU-Pro does since July 2024: three patterns, tried one after
another, after `**` is dropped. `tiger_local` reads as `evaluate_from_local.py` of the same authors: the same patterns,
but `**` stays. `tiger_first` reads as both scripts of May 2024, when the leaderboard opened: the first pattern alone,
and the same guess for every reply without a letter.

Two patterns of those scripts take quadratic time; here all take linear time. As there, a letter need not be an option
of the question, and the word "I" may be read as an answer.
"""

from __future__ import annotations

import re
from random import Random

from mmlubench.grading.extract import UNPARSED, Extraction
from mmlubench.grading.patterns import regex
from mmlubench.schema import Question

_ANSWER_IS = r"answer is \(?([A-J])"
# A look-ahead, which does not consume the letter: it may be the A of the next "Answer:".
_ANSWER_COLON = r"[aA]nswer:(?=\s*([A-J]))"
# Matched from the start, so the greedy part backtracks only once, to the last letter of the text: linear time.
_LAST_LETTER = r"(?s:.*)\b([A-J])\b"
_SEED = 12345


def read_tiger(text: str, question: Question) -> Extraction:
    """The letter A to J that the chain of the API script finds: `answer is B`, else `answer: B`, else the last B."""
    return _chain(text.replace("**", ""))


def read_tiger_local(text: str, question: Question) -> Extraction:
    """The letter A to J that the chain of the local script finds in a reply as it is."""
    return _chain(text)


def read_tiger_first(text: str, question: Question) -> Extraction:
    """The letter A to J after the first `answer is`, else the guess of May 2024.

    Those scripts set the seed again before each guess, so the guess depends on the number of choices alone: G for ten.
    """
    if found := regex(_ANSWER_IS).search(text):
        return Extraction(found[1], "tiger_answer_is")
    if not question.letters:
        return UNPARSED
    return Extraction(question.letters[Random(_SEED).randint(0, len(question.letters) - 1)], "tiger_guess")


def _chain(text: str) -> Extraction:
    if found := regex(_ANSWER_IS).search(text):
        return Extraction(found[1], "tiger_answer_is")
    if found := _answer_colon(text):
        return Extraction(found[1], "tiger_answer_colon")
    if found := regex(_LAST_LETTER).match(text):
        return Extraction(found[1], "tiger_last_letter")
    return UNPARSED


def _answer_colon(text: str) -> re.Match[str] | None:
    """Return the last `answer: B` of the first line that has one; its letter may stand on a later line."""
    last, end = None, len(text)
    for found in regex(_ANSWER_COLON).finditer(text):
        if last is None:
            end = text.find("\n", found.start())
        if 0 <= end < found.start():
            break
        last = found
    return last
