"""MMLU-Pro (Wang et al. 2024, arXiv 2406.01574): questions with three to ten choices.

Rows are changed in these ways:

- `N/A`, a filler among the options of older snapshots, is dropped before the options get their letters, and the
  letter of the answer is adapted. An answer that names a filler is an error.
- White space around an option is dropped, since in some rows only the right option begins with a space.
- The letter decides which option is right, as in the code published with the data set. `answer_index` must agree
  with it, except for question 3983, where the data set itself says C and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import About, Rows, Spec
from mmlubench.errors import short
from mmlubench.schema import ALPHABET, Question

_FILLER = "N/A"
_LEAST, _MOST = 3, 10
#: Rows in which letter and number are known to disagree.
_KNOWN_TO_DISAGREE = frozenset({3983})
_COLUMNS = ("question_id", "question", "options", "answer", "answer_index", "category")

#: The number of test questions in each category; a category is the subject of its questions here.
COUNTS = {
    "biology": 717,
    "business": 789,
    "chemistry": 1132,
    "computer_science": 410,
    "economics": 844,
    "engineering": 969,
    "health": 818,
    "history": 381,
    "law": 1101,
    "math": 1351,
    "other": 924,
    "philosophy": 499,
    "physics": 1299,
    "psychology": 798,
}
_CATEGORIES = {name.replace("_", " "): name for name in COUNTS}


def check(rows: Rows) -> None:
    """Raise DataError for the first row that is not a question of three to ten choices in a known category."""
    checks.every_row(rows, _COLUMNS, _problem)


def _problem(
    question_id: Any, text: object, options: Any, answer: Any, number: object, category: object
) -> str:
    if type(question_id) is not int:
        return f"question_id is {short(question_id)}, and a whole number was expected"
    problem = (
        cells.text("question", text)
        or cells.one_of("category", category, _CATEGORIES)
        or cells.texts("options", options, _LEAST, _MOST)
    )
    return problem or _answer_problem(question_id, options, answer, number)


def _answer_problem(question_id: int, options: list[str], answer: Any, number: object) -> str:
    letters = ALPHABET[: len(options)]
    if problem := cells.letter("answer", answer, letters):
        return problem
    if len(_without_fillers(options)) < _LEAST:
        return f"options is {short(options)}, and at least {_LEAST} besides {_FILLER} were expected"
    if options[letters.index(answer)].strip() == _FILLER:
        return f"answer is {answer}, and that option is {_FILLER}"
    if number != letters.index(answer) and question_id not in _KNOWN_TO_DISAGREE:
        return f"answer is {answer} and answer_index is {number}, and {letters.index(answer)} was expected"
    return ""


def _without_fillers(options: Sequence[str]) -> list[str]:
    return [option for option in map(str.strip, options) if option != _FILLER]


def questions(split: str, files: Sequence[Rows]) -> list[Question]:
    """Make the questions of a split: categories in alphabetical order, rows in file order."""
    by_category: dict[str, list[Question]] = {}
    prefix = "" if split == MMLU_PRO.scored else f"{split}-"
    for rows in files:
        columns = (rows.columns[name] for name in (*_COLUMNS, "cot_content"))
        for number, text, options, answer, _, name, solution in zip(*columns, strict=True):
            category = _CATEGORIES[name]
            place = ALPHABET.index(answer)
            letter = ALPHABET[len(_without_fillers(options[:place]))]
            by_category.setdefault(category, []).append(
                Question(
                    id=f"mmlu_pro/{category}/{prefix}{number}",
                    benchmark="mmlu_pro",
                    subject=category,
                    category=category,
                    text=text,
                    choices=tuple(_without_fillers(options)),
                    answer=letter,
                    rationale=solution or "",
                )
            )
    return [question for category in sorted(by_category) for question in by_category[category]]


MMLU_PRO = Spec(
    name="mmlu_pro",
    description="MMLU-Pro: 14 categories, 3 to 10 choices",
    repository="TIGER-Lab/MMLU-Pro",
    about=About("mit", "Wang et al. 2024, arXiv 2406.01574"),
    config="default",
    revision="527feea0afed1de15a8c115abf7be4c912123315",
    columns={
        "question_id": "integer",
        "question": "text",
        "options": "texts",
        "answer": "text",
        "answer_index": "integer",
        "cot_content": "text",
        "category": "text",
    },
    check=check,
    build=questions,
    counts=COUNTS,
    example_split="validation",
    spare=(),
    sample="questions/mmlu_pro.jsonl",
)
