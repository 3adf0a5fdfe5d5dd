"""Data sets to load: made-up ones in every layout, and the real one where it is to be had."""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Row = dict[str, Any]
Splits = Mapping[str, list[Row]]


def _beside(name: str) -> ModuleType:
    """A module that stands beside this file and in no package."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules.setdefault(name, module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stand_in() -> ModuleType:
    """The module `hub_stand_in.py`."""
    return _beside("hub_stand_in")


@pytest.fixture(scope="session")
def shapes() -> ModuleType:
    """The module `made_up.py`."""
    return _beside("made_up")


@pytest.fixture(scope="session")
def hub_rows() -> ModuleType:
    """The module `hub_rows.py`."""
    return _beside("hub_rows")


@pytest.fixture(scope="session")
def made_up(stand_in: ModuleType) -> dict[str, list[Row]]:
    """A complete data set of made-up rows: 14,042 for test, 285 for dev."""
    return {split: stand_in.made_up_rows(split) for split in ("test", "dev")}


@pytest.fixture
def rows() -> list[Row]:
    """Three good rows, to be spoilt by a test."""
    return [
        {"question": f"Question {n}", "subject": "anatomy", "choices": ["a", "b", "c", "d"], "answer": n}
        for n in range(3)
    ]


@pytest.fixture
def parquet_folder(tmp_path: Path, stand_in: ModuleType) -> Callable[..., Path]:
    """Write splits as parquet files into a folder, `test="test.parquet"` by default, and return the folder."""

    def write(splits: Splits, folder: str = "data", name: str = "{}.parquet") -> Path:
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        for split, same in splits.items():
            (path / name.format(split)).write_bytes(stand_in.parquet(same))
        return path

    return write


def csv_files(splits: Splits) -> dict[str, bytes]:
    """Splits in the original MMLU's layout: path to content."""
    texts: dict[str, io.StringIO] = {}
    for split, same in splits.items():
        for row in same:
            text = texts.setdefault(f"{split}/{row['subject']}_{split}.csv", io.StringIO(newline=""))
            csv.writer(text).writerow([row["question"], *row["choices"], "ABCD"[row["answer"]]])
    return {name: text.getvalue().encode() for name, text in texts.items()}


@pytest.fixture
def csv_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write splits, or files as they are, as the CSV layout into a folder, and return the folder."""

    def write(splits: Splits, folder: str = "data", files: Mapping[str, bytes] | None = None) -> Path:
        for name, content in {**csv_files(splits), **(files or {})}.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / folder

    return write


@pytest.fixture
def csv_tar(tmp_path: Path) -> Callable[..., Path]:
    """Write splits as a tar of the CSV layout, `data/test/…` by default, and return its path."""

    def write(splits: Splits, name: str = "data.tar", top: str = "data/", mode: str = "w") -> Path:
        with tarfile.open(tmp_path / name, mode) as tar:  # type: ignore[call-overload]
            for path, content in csv_files(splits).items():
                member = tarfile.TarInfo(top + path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def real_mmlu(real_data: Callable[[str], Path]) -> Path:
    """The folder of the real MMLU."""
    return real_data("mmlu")
