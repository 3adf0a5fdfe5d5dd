"""The real MMLU, by every local road. Needs MMLUBENCH_DATA."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmlubench.datasets import load
from mmlubench.datasets.select import select
from mmlubench.datasets.sets.subjects import SUBJECTS

pytestmark = pytest.mark.real_data

#: Of the data set as published: another one here means other questions, ids or answers.
SHA256 = "7b5f5ff96053b11cccc477eafe427dacc8a24bc5a406c259b3174cb699282bc1"


def test_all_of_it_loads(real_mmlu: Path) -> None:
    mmlu = load("mmlu", str(real_mmlu))
    assert Counter(q.subject for q in mmlu.questions) == {name: s.questions for name, s in SUBJECTS.items()}
    assert {len(examples) for examples in mmlu.examples.values()} == {5}
    assert mmlu.notice == ""
    assert mmlu.sha256 == SHA256


def test_a_folder_of_several_data_sets_may_be_named(real_mmlu: Path) -> None:
    assert load("mmlu", str(real_mmlu.parent)).sha256 == SHA256


def test_folder_and_tar_of_csv_give_the_same_questions(
    real_mmlu: Path, csv_folder: Callable[..., Path], csv_tar: Callable[..., Path]
) -> None:
    splits = {
        split: pq.ParquetFile(real_mmlu / f"{split}.parquet").read().to_pylist() for split in ("test", "dev")
    }
    parquet = load("mmlu", str(real_mmlu))
    folder = load("mmlu", str(csv_folder(splits)))
    tar = load("mmlu", str(csv_tar(splits)))
    assert parquet.questions == folder.questions == tar.questions
    assert parquet.examples == folder.examples == tar.examples
    assert {parquet.sha256, folder.sha256, tar.sha256} == {SHA256}


def test_text_that_looks_like_nothing_stays_text(real_mmlu: Path) -> None:
    choices = [choice for question in load("mmlu", str(real_mmlu)).questions for choice in question.choices]
    assert "None" in choices
    assert all(type(choice) is str for choice in choices)


def test_a_draw_of_it_is_even(real_mmlu: Path) -> None:
    drawn = Counter(
        question.subject for question in select(load("mmlu", str(real_mmlu)).questions, limit=1000)
    )
    for subject, known in SUBJECTS.items():
        assert abs(drawn[subject] - 1000 * known.questions / 14_042) < 2


def test_loading_needs_neither_pandas_nor_the_hub(real_mmlu: Path) -> None:
    # They would double the time every run takes to start.
    code = (
        "import sys; from mmlubench.datasets import load; load('mmlu', sys.argv[1]);"
        "print({'datasets', 'pandas', 'huggingface_hub', 'pyarrow.dataset'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(real_mmlu)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"
