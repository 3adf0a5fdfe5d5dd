"""A local folder in the hub's layout: one or more parquet files for each split."""

from __future__ import annotations

from pathlib import Path

from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import arrow, snapshot


def looked_for(spec: Spec) -> str:
    """Name the files that `read` looks for, for an error message."""
    split = spec.scored
    return f"{split}.parquet, {split}-*.parquet, {_folder(spec)}/{split}-*.parquet"


def read(spec: Spec, root: Path) -> Source | None:
    """Read a folder in this layout; None if it holds no such files.

    The files may lie in the folder, in one named after the data set, or in one named after its
    configuration (`all`) in either. If there is a `snapshot.json`, they are first compared with its hashes.
    Raises DataError.
    """
    places = (root, root / _folder(spec), root / spec.name, root / spec.name / _folder(spec))
    folder = next((place for place in places if files(place, spec.scored)), None)
    if folder is None:
        return None
    found = {split: files(folder, split) for split in (spec.scored, spec.example_split)}
    revision = snapshot.verify(folder, spec, [path for paths in found.values() for path in paths])
    splits = {
        split: [rows(path, spec, most=None if split == spec.scored else arrow.EXAMPLE_ROWS) for path in paths]
        for split, paths in found.items()
        if paths
    }
    return Source(splits, named(spec, f"parquet files in {folder}", revision), revision)


def named(spec: Spec, where: str, revision: str) -> str:
    """Name a source, with the revision of its snapshot if it has one."""
    return f"{where} of {spec.repository}@{revision[:8]}" if revision else where


def files(folder: Path, split: str) -> list[Path]:
    """Return the parquet files of a split in a folder, in order."""
    whole = folder / f"{split}.parquet"
    return [whole] if whole.is_file() else sorted(folder.glob(f"{split}-*.parquet"))


def rows(path: Path, spec: Spec, part: str = "", *, most: int | None = None) -> Rows:
    """Return the rows of one file, or the first `most` of them. Raises DataError."""
    made = arrow.rows(arrow.read(path).slice(0, most), spec.columns, str(path), part)
    arrow.release()
    return made


def _folder(spec: Spec) -> str:
    # A repository with only one configuration calls it `default` and keeps its files in `data`.
    return "data" if spec.config == "default" else spec.config
