"""A local folder in the hub's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmlubench.datasets import load
from mmlubench.errors import DataError

Row = dict[str, Any]
Write = Callable[..., Path]


@pytest.mark.parametrize("folder", ["data", "data/all", "data/mmlu", "data/mmlu/all"])
@pytest.mark.parametrize("name", ["{}.parquet", "{}-00000-of-00001.parquet"])
def test_files_are_found_where_the_hub_and_its_copies_have_them(
    rows: list[Row], parquet_folder: Write, tmp_path: Path, folder: str, name: str
) -> None:
    parquet_folder({"test": rows, "dev": rows}, folder, name)
    mmlu = load("mmlu", str(tmp_path / "data"), allow_partial=True)
    assert mmlu.source == f"parquet files in {tmp_path / folder}"
    assert (len(mmlu.questions), len(mmlu.examples["anatomy"])) == (3, 3)


def test_several_files_of_a_split_are_read_in_order(rows: list[Row], parquet_folder: Write) -> None:
    for number, row in enumerate(rows):
        folder = parquet_folder({"test": [row]}, name=f"{{}}-0000{number}-of-00003.parquet")
    mmlu = load("mmlu", str(folder), allow_partial=True)
    assert [question.text for question in mmlu.questions] == ["Question 0", "Question 1", "Question 2"]
    assert [question.id[-4:] for question in mmlu.questions] == ["0000", "0001", "0002"]


def spoilt(row: Row, **change: Any) -> Row:
    return {**row, **change}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"question": ""}, "question is '', and a text that is not empty was expected"),
        ({"question": " \n"}, "question is ' \\n', and a text that is not empty was expected"),
        ({"question": None}, "question is None, and a text that is not empty was expected"),
        ({"subject": ""}, "subject is '', and a text that is not empty was expected"),
        ({"subject": "anatomi"}, "one of the 57 known subjects was expected; did you mean 'anatomy'?"),
        ({"subject": "my_own"}, "subject is 'my_own', and one of the 57 known subjects was expected"),
        ({"choices": ["a", "b", "c"]}, "choices is ['a', 'b', 'c'], and a list of 4 texts was expected"),
        ({"choices": ["a", "b", None, "d"]}, "['a', 'b', None, 'd'], and a list of 4 texts was expected"),
        ({"choices": None}, "choices is None, and a list of 4 texts was expected"),
        ({"answer": 4}, "answer is 4, and a whole number from 0 to 3 was expected"),
        ({"answer": -1}, "answer is -1, and a whole number from 0 to 3 was expected"),
        ({"answer": None}, "answer is None, and a whole number from 0 to 3 was expected"),
    ],
)
def test_a_bad_row_is_named_with_file_and_number(
    rows: list[Row], parquet_folder: Write, change: Row, problem: str
) -> None:
    rows[1].update(change)
    folder = parquet_folder({"test": rows})
    with pytest.raises(DataError) as caught:
        load("mmlu", str(folder), allow_partial=True)
    assert str(caught.value).startswith(f"{folder}/test.parquet, row 1: ")
    assert str(caught.value).endswith(f"{problem} (rows count from 0).")


def test_a_bad_worked_example_is_named_too(rows: list[Row], parquet_folder: Write) -> None:
    folder = parquet_folder({"test": rows, "dev": [spoilt(rows[0], answer=9)]})
    with pytest.raises(DataError, match=r"dev\.parquet, row 0: answer is 9"):
        load("mmlu", str(folder), allow_partial=True)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            {"question": ["?"]},
            "column 'subject' is missing; expected question, subject, choices, answer, found",
        ),
        ({"answer": ["A"]}, "column 'answer' holds text, and integer was expected"),
        ({"answer": [1.0]}, "column 'answer' holds double, and integer was expected"),
        ({"choices": ["a b c d"]}, "column 'choices' holds text, and texts was expected"),
        ({"choices": [[1, 2, 3, 4]]}, "column 'choices' holds a list of integer, and texts was expected"),
        ({"question": [1]}, "column 'question' holds integer, and text was expected"),
    ],
)
def test_a_column_that_does_not_fit_is_named(
    tmp_path: Path, rows: list[Row], table: dict[str, list[Any]], problem: str
) -> None:
    good = {name: [value] for name, value in rows[0].items()}
    columns = table if "missing" in problem else {**good, **table}
    pq.write_table(pa.table(columns), tmp_path / "test.parquet")
    with pytest.raises(DataError) as caught:
        load("mmlu", str(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path}/test.parquet: {problem}")


@pytest.mark.parametrize("text", [pa.large_string(), pa.string_view()])
def test_other_ways_to_store_text_and_lists_are_as_good(tmp_path: Path, rows: list[Row], text: Any) -> None:
    # Other libraries write them.
    schema = pa.schema(
        {"question": text, "subject": text, "choices": pa.large_list(pa.large_string()), "answer": pa.int8()}
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "test.parquet")
    assert len(load("mmlu", str(tmp_path), allow_partial=True).questions) == 3


def test_columns_that_are_not_needed_do_no_harm(rows: list[Row], parquet_folder: Write) -> None:
    more = [{"id": 1, **row} for row in rows]
    assert len(load("mmlu", str(parquet_folder({"test": more})), allow_partial=True).questions) == 3


def test_a_file_without_rows_is_an_error(tmp_path: Path, rows: list[Row]) -> None:
    pq.write_table(pa.Table.from_pylist(rows)[:0], tmp_path / "test.parquet")
    with pytest.raises(
        DataError, match=r"test\.parquet: it has no rows, and at least one question was expected"
    ):
        load("mmlu", str(tmp_path), allow_partial=True)


@pytest.mark.parametrize("content", [b"", b"not parquet at all", b"PAR1 half of one PAR1"])
def test_a_broken_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"test\.parquet: it cannot be read as a parquet file \(") as caught:
        load("mmlu", str(tmp_path))
    assert "\n" not in str(caught.value)
