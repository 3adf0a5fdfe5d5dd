"""MMMLU: the test questions of MMLU in 14 languages, translated by people (openai/MMMLU on the hub).

It has no worked examples of its own, so those of MMLU are used, in English and by subject: a test question shown as
an example would give its answer away where it is asked itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import About, Rows, Spec
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.schema import Question

LOCALES = (
    "AR_XY",
    "BN_BD",
    "DE_DE",
    "ES_LA",
    "FR_FR",
    "HI_IN",
    "ID_ID",
    "IT_IT",
    "JA_JP",
    "KO_KR",
    "PT_BR",
    "SW_KE",
    "YO_NG",
    "ZH_CN",
)
_LETTERS = "ABCD"
_ANSWERS = frozenset(_LETTERS)
_COLUMNS = ("Question", "Subject", "Answer", *_LETTERS)
#: The name and domain of each subject, shared by all its questions to save memory.
_SUBJECTS = {name: (name, known.category) for name, known in SUBJECTS.items()}


def check(rows: Rows) -> None:
    """Raise DataError for the first row that is not a question of four choices on a known subject."""
    checks.filled(rows)
    columns = (rows.columns[name] for name in _COLUMNS)
    for index, (text, subject, answer, *choices) in enumerate(zip(*columns, strict=True)):
        # One expression for valid rows, which is fast: it runs 196,588 times.
        if not (text and text.strip() and subject in SUBJECTS and answer in _ANSWERS and None not in choices):
            raise checks.bad(rows, index, _problem(text, subject, answer, choices))


def _problem(text: object, subject: object, answer: object, choices: Sequence[object]) -> str:
    by_letter = dict(zip(_LETTERS, choices, strict=True))
    return (
        cells.text("Question", text)
        or cells.one_of("Subject", subject, SUBJECTS)
        or cells.letter("Answer", answer, _LETTERS)
        or f"{next(name for name in by_letter if by_letter[name] is None)} is empty, and a text was expected"
    )


def questions(split: str, files: Sequence[Rows]) -> list[Question]:
    """Make the questions: language by language, subjects in alphabetical order, rows in file order."""
    made: dict[str, dict[str, list[Question]]] = {}
    for rows in files:
        by_subject = made.setdefault(rows.part, {})
        columns = (rows.columns[name] for name in _COLUMNS)
        for index, (text, name, answer, *choices) in enumerate(zip(*columns, strict=True)):
            subject, category = _SUBJECTS[name]
            same = by_subject.setdefault(subject, [])
            row_id = f"mmmlu/{rows.part}/{subject}/{rows.ranks[index] if rows.ranks else len(same):04d}"
            same.append(Question(row_id, "mmmlu", subject, category, text, tuple(choices), answer, rows.part))
    return [q for by_subject in made.values() for name in sorted(by_subject) for q in by_subject[name]]


MMMLU = Spec(
    name="mmmlu",
    description="MMMLU: MMLU translated by people, in 14 languages",
    repository="openai/MMMLU",
    about=About("mit", "OpenAI 2024, openai/MMMLU on the hub"),
    config="",
    revision="325a01dc3e173cac1578df94120499aaca2e2504",
    columns=dict.fromkeys(("Question", "A", "B", "C", "D", "Answer", "Subject"), "text"),
    check=check,
    build=questions,
    counts={subject: known.questions for subject, known in SUBJECTS.items()},
    example_split="",
    examples_of="mmlu",
    spare=(),
    sample="questions/mmmlu.jsonl",
    parts=LOCALES,
    part_column="language",
    sampled_by="Subject",
    csv="mmlu_{}.csv",
)
