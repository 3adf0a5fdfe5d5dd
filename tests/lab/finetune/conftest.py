"""A folder with tiny models and a split of toy questions, made once for all tests of a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.finetune.toys import make_model, write_config, write_split


@pytest.fixture(scope="session")
def toy_split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split(tmp_path_factory.mktemp("toys") / "split", (256, 40, 40))


@pytest.fixture(scope="session")
def small_split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split(tmp_path_factory.mktemp("toys") / "split", (48, 12, 8))


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    made: dict[tuple[str, bool], Path] = {}

    def of(kind: str, *, template: bool = True) -> Path:
        if (kind, template) not in made:
            made[kind, template] = make_model(
                kind, tmp_path_factory.mktemp("models") / kind, template=template
            )
        return made[kind, template]

    return of


@pytest.fixture
def config_of(tmp_path: Path, small_split: Path, model_of: Callable[..., Path]) -> Callable[..., Any]:
    """Write and read a configuration of a tiny model on the small split."""

    def of(kind: str, /, *, template: bool = True, **keys: Any) -> Any:
        from mmlubench.lab.finetune.config import read_config

        return read_config(write_config(tmp_path, model_of(kind, template=template), small_split, **keys))

    return of
