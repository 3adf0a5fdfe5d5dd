"""A local folder of a data set in parts: parquet files in a folder for each part, or a CSV file for each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import arrow, parquet, parts, sampled, snapshot, tables
from mmlubench.datasets.sources.sampled import Choose


def looked_for(spec: Spec) -> str:
    """Name the files that `read` looks for, for an error message."""
    part, split = spec.parts[0], spec.scored
    names = [f"{part}/{split}.parquet", f"{part}/{split}-*.parquet", f"{part}.parquet"]
    names += [f"{split}/{spec.csv_file(part)}", spec.csv_file(part)] if spec.csv else []
    return ", ".join([*names, f"{split}.parquet with a column {spec.part_column}"])


def read(
    spec: Spec, root: Path, asked: Sequence[str], *, partial: bool = False, choose: Choose | None = None
) -> Source | None:
    """Read the parts asked for from a folder, or from one in it named after the data set; None if neither has any.

    Other parts are not read. With `partial`, parts may be missing. With `choose`, only the rows that it takes are read
    where that is possible. If there is a `snapshot.json`, the files are first
    compared with its hashes. Raises DataError.
    """
    for base in (root, root / spec.name):
        found = {part: files for part in spec.parts if (files := _files(spec, base, part))}
        if found:
            return _parts(spec, base, found, asked, partial, choose)
    for base in (root, root / spec.name):
        if files := parquet.files(base, spec.scored):
            return _whole(spec, base, files, asked, partial)
    return None


def _files(spec: Spec, base: Path, part: str) -> list[Path]:
    """Return the files of a part, in the first layout that has any."""
    if files := parquet.files(base / part, spec.scored):
        return files
    single = [base / f"{part}.parquet"]
    single += [folder / spec.csv_file(part) for folder in (base / spec.scored, base)] if spec.csv else []
    return [path for path in single if path.is_file()][:1]


def _examples(spec: Spec, base: Path, part: str) -> list[Path]:
    return parquet.files(base / part, spec.example_split) if spec.example_split else []


def _parts(
    spec: Spec,
    base: Path,
    found: Mapping[str, list[Path]],
    asked: Sequence[str],
    partial: bool,
    choose: Choose | None,
) -> Source:
    parts.check_there(spec, base, found, asked, partial=partial)
    used = [(part, path) for part in asked for path in found.get(part, ())]
    revision = snapshot.verify(base, spec, [path for _, path in used])
    kind = "CSV" if used[0][1].suffix == ".csv" else "parquet"
    name = parquet.named(spec, f"{kind} files in {base}", revision)
    files = dict(used)
    if choose is None or not spec.sampled_by or kind == "CSV" or len(files) < len(used):
        splits = {spec.scored: Files(spec, used)}
        shown = [(part, path) for part in asked for path in _examples(spec, base, part)]
        if shown:
            snapshot.verify(base, spec, [path for _, path in shown])
            splits[spec.example_split] = Files(spec, shown)
        return Source(splits, name, revision)
    rows, places = sampled.read(spec, files, choose)
    counts = {
        part: {subject: len(same) for subject, same in by_subject.items()}
        for part, by_subject in places.items()
    }
    return Source({spec.scored: rows}, name, revision, counts=counts)


class Files(Sequence[Rows]):
    """The rows of files, each read when it is wanted: all languages at once would fill the memory."""

    def __init__(self, spec: Spec, files: Sequence[tuple[str, Path]]) -> None:
        """`files` are the path of each file and the part that it is of."""
        self._spec = spec
        self._files = files

    @overload
    def __getitem__(self, index: int) -> Rows: ...
    @overload
    def __getitem__(self, index: slice) -> Files: ...
    def __getitem__(self, index: int | slice) -> Rows | Files:
        if isinstance(index, slice):
            return Files(self._spec, self._files[index])
        part, path = self._files[index]
        return _rows(path, self._spec, part)

    def __len__(self) -> int:
        return len(self._files)


def _rows(path: Path, spec: Spec, part: str) -> Rows:
    if path.suffix == ".parquet":
        return parquet.rows(path, spec, part)
    return checks.selected(tables.columns(path), spec.columns, str(path), part)


def _whole(spec: Spec, base: Path, files: list[Path], asked: Sequence[str], partial: bool) -> Source:
    """Read files that hold all parts; a column says which part a row belongs to."""
    revision = snapshot.verify(base, spec, files)
    columns = {**spec.columns, spec.part_column: "text"}
    rows = [
        part
        for path in files
        for part in parts.divide(arrow.rows(arrow.read(path), columns, str(path)), spec, asked)
    ]
    parts.check_there(spec, base, {part.part for part in rows}, asked, partial=partial)
    return Source({spec.scored: rows}, parquet.named(spec, f"parquet files in {base}", revision), revision)
