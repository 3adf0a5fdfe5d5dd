"""A row of small facts of each question: everything that is counted later, but none of its texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmlubench.datasets.length import TokenCounter, counted
from mmlubench.lab.explore import scripts
from mmlubench.schema import Question, untranslated

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 4096
#: A choice that refers to the others: "all of the above", "none of these", "none of them are".
_ALL_OR_NONE = re.compile(r"(?:all|none) of (?:the|these)", re.IGNORECASE)
#: The same letters inside other words, as in "fall of the empire", refer to nothing.
_AS_WORDS = re.compile(rf"\b{_ALL_OR_NONE.pattern}", re.IGNORECASE)
#: The beginning of the names of columns that hold tokens, one for each tokenizer.
_TOKENS = "tokens "


def facts_of(questions: Sequence[Question], counters: Mapping[str, TokenCounter]) -> pd.DataFrame:
    """Return a row for each question, in order.

    id, item (what the question is called in all languages, without its benchmark), language, subject, category, answer
    (its letter), choices (their number), question_chars (of the question alone), chars and `tokens NAME` (of question
    and choices, as `length.counted` joins them), longest (whether the longest choice is right, of several the first),
    equal (whether two choices are, but for spaces, which nobody sees), all_or_none (whether a choice says "all of the"
    or "none of these"), all_of_letters (the same letters, also inside other words), text and whole (hashes of question,
    and of question and choices), letters and `letters SCRIPT`.
    """
    import pandas as pd

    parts = []
    for start in range(0, max(1, len(questions)), _AT_ONCE):
        batch = list(questions[start : start + _AT_ONCE])
        frame = pd.DataFrame([_row(question) for question in batch], columns=_COLUMNS)
        texts = [counted(question) for question in batch]
        frame["chars"] = [len(text) for text in texts]
        for name, counter in counters.items():
            frame[_TOKENS + name] = counter.counts(texts)
        found = scripts.letters(texts)
        frame["letters"] = found.sum(axis=1)
        for number, script in enumerate(scripts.SCRIPTS):
            frame[f"letters {script}"] = found[:, number]
        parts.append(frame)
    whole = pd.concat(parts, ignore_index=True)
    for name in ("language", "subject", "category", "answer"):
        whole[name] = whole[name].astype("category")
    return whole


def token_columns(facts: pd.DataFrame) -> dict[str, str]:
    """Return the name of the column with the tokens of each tokenizer, by the name of the tokenizer."""
    names = map(str, facts.columns)
    return {name.removeprefix(_TOKENS): name for name in names if name.startswith(_TOKENS)}


_COLUMNS = (
    *("id", "item", "language", "subject", "category", "answer", "choices", "question_chars", "longest"),
    *("equal", "all_or_none", "all_of_letters", "text", "whole"),
)


def _row(question: Question) -> tuple[Any, ...]:
    choices = question.choices
    together = "\n".join(choices)
    letters = _ALL_OR_NONE.search(together) is not None
    longest = max(range(len(choices)), key=lambda place: len(choices[place]))
    return (
        question.id,
        untranslated(question.id, question.language).partition("/")[2],
        question.language,
        question.subject,
        question.category,
        question.answer,
        len(choices),
        len(question.text),
        question.letters[longest] == question.answer,
        len({" ".join(choice.split()) for choice in choices}) < len(choices),
        letters and _AS_WORDS.search(together) is not None,
        letters,
        hash(question.text),
        hash((question.text, choices)),
    )
