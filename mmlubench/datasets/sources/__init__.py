"""Sources of data, as `--data` names them: the hub, the embedded sample, a local folder, tar or single file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmlubench.datasets.base import Source, Spec
from mmlubench.errors import DataError, close_to

if TYPE_CHECKING:
    from mmlubench.datasets.sources.sampled import Choose


def read(
    spec: Spec,
    data: str,
    parts: Sequence[str] = (),
    *,
    partial: bool = False,
    choose: Choose | None = None,
) -> Source:
    """Read a data set from `hub`, `sample`, or a path; only these parts, if it has parts.

    With `partial`, a folder may lack some of the parts. With `choose`, only the rows that it takes are read where that
    is possible. Raises DataError.
    """
    # Each reader is imported only when it is used: the sample needs no Arrow, a folder no hub library.
    if data == "hub":
        # late: a reader brings its libraries, and one of them is enough
        from mmlubench.datasets.sources import hub

        return hub.read(spec, parts)
    if data == "sample":
        # late: a reader brings its libraries, and one of them is enough
        from mmlubench.datasets.sources import sample

        return sample.read(spec, parts)
    path = Path(data).expanduser()
    if path.is_file():
        return _file(spec, path, parts)
    source = _in_parts(spec, path, parts, partial, choose) if spec.parts else _local(spec, path)
    if source is None:
        # late: a reader brings its libraries, and one of them is enough
        from mmlubench.datasets.sources import downloaded

        source = downloaded.read(spec, path, parts, partial=partial)
    if source is None:
        raise _nothing(spec, path)
    return source


def examples(lender: Spec, data: str) -> Source | None:
    """Return the worked examples that a data set lends, from the place that `data` names, or None.

    For a folder, they are looked for in a folder named after `lender` inside it or next to it. Raises DataError if
    they cannot be read.
    """
    # As if worked examples were all there is of it: no test row can become one.
    lender = replace(lender, scored=lender.example_split)
    if data in ("hub", "sample"):
        return read(lender, data)
    # late: a reader brings its libraries, and one of them is enough
    from mmlubench.datasets.sources import hendrycks, parquet

    path = Path(data).expanduser()
    for folder in (path / lender.name, path.parent / lender.name):
        source = parquet.read(lender, folder)
        if source is None and lender.hendrycks:
            source = hendrycks.read_folder(lender, folder)
        if source is not None:
            return source
    return None


def _file(spec: Spec, path: Path, parts: Sequence[str]) -> Source:
    # late: a reader brings its libraries, and one of them is enough
    from mmlubench.datasets.sources import hendrycks, single_file, tables

    source = single_file.read(spec, path, parts)
    if source is not None:
        return source
    if spec.hendrycks:
        return hendrycks.read_tar(path)
    raise DataError(
        path, f"its name must end in one of {', '.join(tables.KINDS)} to be a file of {spec.name}."
    )


def _local(spec: Spec, path: Path) -> Source | None:
    # late: a reader brings its libraries, and one of them is enough
    from mmlubench.datasets.sources import hendrycks, parquet

    return parquet.read(spec, path) or (hendrycks.read_folder(spec, path) if spec.hendrycks else None)


def _in_parts(
    spec: Spec, path: Path, parts: Sequence[str], partial: bool, choose: Choose | None
) -> Source | None:
    # late: a reader brings its libraries, and one of them is enough
    from mmlubench.datasets.sources import folder_in_parts

    return folder_in_parts.read(spec, path, parts, partial=partial, choose=choose)


def _nothing(spec: Spec, path: Path) -> DataError:
    """Return the error for a path that holds no data in any of the layouts looked for."""
    # late: only this error needs them
    from mmlubench.datasets.sources import downloaded, folder_in_parts, hendrycks, parquet, tables

    looked = (folder_in_parts if spec.parts else parquet).looked_for(spec)
    looked += f", {hendrycks.LOOKED_FOR}" if spec.hendrycks else ""
    looked += f", {downloaded.looked_for(spec)}" if spec.repository else ""
    if path.suffix.lower() in tables.KINDS and not path.exists():
        return DataError(path, f"there is no such file with {spec.name}; give its path, from {Path.cwd()}.")
    problem = "it holds no data of" if path.is_dir() else "there is no such folder with"
    ways = [
        "hub",
        *(["sample"] if spec.sample else []),
        f"a folder{' or .tar' if spec.hendrycks else ''} that has them",
    ]
    way_out = f"give {', '.join(ways[:-1])}, or {ways[-1]}"
    meant = close_to(str(path), ways[:-1]).rstrip("?")
    return DataError(
        path, f"{problem} {spec.name}{meant}; looked for {looked}, also below {spec.name}/; {way_out}."
    )
