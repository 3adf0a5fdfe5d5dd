"""The original MMLU's layout: CSV files in a folder or a tar."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets import load
from mmlubench.datasets.sets.mmlu import MMLU, questions
from mmlubench.datasets.sources.hendrycks import read_tar
from mmlubench.errors import DataError

Row = dict[str, Any]
Write = Callable[..., Path]


def test_folder_tar_and_parquet_of_the_same_rows_are_the_same_data(
    made_up: dict[str, list[Row]], parquet_folder: Write, csv_folder: Write, csv_tar: Write
) -> None:
    parquet = load("mmlu", str(parquet_folder(made_up, "parquet")))
    folder = load("mmlu", str(csv_folder(made_up, "csv")))
    tar = load("mmlu", str(csv_tar(made_up)))
    assert parquet.questions == folder.questions == tar.questions
    assert parquet.examples == folder.examples == tar.examples
    assert parquet.sha256 == folder.sha256 == tar.sha256


@pytest.mark.parametrize("top", ["", "data", "mmlu", "mmlu/data"])
def test_the_layout_is_found_in_a_folder_or_just_below(
    rows: list[Row], csv_folder: Write, tmp_path: Path, top: str
) -> None:
    csv_folder({"test": rows, "dev": rows}, f"root/{top}")
    mmlu = load("mmlu", str(tmp_path / "root"), allow_partial=True)
    assert (len(mmlu.questions), len(mmlu.examples["anatomy"])) == (3, 3)


@pytest.mark.parametrize(
    ("name", "mode", "top"),
    [
        ("data.tar", "w", ""),
        ("data.tar", "w", "./"),
        ("data.tar", "w", "./data/"),
        ("data.tar.gz", "w:gz", "data/"),
        ("data.tgz", "w:gz", "MMLU-data/"),
        ("data.tar.xz", "w:xz", "data/"),
    ],
)
def test_a_tar_is_read_plain_or_compressed(
    rows: list[Row], csv_tar: Write, name: str, mode: str, top: str
) -> None:
    path = csv_tar({"test": rows, "dev": rows}, name, top, mode)
    mmlu = load("mmlu", str(path), allow_partial=True)
    assert mmlu.source == f"CSV files in {path}"
    assert (len(mmlu.questions), len(mmlu.examples["anatomy"])) == (3, 3)


def test_other_members_of_the_original_tar_are_left_alone(rows: list[Row], tmp_path: Path) -> None:
    # It also carries a training set, a README, and with some copies the `._` files of macOS.
    path = tar_of(
        tmp_path,
        {
            "data/README.txt": b"\xff",
            "data/auxiliary_train/race.csv": b"\xff",
            "data/val/anatomy_val.csv": b"\xff",
            "data/test/._anatomy_test.csv": b"\xff",
            "data/test/anatomy_test.csv": b"Q,a,b,c,d,A\n",
        },
    )
    assert [q.text for q in load("mmlu", str(path), allow_partial=True).questions] == ["Q"]


def tar_of(folder: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    path = folder / "made.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../test/anatomy_test.csv",
        "/test/anatomy_test.csv",
        "a/../test/anatomy_test.csv",
        "..//test/anatomy_test.csv",
    ],
)
def test_unsafe_names_in_a_tar_are_ignored(tmp_path: Path, name: str) -> None:
    path = tar_of(tmp_path, {name: b"Q,a,b,c,d,A\n"})
    with pytest.raises(DataError, match="it has no test split"):
        load("mmlu", str(path), allow_partial=True)


def test_a_link_in_a_tar_is_ignored_and_nothing_is_written_to_disk(tmp_path: Path) -> None:
    good = {"data/test/anatomy_test.csv": b"Q,a,b,c,d,A\n"}
    path = tar_of(tmp_path, good, links={"data/test/virology_test.csv": "/etc/passwd"})
    assert len(load("mmlu", str(path), allow_partial=True).questions) == 1
    assert [found.name for found in tmp_path.iterdir()] == ["made.tar"]


def test_text_is_kept_exactly(csv_folder: Write) -> None:
    # pandas would turn some of these into numbers or into nothing.
    line = b'"How many?\nTwo lines, ""quoted""",None,NA,007, 1.0 ,B\r\nNaN?,,null,"a\r\nb",TRUE,D\n'
    folder = csv_folder({}, files={"test/global_facts_test.csv": line})
    one, two = load("mmlu", str(folder), allow_partial=True).questions
    assert one.text == 'How many?\nTwo lines, "quoted"'
    assert one.choices == ("None", "NA", "007", " 1.0 ")
    assert (one.answer, two.answer) == ("B", "D")
    assert two.choices == ("", "null", "a\r\nb", "TRUE")


def test_a_byte_order_mark_is_no_part_of_the_first_question(csv_folder: Write) -> None:
    content = "\ufeffÇa va?,a,b,c,d,A\n".encode()
    folder = csv_folder({}, files={"test/anatomy_test.csv": content})
    assert load("mmlu", str(folder), allow_partial=True).questions[0].text == "Ça va?"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1).filter(str.strip)


@given(
    st.lists(st.tuples(texts, texts, st.text("ab,\"'\n\r ;"), texts, texts, st.integers(0, 3)), min_size=1)
)
def test_whatever_a_csv_writer_writes_is_read_back(records: list[tuple[Any, ...]]) -> None:
    import csv
    import tempfile

    text = io.StringIO(newline="")
    csv.writer(text).writerows([*record[:5], "ABCD"[record[5]]] for record in records)
    with tempfile.TemporaryDirectory() as folder:
        path = tar_of(Path(folder), {"test/anatomy_test.csv": text.getvalue().encode()})
        found = questions("test", read_tar(path).splits["test"])
    assert [(q.text, *q.choices, "ABCD".index(q.answer)) for q in found] == records


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"Q,a,b,c,d,A\nQ,a,b,c,B\n",
            "row 1: it has 5 columns, and 6 were expected: question, A, B, C, D, answer",
        ),
        (b"Q,a,b,c,d,E\n", "row 0: answer is 'E', and a letter from A to D was expected"),
        (b"Q,a,b,c,d,2\n", "row 0: answer is '2', and a letter from A to D was expected"),
        (b"Q,a,b,c,d,\n", "row 0: answer is '', and a letter from A to D was expected"),
        (b"Q,a,b,c,d,AB\n", "row 0: answer is 'AB', and a letter from A to D was expected"),
        (b"question,A,B,C,D,answer\nQ,a,b,c,d,A\n", "row 0: answer is 'answer', and a letter from A to D"),
        (b'Q,a,b,c,d,A\n"Q,a,b,c,d,A\nQ,a,b,c,d,A\n', "row 1: it has 1 columns"),
        (b" ,a,b,c,d,A\n", "row 0: question is ' ', and a text that is not empty was expected (rows count"),
        (b"", "it has no rows, and at least one question was expected"),
        (b"Q\xff,a,b,c,d,A\n", "byte 1 is not UTF-8, and UTF-8 text was expected"),
        (b"Q,a,b,c,d," + b"x" * 200_000 + b"\n", "it cannot be read as CSV (field larger than"),
    ],
)
def test_a_bad_record_is_named_with_file_and_number(csv_folder: Write, content: bytes, problem: str) -> None:
    folder = csv_folder({}, files={"test/anatomy_test.csv": content})
    with pytest.raises(DataError) as caught:
        load("mmlu", str(folder), allow_partial=True)
    where, _, rest = str(caught.value).partition("anatomy_test.csv")
    assert where == f"{folder}/test/"
    assert rest.lstrip(",: ").startswith(problem)


def test_a_record_says_that_rows_count_from_0_and_have_no_header(csv_folder: Write) -> None:
    folder = csv_folder({}, files={"test/anatomy_test.csv": b"Q,a,b,c,d,E\n"})
    with pytest.raises(DataError, match=r"\(rows count from 0, there is no header\)\.$"):
        load("mmlu", str(folder), allow_partial=True)


def test_a_file_of_an_unknown_subject_is_an_error(csv_folder: Write) -> None:
    folder = csv_folder({}, files={"test/astrology_test.csv": b"Q,a,b,c,d,A\n"})
    with pytest.raises(
        DataError, match=r"subject is 'astrology', and one of the 57 known subjects .* 'astronomy'"
    ):
        load("mmlu", str(folder), allow_partial=True)


def test_dev_files_alone_are_not_enough(csv_folder: Write, rows: list[Row]) -> None:
    with pytest.raises(DataError, match=r"it has no test split; expected test/<subject>_test\.csv"):
        load("mmlu", str(csv_folder({"dev": rows})), allow_partial=True)


def test_two_copies_in_one_folder_are_not_mixed(csv_folder: Write, rows: list[Row], tmp_path: Path) -> None:
    csv_folder({"test": rows}, "root/new")
    csv_folder({"test": rows}, "root/old")
    with pytest.raises(
        DataError, match="several folders in it hold such CSV files: new, old; give one of them"
    ):
        load("mmlu", str(tmp_path / "root"), allow_partial=True)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b\x08 half a gzip"])
def test_a_file_that_is_no_tar_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.tar: it cannot be read as a tar file \(") as caught:
        load("mmlu", str(tmp_path / "data.tar"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "mode"), [("data.tar", "w"), ("data.tgz", "w:gz")])
def test_half_a_tar_is_never_taken_for_all_of_it(
    made_up: dict[str, list[Row]], csv_tar: Write, name: str, mode: str
) -> None:
    path = csv_tar({"test": made_up["test"][:4000]}, name, mode=mode)
    whole = path.read_bytes()
    for part in (2, 3, 5):
        path.write_bytes(whole[: len(whole) // part])
        with pytest.raises(DataError):
            load("mmlu", str(path))


def test_only_a_data_set_that_came_that_way_is_looked_for_so(csv_folder: Write, rows: list[Row]) -> None:
    from dataclasses import replace

    from mmlubench.datasets import sources

    with pytest.raises(DataError, match="holds no data of mmlu") as caught:
        sources.read(replace(MMLU, hendrycks=False), str(csv_folder({"test": rows})))
    assert "csv" not in str(caught.value)
