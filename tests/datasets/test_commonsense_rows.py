"""CommonsenseQA: what is asked, what serves as worked example, and which rows are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import load
from mmlubench.errors import DataError

Row = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture
def splits(shapes: ModuleType) -> dict[str, list[Row]]:
    return {split: shapes.commonsense_rows(split) for split in ("train", "validation", "test")}


def test_validation_is_asked_and_the_first_seven_of_train_are_worked_examples(
    splits: dict[str, list[Row]], parquet_folder: Write
) -> None:
    # The test split has no answers: asked, all of it would be wrong.
    loaded = load("commonsense_qa", str(parquet_folder(splits)))
    assert len(loaded.questions) == 1221
    assert [q.text for q in loaded.examples["commonsense"]] == [f"Question {n} (train)" for n in range(7)]
    assert loaded.notice == ""


def test_a_row_becomes_the_question_it_says(splits: dict[str, list[Row]], parquet_folder: Write) -> None:
    question = load("commonsense_qa", str(parquet_folder(splits))).questions[17]
    assert (question.id, question.case_id) == ("commonsense_qa/validation0017", "validation0017")
    assert (question.subject, question.category) == ("commonsense", "commonsense")
    assert question.text == "Question 17 (validation)"
    assert question.choices == tuple(f"Choice {letter} of 17" for letter in "ABCDE")
    assert question.answer == "C"


def test_without_train_there_are_no_worked_examples(
    splits: dict[str, list[Row]], parquet_folder: Write
) -> None:
    loaded = load("commonsense_qa", str(parquet_folder({"validation": splits["validation"]})))
    assert loaded.examples == {}


def test_a_train_split_of_fewer_rows_is_not_the_complete_one(
    splits: dict[str, list[Row]], parquet_folder: Write
) -> None:
    folder = str(parquet_folder({**splits, "train": splits["train"][:3]}))
    with pytest.raises(DataError, match=r"worked examples \(train\): commonsense has 3 \(expected 7\)"):
        load("commonsense_qa", folder)
    assert "3 of 7 worked examples" in load("commonsense_qa", folder, allow_partial=True).notice


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": ""}, "id is '', and a text that is not empty was expected"),
        ({"question": None}, "question is None, and a text"),
        ({"choices": {"label": [*"ABCD"], "text": [*"abcd"]}}, "and the labels A to E were expected"),
        ({"choices": {"label": [*"ABCDE"], "text": [*"abcd"]}}, "and a list of 5 texts was expected"),
        ({"choices": None}, "choices is None, and the labels A to E were expected"),
        ({"answerKey": "F"}, "answerKey is 'F', and a letter from A to E was expected"),
        ({"answerKey": ""}, "answerKey is '', and a letter from A to E was expected"),
    ],
)
def test_a_bad_row_is_named(
    splits: dict[str, list[Row]], parquet_folder: Write, change: Row, problem: str
) -> None:
    splits["validation"][3].update(change)
    with pytest.raises(DataError) as caught:
        load("commonsense_qa", str(parquet_folder(splits)))
    assert "validation.parquet, row 3: " in str(caught.value)
    assert problem in str(caught.value)


def test_a_doubled_id_is_found(splits: dict[str, list[Row]], parquet_folder: Write) -> None:
    splits["validation"][3]["id"] = splits["validation"][2]["id"]
    with pytest.raises(DataError, match=r"two rows have the id 'commonsense_qa/validation0002'"):
        load("commonsense_qa", str(parquet_folder(splits)))


def test_a_column_of_another_kind_is_told(splits: dict[str, list[Row]], parquet_folder: Write) -> None:
    rows = [{**row, "choices": [*"abcde"]} for row in splits["validation"]]
    expected = r"column 'choices' holds texts, and \{label: texts, text: texts\} was expected"
    with pytest.raises(DataError, match=expected):
        load("commonsense_qa", str(parquet_folder({"validation": rows})))
