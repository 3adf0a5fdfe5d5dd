"""MMLU (Hendrycks et al. 2021, "Measuring Massive Multitask Language Understanding"): questions with four choices."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench.datasets import checks
from mmlubench.datasets.base import About, Rows, Spec
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.schema import Question


def check(rows: Rows) -> None:
    """Raise DataError for the first row that is not a question of four choices on a known subject."""
    checks.multiple_choice(rows, subjects=SUBJECTS, choices=4)


def questions(split: str, files: Sequence[Rows]) -> list[Question]:
    """Make the questions of a split: subjects in alphabetical order, rows in file order."""
    # Ids are counted within a subject, and subjects sorted, since sources order their subjects differently.
    by_subject: dict[str, list[Question]] = {}
    prefix = "" if split == MMLU.scored else f"{split}-"
    for rows in files:
        columns = (rows.columns[name] for name in ("subject", "question", "choices", "answer"))
        for subject, text, choices, answer in zip(*columns, strict=True):
            same = by_subject.setdefault(subject, [])
            row_id = f"mmlu/{subject}/{prefix}{len(same):04d}"
            category = SUBJECTS[subject].category
            same.append(Question(row_id, "mmlu", subject, category, text, tuple(choices), "ABCD"[answer]))
    return [question for subject in sorted(by_subject) for question in by_subject[subject]]


MMLU = Spec(
    name="mmlu",
    description="MMLU: 57 subjects, four choices",
    repository="cais/mmlu",
    about=About("mit", "Hendrycks et al. 2021, arXiv 2009.03300"),
    config="all",
    revision="c30699e8356da336a370243923dbaf21066bb9fe",
    columns={"question": "text", "subject": "text", "choices": "texts", "answer": "integer"},
    check=check,
    build=questions,
    counts={subject: known.questions for subject, known in SUBJECTS.items()},
    sample="questions/mmlu.jsonl",
    hendrycks=True,
)
