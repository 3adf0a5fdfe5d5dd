"""`--data FILE`: one parquet, CSV, TSV, JSON or JSON-lines file, in the spellings in which such files are found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import load
from mmlubench.datasets.sets.mmmlu import LOCALES
from mmlubench.errors import DataError
from mmlubench.schema import Question

Row = dict[str, Any]
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str) -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write


def table(rows: Sequence[Row], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*rows[0]], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def spread(row: Row) -> Row:
    """As simple-evals has them: a column for each choice, a letter, names in capitals, a number before all."""
    choices = dict(zip("ABCD", row["choices"], strict=True))
    return {
        "": 7,
        "Question": row["question"],
        **choices,
        "Answer": "ABCD"[row["answer"]],
        "Subject": row["subject"],
    }


def same(path: Path, rows: Sequence[Row]) -> None:
    """The questions of a file are those rows."""
    loaded = load("mmlu", str(path), allow_partial=True)
    assert f"file {path}" in loaded.source
    assert sorted(map(_shown, loaded.questions)) == sorted(
        (row["subject"], row["question"], tuple(row["choices"]), "ABCD"[row["answer"]]) for row in rows
    )


def _shown(question: Question) -> tuple[str, str, tuple[str, ...], str]:
    return question.subject, question.text, question.choices, question.answer


TEXTS: dict[str, Callable[[list[Row]], str]] = {
    "x.json": json.dumps,
    "x.jsonl": lambda rows: "\n".join(map(json.dumps, rows)),
    "json-lists.csv": lambda rows: table([{**row, "choices": json.dumps(row["choices"])} for row in rows]),
    "python-lists.csv": lambda rows: table(rows),
    "x.tsv": lambda rows: table(rows, "\t"),
    "letters.csv": lambda rows: table([{**row, "answer": "ABCD"[row["answer"]]} for row in rows]),
    "spread.csv": lambda rows: table([*map(spread, rows)]),
    "spread.jsonl": lambda rows: "\n".join(json.dumps(spread(row)) for row in rows),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_file_is_read_in_every_usual_spelling(name: str, write: Write, rows: list[Row]) -> None:
    rows[0] |= {"question": 'Which line,\nof "these" — 模?', "choices": ["it's", "None", "1", "NA"]}
    same(write(name, TEXTS[name](rows)), rows)


def test_a_complete_parquet_file_is_complete(
    made_up: dict[str, list[Row]], parquet_folder: Callable[..., Path]
) -> None:
    folder = parquet_folder(made_up)
    loaded = load("mmlu", str(folder / "test.parquet"))
    assert (len(loaded.questions), loaded.examples) == (14_042, {})
    assert loaded.questions == load("mmlu", str(folder)).questions


def test_a_file_of_the_original_has_its_subject_in_its_name(write: Write, rows: list[Row]) -> None:
    lines = [[row["question"], *row["choices"], "ABCD"[row["answer"]]] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    same(write("anatomy_test.csv", text.getvalue()), rows)
    same(write("anatomy.csv", text.getvalue()), rows)
    with pytest.raises(DataError, match=r"subject is 'mine', and one of the 57 known subjects was expected"):
        load("mmlu", str(write("mine.csv", text.getvalue())), allow_partial=True)


def test_a_part_of_the_data_is_told_unless_it_is_allowed(write: Write, rows: list[Row]) -> None:
    with pytest.raises(DataError, match="get the complete data, or give --allow-partial-data"):
        load("mmlu", str(write("x.json", json.dumps(rows))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "E"}, "answer is 4, and a whole number from 0 to 3 was expected"),
        ({"answer": "1.0"}, "answer is '1.0', and a whole number from 0 to 3 was expected"),
        ({"choices": "a|b|c|d"}, "choices is 'a|b|c|d', and a list of 4 texts was expected"),
        ({"choices": "[" * 5000}, "and a list of 4 texts was expected"),
        ({"choices": "__import__('os')"}, "and a list of 4 texts was expected"),
        ({"subject": "anatomi"}, "did you mean 'anatomy'"),
    ],
)
def test_a_cell_that_cannot_be_read_names_its_row(
    change: Row, said: str, write: Write, rows: list[Row]
) -> None:
    rows[1] |= change
    with pytest.raises(DataError) as caught:
        load("mmlu", str(write("x.csv", table(rows))), allow_partial=True)
    assert "x.csv, row 1: " in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_column_is_told_with_those_that_are_there(write: Write, rows: list[Row]) -> None:
    text = table([{"question": row["question"], "Topic": "x"} for row in rows])
    with pytest.raises(DataError, match=r"column 'subject' is missing; expected .* found question, Topic"):
        load("mmlu", str(write("x.csv", text)))


def test_the_other_data_sets_are_read_from_a_file_as_well(shapes: ModuleType, write: Write) -> None:
    pro = shapes.mmlu_pro_rows("test")
    for name, text in (("pro.csv", table(pro)), ("pro.jsonl", "\n".join(map(json.dumps, pro)))):
        assert len(load("mmlu_pro", str(write(name, text))).questions) == 12_032
    common = shapes.commonsense_rows("validation")
    assert len(load("commonsense_qa", str(write("c.csv", table(common)))).questions) == 1221


@pytest.mark.parametrize("name", ["DE_DE.csv", "mmlu_DE-DE.csv", "DE_DE/test.csv"])
def test_a_file_of_one_language_says_so_in_its_name(name: str, shapes: ModuleType, write: Write) -> None:
    path = write(name, table(shapes.mmmlu_rows("DE_DE")))
    loaded = load("mmmlu", str(path), languages=["DE_DE"], examples=False)
    assert {question.language for question in loaded.questions} == {"DE_DE"}
    with pytest.raises(DataError, match="it lacks FR_FR of mmmlu"):
        load("mmmlu", str(path), languages=["FR_FR"], examples=False)


def test_a_file_without_a_language_in_its_name_is_of_the_one_asked_for(
    shapes: ModuleType, write: Write
) -> None:
    path = write("mine.csv", table(shapes.mmmlu_rows("DE_DE")))
    assert len(load("mmmlu", str(path), languages=["DE_DE"], examples=False).questions) == 14_042
    with pytest.raises(
        DataError, match=f"name it like {LOCALES[0]}.parquet or say it with --language {LOCALES[0]}"
    ):
        load("mmmlu", str(path), examples=False)


def test_a_column_says_the_language_of_each_row(shapes: ModuleType, write: Write) -> None:
    rows = [{**row, "language": locale} for locale in ("DE_DE", "FR_FR") for row in shapes.mmmlu_rows(locale)]
    loaded = load("mmmlu", str(write("all.csv", table(rows))), languages=["FR_FR"], examples=False)
    assert {question.language for question in loaded.questions} == {"FR_FR"}


def test_a_file_that_is_not_there_or_of_another_type_says_what_was_looked_for(
    write: Write, tmp_path: Path
) -> None:
    with pytest.raises(
        DataError, match=r"nope\.parquet: there is no such file with mmlu; give its path, from /"
    ):
        load("mmlu", str(tmp_path / "nope.parquet"))
    with pytest.raises(
        DataError, match=r"looked for a tar with test/<subject>_test\.csv, or a file whose name ends in \.csv"
    ):
        load("mmlu", str(write("notes.txt", "no data")))
    with pytest.raises(
        DataError, match=r"notes\.txt: its name must end in one of \.csv, .* to be a file of mmlu_pro\."
    ):
        load("mmlu_pro", str(write("notes.txt", "no data")))
    with pytest.raises(DataError, match=r"sampel: there is no such folder with mmlu; did you mean 'sample'"):
        load("mmlu", "sampel")


@pytest.mark.real_data
def test_the_real_questions_come_out_of_a_file_as_out_of_their_folder(
    real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = real_data("mmlu")
    whole = load("mmlu", str(folder))
    assert load("mmlu", str(folder / "test.parquet")).questions == whole.questions
    rows = [
        {"question": q.text, "subject": q.subject, "choices": [*q.choices], "answer": "ABCD".index(q.answer)}
        for q in whole.questions
    ]
    for name in ("python-lists.csv", "spread.csv", "x.tsv"):
        (tmp_path / name).write_text(TEXTS[name](rows), encoding="utf-8", newline="")
        assert load("mmlu", str(tmp_path / name)).questions == whole.questions
