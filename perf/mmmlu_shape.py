"""Make a folder in the shape of MMMLU, 14 languages of 14,042 questions, out of the data that are there.

    python perf/mmmlu_shape.py DATA_DIR OUT_DIR

DATA_DIR has `mmlu/` and, if it may be, `okapi_m_mmlu/`: text in ten of the languages, of which there is less, so that
it is repeated. Every question ends in a number of its own, so that no two requests are the same and none is
answered out of the store. OUT_DIR gets `mmmlu/DE_DE/test.parquet` and so on, and `mmlu/` with the worked examples.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmlubench.datasets.sets.mmmlu import LOCALES
from mmlubench.datasets.sets.subjects import SUBJECTS

Row = dict[str, Any]


def main(data: Path, out: Path) -> None:
    english = [*_english(data / "mmlu" / "test.parquet")]
    for locale in LOCALES:
        path = data / "okapi_m_mmlu" / f"{locale[:2].lower()}.parquet"
        there = pq.read_table(path).to_pylist() if path.is_file() else english
        folder = out / "mmmlu" / locale
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([*_filled(there, locale)]), folder / "test.parquet")
    (out / "mmlu").mkdir(exist_ok=True)
    shutil.copyfile(data / "mmlu" / "dev.parquet", out / "mmlu" / "dev.parquet")


def _english(path: Path) -> Iterator[Row]:
    for row in pq.read_table(path).to_pylist():
        choices = dict(zip("ABCD", row["choices"], strict=True))
        yield {
            "Question": row["question"],
            **choices,
            "Answer": "ABCD"[row["answer"]],
            "Subject": row["subject"],
        }


def _filled(there: list[Row], locale: str) -> Iterator[Row]:
    """As many rows of every subject as MMMLU has, the ones that are there over and over."""
    names = ("Question", *"ABCD", "Answer", "Subject")
    for subject, known in SUBJECTS.items():
        same = [row for row in there if row["Subject"] == subject]
        for number, row in enumerate(islice(cycle(same), known.questions)):
            yield {name: row[name] for name in names} | {"Question": f"{row['Question']} [{locale} {number}]"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
