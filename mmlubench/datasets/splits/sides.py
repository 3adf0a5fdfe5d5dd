"""The sides of a split folder: parquet files of finished questions, with the ids that the whole data set gives them.

    DIR/split.json, DIR/README.md
    DIR/DE_DE/train.parquet, …/validation.parquet, …/test.parquet   # a folder a language; DIR/train.parquet without any
    DIR/examples.parquet                                            # worked examples, if there are any

Files hold questions and not the rows of the data set: most data sets number their rows by position, which a part of the
rows does not have any more, and a reply is found again, and a run compared with another, by the id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from mmlubench.datasets.sources import arrow
from mmlubench.datasets.splits.card import HELD_OUT, SIDES, SplitCard
from mmlubench.errors import DataError, UserError
from mmlubench.inputs import sha256
from mmlubench.schema import Question

EXAMPLES = "examples.parquet"
_NAMES = tuple(one.name for one in fields(Question))
#: The columns of a file, which are the fields of a question.
COLUMNS = {name: "texts" if name == "choices" else "text" for name in _NAMES}


def checked_side(side: str) -> str:
    """Return the name of a side, the held-out one for an empty name. Raises UserError for any other name."""
    if side and side not in SIDES:
        raise UserError(f"There is no side {side!r} of a split: give one of {', '.join(SIDES)}.")
    return side or HELD_OUT


def read_side(folder: Path, card: SplitCard, side: str, languages: Collection[str] = ()) -> list[Question]:
    """Return the questions of a side in the order of the data set; of these languages, or of all of the split.

    Raises DataError for a file that is missing or not the one that was written.
    """
    places = [name for name in card.folders if not languages or name in languages]
    return [question for name in places for question in _read(folder, card, Path(name, f"{side}.parquet"))]


def read_examples(folder: Path, card: SplitCard) -> list[Question]:
    """Return the worked examples that lie beside the sides; empty if there are none. Raises DataError."""
    return _read(folder, card, Path(EXAMPLES)) if EXAMPLES in card.files else []


def _read(folder: Path, card: SplitCard, name: Path) -> list[Question]:
    path = folder / name
    if not path.is_file():
        raise DataError(path, "this file of the split is missing; write it again by `mmlubench lab split`.")
    if (found := sha256(path)) != card.files.get(name.as_posix()):
        expected = card.files.get(name.as_posix(), "no such file")
        problem = f"expected sha256 {expected} by its split.json, found {found}"
        raise DataError(path, f"{problem}; write the split again by `mmlubench lab split`.")
    rows = arrow.rows(arrow.read(path), COLUMNS, str(path))
    values = (rows.columns[column] for column in _NAMES)
    made = [dict(zip(_NAMES, row, strict=True)) for row in zip(*values, strict=True)]
    arrow.release()
    return [Question(**{**row, "choices": tuple(row["choices"])}) for row in made]


def table(questions: Sequence[Question]) -> Any:
    """Return questions as a pyarrow Table with a column for each of their fields."""
    import pyarrow as pa

    types = {"text": pa.string(), "texts": pa.list_(pa.string())}
    columns = {
        name: pa.array([*map(attrgetter(name), questions)], type=types[kind])
        for name, kind in COLUMNS.items()
    }
    return pa.table(columns)
