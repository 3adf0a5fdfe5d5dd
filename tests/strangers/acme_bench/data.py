"""A data set that carries its own rows."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench import Question, Spec
from mmlubench.datasets import Rows, Source


def _source() -> Source:
    rows = Rows("acme", {"a": [1, 2, 3, 4], "b": [1, 1, 1, 0]})
    return Source({"test": [rows]}, "acme's own rows")


def _check(rows: Rows) -> None:
    assert len(rows) == 4


def _build(split: str, files: Sequence[Rows]) -> list[Question]:
    return [
        Question(
            f"acme_sums/sums/{a}", "acme_sums", "sums", "math", f"{a} + {b} = ?", ("2", "3", "4", "5"), letter
        )
        for rows in files
        for a, b, letter in zip(rows.columns["a"], rows.columns["b"], "ABCC", strict=True)
    ]


SUMS = Spec(
    name="acme_sums",
    repository="",
    config="",
    revision="",
    columns={"a": "number", "b": "number"},
    check=_check,
    build=_build,
    counts={"sums": 4},
    example_split="",
    source=_source,
)
