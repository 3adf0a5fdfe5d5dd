"""MMLU-Pro: what becomes of a row, and which rows are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets import load
from mmlubench.datasets.base import Rows
from mmlubench.datasets.sets.mmlu_pro import COUNTS, MMLU_PRO
from mmlubench.errors import DataError
from mmlubench.schema import ALPHABET

Row = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture
def row() -> Row:
    """A good row, to be changed by a test."""
    return {
        "question_id": 17,
        "question": "Which?",
        "options": ["a", "b", "c", "d"],
        "answer": "C",
        "answer_index": 2,
        "cot_content": "",
        "category": "computer science",
    }


def rows_of(*rows: Row) -> Rows:
    return Rows("file", {name: [row[name] for row in rows] for name in rows[0]})


def made(row: Row, split: str = "test") -> Any:
    MMLU_PRO.check(rows_of(row))
    return MMLU_PRO.build(split, [rows_of(row)])[0]


def test_complete_data_load_with_five_worked_examples_each(shapes: ModuleType, parquet_folder: Write) -> None:
    splits = {split: shapes.mmlu_pro_rows(split) for split in ("test", "validation")}
    pro = load("mmlu_pro", str(parquet_folder(splits, "data/mmlu_pro").parent))
    assert Counter(question.subject for question in pro.questions) == COUNTS
    assert {subject: len(examples) for subject, examples in pro.examples.items()} == dict.fromkeys(COUNTS, 5)
    assert pro.notice == ""
    assert {len(question.choices) for question in pro.questions} == {3, 4, 5, 6, 7, 8, 9, 10}


def test_a_clone_of_the_repository_is_read_too(shapes: ModuleType, parquet_folder: Write) -> None:
    splits = {split: shapes.mmlu_pro_rows(split) for split in ("test", "validation")}
    folder = parquet_folder(splits, "clone/data", "{}-00000-of-00001.parquet")
    assert len(load("mmlu_pro", str(folder.parent)).questions) == 12_032


def test_counts_add_up_to_the_published_number() -> None:
    assert sum(COUNTS.values()) == 12_032
    assert len(COUNTS) == 14


def test_a_row_keeps_its_own_id_and_a_category_becomes_one_word(row: Row) -> None:
    question = made(row)
    assert question.id == "mmlu_pro/computer_science/17"
    assert question.case_id == "computer_science-17"
    assert question.subject == question.category == "computer_science"
    assert (question.choices, question.answer, question.letters) == (("a", "b", "c", "d"), "C", "ABCD")


def test_a_worked_example_brings_its_solution_and_an_id_that_no_test_question_has(row: Row) -> None:
    example = made({**row, "cot_content": "A: Let's think step by step. So it is (C)."}, "validation")
    assert example.rationale == "A: Let's think step by step. So it is (C)."
    assert example.id == "mmlu_pro/computer_science/validation-17"


@given(st.lists(st.sampled_from(["N/A", " x", "y ", "N/A "]), min_size=3, max_size=10), st.data())
def test_the_right_option_stays_right_wherever_fillers_stand(options: list[str], data: st.DataObject) -> None:
    # A letter that does not move with its option would make a right reply wrong, or a wrong one right.
    real = [index for index, option in enumerate(options) if option.strip() != "N/A"]
    if len(real) < 3:
        return
    place = data.draw(st.sampled_from(real))
    options = [f"{option}{index}" if index in real else option for index, option in enumerate(options)]
    question = made(
        {
            "question_id": 1,
            "question": "?",
            "options": options,
            "answer": ALPHABET[place],
            "answer_index": place,
            "cot_content": "",
            "category": "law",
        }
    )
    assert question.choices[question.letters.index(question.answer)] == options[place].strip()
    assert "N/A" not in question.choices
    assert len(question.choices) == len(real)


def test_white_space_does_not_give_the_right_option_away(row: Row) -> None:
    assert made({**row, "options": ["a", "b", " c", "d\n"]}).choices == ("a", "b", "c", "d")


def test_where_letter_and_number_disagree_the_letter_decides_in_the_one_known_row(row: Row) -> None:
    assert made({**row, "question_id": 3983, "answer_index": 1}).answer == "C"
    with pytest.raises(DataError, match=r"answer is C and answer_index is 1, and 2 was expected"):
        made({**row, "answer_index": 1})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"question": " "}, "question is ' ', and a text that is not empty was expected"),
        ({"question_id": None}, "question_id is None, and a whole number was expected"),
        (
            {"category": "maths"},
            "category is 'maths', and one of the 14 known categories was expected; did you",
        ),
        ({"options": ["a", "b"]}, "options is ['a', 'b'], and a list of 3 to 10 texts was expected"),
        ({"options": [*"abcdefghijk"]}, "and a list of 3 to 10 texts was expected"),
        ({"options": ["a", None, "c", "d"]}, "and a list of 3 to 10 texts was expected"),
        ({"options": ["a", "b", "c", "N/A", "N/A"], "answer": "D"}, "answer is D, and that option is N/A"),
        ({"options": ["a", "N/A", "c", "N/A"]}, "and at least 3 besides N/A were expected"),
        ({"answer": "E"}, "answer is 'E', and a letter from A to D was expected"),
        ({"answer": "c"}, "answer is 'c', and a letter from A to D was expected"),
        ({"answer": ""}, "answer is '', and a letter from A to D was expected"),
        ({"answer": None}, "answer is None, and a letter from A to D was expected"),
    ],
)
def test_a_bad_row_is_named(row: Row, change: Row, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        MMLU_PRO.check(rows_of(row, {**row, **change}))
    assert str(caught.value).startswith("file, row 1: ")
    assert problem in str(caught.value)


def test_a_doubled_id_is_found(shapes: ModuleType, parquet_folder: Write) -> None:
    # A recorded reply could belong to either.
    rows = shapes.mmlu_pro_rows("test")[:20]
    rows[1] = {**rows[1], "question_id": rows[0]["question_id"]}
    with pytest.raises(DataError, match=r"two rows have the id 'mmlu_pro/psychology/70'"):
        load("mmlu_pro", str(parquet_folder({"test": rows})), allow_partial=True)
