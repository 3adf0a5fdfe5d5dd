"""CommonsenseQA (Talmor et al. 2019, arXiv 1811.00937): questions with five choices.

Its test split has no answers, so the validation split is scored. The first seven rows of the training split
are the worked examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import About, Rows, Spec
from mmlubench.errors import short
from mmlubench.schema import Question

SUBJECT = "commonsense"
_LETTERS = "ABCDE"
_SHOTS = 7
_COLUMNS = ("id", "question", "choices", "answerKey")


def check(rows: Rows) -> None:
    """Raise DataError for the first row that is not a question of five choices."""
    checks.every_row(rows, _COLUMNS, _problem)


def _problem(row_id: object, text: object, choices: object, answer: object) -> str:
    problem = cells.text("id", row_id) or cells.text("question", text)
    if problem:
        return problem
    if not isinstance(choices, Mapping) or choices.get("label") != [*_LETTERS]:
        return f"choices is {short(choices)}, and the labels A to E were expected"
    count = len(_LETTERS)
    return cells.texts("choices.text", choices.get("text"), count) or cells.letter(
        "answerKey", answer, _LETTERS
    )


def questions(split: str, files: Sequence[Rows]) -> list[Question]:
    """Make the questions of a split in file order; of the training split only the worked examples."""
    scored = split == COMMONSENSE_QA.scored
    prefix = "" if scored else f"{split}-"
    rows = (row for one in files for row in zip(*(one.columns[name] for name in _COLUMNS), strict=True))
    return [_question(prefix, *row) for row in islice(rows, None if scored else _SHOTS)]


def _question(prefix: str, row_id: str, text: str, choices: Mapping[str, Any], answer: str) -> Question:
    return Question(
        id=f"commonsense_qa/{prefix}{row_id}",
        benchmark="commonsense_qa",
        subject=SUBJECT,
        category=SUBJECT,
        text=text,
        choices=tuple(choices["text"]),
        answer=answer,
    )


COMMONSENSE_QA = Spec(
    name="commonsense_qa",
    description="CommonsenseQA: five choices; its validation split, as its test split has no key",
    repository="tau/commonsense_qa",
    about=About("mit", "Talmor et al. 2019, arXiv 1811.00937"),
    config="default",
    revision="94630fe30dad47192a8546eb75f094926d47e155",
    columns={
        "id": "text",
        "question": "text",
        "choices": "{label: texts, text: texts}",
        "answerKey": "text",
    },
    check=check,
    build=questions,
    counts={SUBJECT: 1221},
    scored="validation",
    example_split="train",
    shots_per_subject=_SHOTS,
    spare=("test",),
    sample="questions/commonsense_qa.jsonl",
)
