"""The embedded sample: the data of everybody's first run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.datasets import load
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.datasets.sources import sample
from mmlubench.errors import DataError

Row = dict[str, Any]
Put = Callable[[bytes], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put a sample of one's own in the place of the embedded one."""

    def write(content: bytes) -> Path:
        path = tmp_path / "mmlu.jsonl"
        path.write_bytes(content)
        monkeypatch.setattr(sample, "fixture", lambda name: path)
        return path

    return write


def lines(*rows: Row) -> bytes:
    return b"\n".join(orjson.dumps(row) for row in rows)


def test_the_sample_covers_every_subject() -> None:
    mmlu = load("mmlu", "sample")
    assert {question.subject for question in mmlu.questions} == set(SUBJECTS) == set(mmlu.examples)
    assert mmlu.source == "embedded sample"
    assert mmlu.revision.startswith("mmlubench ")
    assert mmlu.notice == ""


def test_splits_are_told_apart_and_the_last_line_may_lack_its_end(rows: list[Row], put: Put) -> None:
    put(lines({"split": "dev", **rows[0]}, {"split": "test", **rows[1]}, {"split": "test", **rows[2]}))
    mmlu = load("mmlu", "sample")
    assert [question.text for question in mmlu.questions] == ["Question 1", "Question 2"]
    assert [question.text for question in mmlu.examples["anatomy"]] == ["Question 0"]


def test_a_bad_row_is_numbered_as_in_the_file(rows: list[Row], put: Put) -> None:
    rows[2]["answer"] = True  # JSON knows it, and Python would take it for 1
    path = put(lines({"split": "dev", **rows[0]}, {"split": "test", **rows[1]}, {"split": "test", **rows[2]}))
    with pytest.raises(DataError) as caught:
        load("mmlu", "sample")
    expected = "answer is True, and a whole number from 0 to 3 was expected (rows count from 0)."
    assert str(caught.value) == f"{path}, row 2: {expected}"


@pytest.mark.parametrize("content", [b'["split"]', b"3"])
def test_a_line_that_is_no_object_is_shown(put: Put, content: bytes) -> None:
    put(content)
    with pytest.raises(DataError, match=r"row 0: an object in braces was expected, found (3|\['split'\]) "):
        load("mmlu", "sample")


def test_a_line_of_other_keys_is_told_the_keys(put: Put) -> None:
    put(b'{"split": "test"}')
    keys = "split, question, subject, choices, answer"
    with pytest.raises(DataError, match=rf"row 0: expected an object with {keys} \(rows count from 0\)"):
        load("mmlu", "sample")


def test_half_a_line_is_an_error_and_not_skipped(rows: list[Row], put: Put) -> None:
    put(lines({"split": "test", **rows[0]}) + b'\n{"split": "te')
    with pytest.raises(DataError, match=r"row 1: it is not JSON \("):
        load("mmlu", "sample")


def test_an_empty_sample_is_an_error(put: Put) -> None:
    put(b"")
    with pytest.raises(DataError, match="embedded sample: it has no test split"):
        load("mmlu", "sample")


def test_a_data_set_without_a_sample_says_so() -> None:
    from dataclasses import replace

    from mmlubench.datasets.sets.mmlu import MMLU

    with pytest.raises(DataError, match="mmlu: it has no embedded sample; give --data hub or --data DIR"):
        sample.read(replace(MMLU, sample=""))
