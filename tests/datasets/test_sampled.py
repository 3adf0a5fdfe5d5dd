"""A sample of MMMLU is read without the rest of it, and is the sample that is drawn from all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmlubench.datasets import load
from mmlubench.datasets.packed import Runs
from mmlubench.datasets.select import positions, select
from mmlubench.datasets.sources import arrow
from mmlubench.errors import DataError, EmptySelection

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def rows(shapes: ModuleType) -> list[dict[str, Any]]:
    """German rows whose subjects are mixed: ids count within a subject, wherever its rows lie."""
    made: list[dict[str, Any]] = shapes.mmmlu_rows("DE_DE")
    return made[::2] + made[1::2]


@pytest.fixture
def folder(rows: list[dict[str, Any]], shapes: ModuleType, parquet_folder: Write) -> Path:
    parquet_folder({"test": rows}, "data/mmmlu/DE_DE")
    return parquet_folder({"test": shapes.mmmlu_rows("FR_FR")}, "data/mmmlu/FR_FR").parents[1]


def sample(**how: Any) -> Callable[[Runs], Iterable[int]]:
    return partial(positions, **how)


@pytest.mark.parametrize(
    "how",
    [
        {"limit": 1},
        {"limit": 300},
        {"limit": 300, "seed": 7},
        {"limit": 40, "subjects": ["virology", "anatomy"]},
        {"limit": 1, "subjects": ["virology", "anatomy"]},
        {"limit": 5000, "seed": 3},
    ],
)
def test_the_sample_is_the_one_that_is_drawn_from_all_questions(how: dict[str, Any], folder: Path) -> None:
    asked: dict[str, Any] = {"languages": ["de", "fr"], "examples": False}
    whole = load("mmmlu", str(folder), **asked)
    part = load("mmmlu", str(folder), **asked, choose=sample(**how))
    assert list(part.questions) == list(select(whole.questions, **how))
    assert part.left_unread == len(whole.questions) - len(part.questions)
    assert (part.source, part.notice, whole.left_unread) == (whole.source, whole.notice, 0)


def test_more_than_there_are_is_all_of_it(folder: Path) -> None:
    asked: dict[str, Any] = {"languages": ["de", "fr"], "examples": False}
    part = load("mmmlu", str(folder), **asked, choose=sample(limit=1_000_000))
    whole = load("mmmlu", str(folder), **asked)
    assert (part.questions, part.sha256, part.left_unread) == (whole.questions, whole.sha256, 0)


def test_a_language_of_which_nothing_is_drawn_is_not_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = []

    def read(path: Path, columns: Any = None) -> Any:
        if columns is None:
            unpacked.append(path.parent.name)
        return real(path, columns)

    real = arrow.read
    monkeypatch.setattr(arrow, "read", read)
    part = load("mmmlu", str(folder), languages=["de", "fr"], examples=False, choose=sample(limit=1))
    assert unpacked == [part.questions[0].language]


def test_the_errors_are_those_of_all_questions(
    folder: Path, rows: list[dict[str, Any]], parquet_folder: Write
) -> None:
    with pytest.raises(
        EmptySelection, match="There is no subject 'anatomi' in the data; did you mean 'anatomy'"
    ):
        load("mmmlu", str(folder), languages=["de", "fr"], choose=sample(limit=9, subjects=["anatomi"]))
    parquet_folder({"test": [{**rows[0], "Subject": "alchemy"}, *rows[1:]]}, "data/mmmlu/DE_DE")
    with pytest.raises(DataError) as all_of_it:
        load("mmmlu", str(folder), languages=["de", "fr"])
    with pytest.raises(DataError) as part:
        load("mmmlu", str(folder), languages=["de", "fr"], choose=sample(limit=9))
    assert str(part.value) == str(all_of_it.value)
    assert "alchemy" in str(part.value)


def test_missing_rows_are_told_though_none_of_them_was_drawn(
    folder: Path, rows: list[dict[str, Any]], parquet_folder: Write
) -> None:
    parquet_folder({"test": rows[:-2]}, "data/mmmlu/DE_DE")
    with pytest.raises(DataError, match="wrong number of test questions"):
        load("mmmlu", str(folder), languages=["de"], choose=sample(limit=1))
    part = load("mmmlu", str(folder), allow_partial=True, examples=False, choose=sample(limit=1))
    assert part.notice == "partial data: 2 of 14 languages, 28,082 of 196,588 questions"


def test_rows_of_several_files_are_read_whole(
    folder: Path, rows: list[dict[str, Any]], parquet_folder: Write
) -> None:
    (folder / "mmmlu" / "DE_DE" / "test.parquet").unlink()
    parquet_folder({"test-0": rows[:7000], "test-1": rows[7000:]}, "data/mmmlu/DE_DE")
    assert pq.read_metadata(folder / "mmmlu" / "DE_DE" / "test-0.parquet").num_rows == 7000
    part = load("mmmlu", str(folder), languages=["de"], examples=False, choose=sample(limit=9))
    assert (len(part.questions), part.left_unread) == (14_042, 0)
