"""Made-up rows in the shape of each data set, as many as the complete ones have."""

from __future__ import annotations

import csv
import io
from typing import Any

from mmlubench.datasets.sets import mmlu_pro
from mmlubench.datasets.sets.subjects import SUBJECTS

Row = dict[str, Any]


def mmlu_pro_rows(split: str) -> list[Row]:
    """12,032 rows for `test`, five of each category for `validation`, as the hub has them: not sorted."""
    rows = [
        _pro_row(split, category, number)
        for category, count in sorted(mmlu_pro.COUNTS.items(), reverse=True)
        for number in range(count if split == "test" else 5)
    ]
    return [{**row, "question_id": number + (split == "test") * 70} for number, row in enumerate(rows)]


def _pro_row(split: str, category: str, number: int) -> Row:
    options = [f"Option {letter} of {number}" for letter in "ABCDEFGHIJ"[: 3 + number % 8]]
    answer = number % len(options)
    return {
        "question_id": 0,
        "question": f"Question {number} of {category} ({split})",
        "options": options,
        "answer": "ABCDEFGHIJ"[answer],
        "answer_index": answer,
        "cot_content": "" if split == "test" else f"A: Let's think step by step. {number}.",
        "category": category.replace("_", " "),
        "src": "made-up",
    }


def commonsense_rows(split: str, count: int | None = None) -> list[Row]:
    """1,221 rows for `validation`, 50 for the others; those of `test` have no answer."""
    return [
        {
            "id": f"{split}{number:04d}",
            "question": f"Question {number} ({split})",
            "question_concept": "concept",
            "choices": {"label": [*"ABCDE"], "text": [f"Choice {letter} of {number}" for letter in "ABCDE"]},
            "answerKey": "" if split == "test" else "ABCDE"[number % 5],
        }
        for number in range(count or {"validation": 1221}.get(split, 50))
    ]


def mmmlu_rows(locale: str) -> list[Row]:
    """14,042 rows of one language; some choices look like gaps to a reader that guesses."""
    choices = (("None", "N/A", "null", ""), ("1", "2", "1.50", "007"))
    return [
        {
            "Question": f'Question {number} of {subject} in {locale},\nin "two" lines',
            **dict(zip("ABCD", choices[number % 2], strict=True)),
            "Answer": "ABCD"[number % 4],
            "Subject": subject,
        }
        for subject, known in SUBJECTS.items()
        for number in range(known.questions)
    ]


def mmmlu_csv(rows: list[Row]) -> bytes:
    """Rows as the repository's own CSV files have them: the first column is a number without a name."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["", *rows[0]])
    writer.writerows([number, *row.values()] for number, row in enumerate(rows))
    return out.getvalue().encode()


def redux_rows(rows: list[Row], verdict: str = "ok", correct: str | None = None) -> list[Row]:
    """Annotations of these rows of MMLU."""
    names = ("question", "choices", "answer", "subject")
    return [
        {**{name: row[name] for name in names}, "error_type": verdict, "correct_answer": correct}
        for row in rows
    ]
