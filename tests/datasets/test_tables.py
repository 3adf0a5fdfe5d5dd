"""Files of rows in every common kind: what is read, and what is said of a broken one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets.sources import csv_files, tables
from mmlubench.errors import DataError

Put = Callable[[str, str | bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_cell_of_a_csv_stays_as_it_is_written(put: Put) -> None:
    # A reader that guesses would make 7 of 007, and a gap of None.
    path = put("r.csv", '\ufeffa,b,c\n007,None," x\ny, ""z"""\n\n,NA,1e3\n')
    assert csv_files.read(path) == {"a": ("007", ""), "b": ("None", "NA"), "c": (' x\ny, "z"', "1e3")}


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), min_size=1)
)
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *cells])
    read = csv_files.read(path)
    assert [[*pair] for pair in zip(read["a"], read["b"], strict=True)] == cells


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "r.csv",
            "a,b\n1,2\n3\n",
            "row 1: it has 1 columns, and 2 were expected, as in the first line (rows count",
        ),
        ("r.csv", "a,b\n1,2,3\n", "row 0: it has 3 columns, and 2 were expected"),
        ("r.csv", "a,a\n1,2\n", "two of its columns are called 'a'; give each a name of its own."),
        ("r.csv", b"a,b\n\xff,2\n", "byte 4 is not UTF-8, and UTF-8 text was expected."),
        ("r.csv", 'a,b\n"' + "x" * 200_000 + '",2\n', "it cannot be read as CSV (field larger than"),
        ("r.csv", "", "it is empty, and a line with the names of its columns was expected."),
        ("r.json", '{"a": 1}', "a list of objects was expected, one for each question."),
        ("r.json", "[1]", "row 0: an object in braces was expected, found 1 (rows count from 0)."),
        ("r.json", "[", "it is not JSON ("),
        ("r.jsonl", '{"a": 1}\n{"a"', "row 1: it is not JSON ("),
        ("r.jsonl", '{"a": 1}\n\n3\n', "row 1: an object in braces was expected, found 3"),
        ("r.parquet", "a,b", "it cannot be read as a parquet file ("),
        ("r.txt", "a,b", "its name must end in one of .csv, .tsv, .json, .jsonl, .parquet."),
    ],
)
def test_a_broken_file_is_one_sentence(put: Put, name: str, content: str | bytes, problem: str) -> None:
    path = put(name, content)
    with pytest.raises(DataError) as caught:
        tables.read(path, {"a": "any"})
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", tables.KINDS)
def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match=r"it cannot be read"):
        tables.read(tmp_path / f"gone{suffix}", {"a": "any"})


def test_a_key_that_only_some_objects_have_is_empty_in_the_others(put: Put) -> None:
    rows = tables.read(put("r.jsonl", '{"a": 1}\n{"b": 2}\n'), {"a": "any", "b": "any"})
    assert rows.columns == {"a": [1, None], "b": [None, 2]}


@pytest.mark.parametrize("content", ["a;b\r\n1;x, y\r\n", "a\tb\n1\tx, y\n", '\ufeff"a";"b"\n"1";"x, y"\n'])
def test_a_spreadsheet_that_separates_by_something_else_is_read(put: Put, content: str) -> None:
    assert csv_files.read(put("r.csv", content)) == {"a": ("1",), "b": ("x, y",)}


def test_json_with_a_mark_at_its_beginning_is_read(put: Put) -> None:
    for name, content in (("r.json", '\ufeff[{"a": 1}]'), ("r.jsonl", '\ufeff{"a": 1}\r\n\r\n')):
        assert tables.read(put(name, content), {"a": "any"}).columns == {"a": [1]}


def test_cells_that_pandas_left_empty_are_empty(put: Put) -> None:
    for name, content in (("r.json", '[{"a": NaN, "b": "NaN"}]'), ("r.jsonl", '{"a": NaN, "b": "NaN"}\n')):
        read = tables.read(put(name, content), {"a": "any", "b": "any"})
        assert read.columns == {"a": [None], "b": ["NaN"]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"a": NaN, "b": "\\ud800"}', "row 0: it is not JSON ("),
        ('{"a": NaN, "b": ' + "9" * 5000 + "}", "row 0: it is not JSON ("),
        ('{"a": NaN, "b": ' + "[" * 50_000, "row 0: it is not JSON ("),
        ('{"a": Infinity}', "row 0: it is not JSON ("),
        ('{"a": 1}'.encode("utf-16"), "row 0: it is UTF-16, and UTF-8 text was expected."),
    ],
)
def test_json_that_no_peer_reads_is_told(put: Put, content: str | bytes, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        tables.read(put("r.jsonl", content), {"a": "any"})
    assert problem in str(caught.value)
