"""Extraction of the MMLU-Pro leaderboard: three patterns, tried one after another.

It reads the same letters as `evaluate_from_api.py` of TIGER-AI-Lab/MMLU-Pro, but in linear time: two patterns of that
script take quadratic time. Like that script it drops `**` first; `evaluate_from_local.py` of the same authors does not.
As there, a letter need not be an option of the question, and the word "I" may be read as an answer.
"""

from __future__ import annotations

import re

from mmlubench.grading.extract import UNPARSED, Extraction
from mmlubench.grading.patterns import regex
from mmlubench.schema import Question

_ANSWER_IS = r"answer is \(?([A-J])"
# A look-ahead, which does not consume the letter: it may be the A of the next "Answer:".
_ANSWER_COLON = r"[aA]nswer:(?=\s*([A-J]))"
# Matched from the start, so the greedy part backtracks only once, to the last letter of the text: linear time.
_LAST_LETTER = r"(?s:.*)\b([A-J])\b"


def read_tiger(text: str, question: Question) -> Extraction:
    """The letter A to J that the official chain finds: whatever reads `answer is B` first, `answer: B`, or last B."""
    text = text.replace("**", "")
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
