"""Where the rows of a user's own YAML come from: files beside it, or the hub, whatever `--data` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.from_yaml.kept import only
from mmlubench.datasets.sources import tables
from mmlubench.errors import DataError

#: What the splits of files are called; those of the hub have names.
SPLITS = SCORED, _EXAMPLES = ("test", "dev")


class Place(NamedTuple):
    """What a description says of the place of its rows."""

    path: Path
    """The YAML itself."""
    file: str
    """Empty for a data set on the hub."""
    shots_file: str
    split: str
    shots_split: str
    split_column: str
    has_rows: bool
    """Whether it says how many there must be."""


def with_source(spec: Spec, said: Place) -> Spec:
    """Return the data set with a reader of the places that the description names."""
    return replace(spec, source=partial(_from_files if said.file else _from_hub, spec, said))


def _from_hub(spec: Spec, said: Place, parts: Sequence[str] = ()) -> Source:
    from mmlubench.datasets.sources import hub  # late, as everywhere

    return replace(hub.read(replace(spec, source=lambda: Source({}, "")), parts), complete=said.has_rows)


def _from_files(spec: Spec, said: Place, parts: Sequence[str] = ()) -> Source:
    path = _path(said, said.file)
    rows = tables.read(path, spec.columns)
    if column := said.split_column:
        asked = [_of_split(rows, column, said.split)]
        examples = [_of_split(rows, column, said.shots_split)] if said.shots_split else []
    else:
        asked = [rows]
        examples = [tables.read(_path(said, said.shots_file), spec.columns)] if said.shots_file else []
    splits = {spec.scored: asked, spec.example_split: examples}
    return Source(splits, str(path), complete=said.has_rows)


def _path(said: Place, name: str) -> Path:
    path = said.path.parent / Path(name).expanduser()
    if not path.is_file():
        raise DataError(said.path, f"there is no file {path}; a path is taken from the folder of this YAML.")
    return path


def _of_split(rows: Rows, column: str, split: str) -> Rows:
    names = rows.columns[column]
    kept = [index for index, name in enumerate(names) if name == split]
    if not kept:
        found = ", ".join(str(name) for name in dict.fromkeys(names))
        raise DataError(
            rows.file, f"no row has {split!r} in its column {column!r}; found {found or 'nothing'}."
        )
    return only(rows, kept)
