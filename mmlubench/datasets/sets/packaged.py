"""The packaged benchmarks that are YAML alone: `packaged.gpqa_diamond` reads its file when it is asked for."""

from __future__ import annotations

from pathlib import Path

from mmlubench.datasets.base import Spec
from mmlubench.datasets.from_yaml import description
from mmlubench.datasets.names import PACKAGED

_FOLDER = Path(__file__).parents[2] / "benchmarks"


def path_of(name: str) -> Path:
    """Return the path of the file of a packaged benchmark."""
    return _FOLDER / f"{name}.benchmark.yaml"


def __getattr__(name: str) -> Spec:
    if name not in PACKAGED:
        raise AttributeError(name)
    return description.read(path_of(name), packaged=True)
