"""Snapshots: a copy of a data set in a folder, with a `snapshot.json` whose hashes show whether a file has changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson

from mmlubench import __version__
from mmlubench.datasets.assembly import assemble
from mmlubench.datasets.base import Spec
from mmlubench.datasets.names import find
from mmlubench.datasets.sources import noted
from mmlubench.errors import DataError, UserError
from mmlubench.inputs import FACTS_BYTES, TooLarge, read_bytes, sha256

NAME = "snapshot.json"
_UNFINISHED = ".fetch-"  # the beginning of the name of a temporary folder, which a killed fetch leaves behind


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a `snapshot.json`."""

    dataset: str
    revision: str
    created: str
    """UTC, ISO 8601."""
    mmlubench: str
    """The version of mmlubench that wrote the snapshot."""
    files: Mapping[str, Mapping[str, Any]]
    """File name to its `sha256` and its number of `rows`."""


def fetch(name: str, to: Path) -> Path:
    """Copy a data set, or a supplement of one, from the hub into a folder, and return the folder.

    An older snapshot is replaced. Raises UserError for an unknown name and for a folder that holds something
    else or cannot be written, DataError if the hub does not give the complete data set.
    """
    spec = find(name, supplements=True)
    to = Path(to).expanduser()
    with _usable(to):
        _check_target(spec, to)
    # Imported here, since reading a snapshot does not need the hub's library.
    from mmlubench.datasets.sources import hub

    spec = hub.pinned(spec)
    try:
        tables = hub.tables(spec)
    except DataError as error:
        if not error.way_out:
            raise
        raise hub.fetch_failed(spec, error.problem) from None
    assemble(spec, hub.source(spec, tables))
    with _usable(to):
        _check_names(tables, to)
        _write(spec, tables, to)
    return to


def read(folder: Path) -> Snapshot | None:
    """Read the `snapshot.json` of a folder; None if there is none. Raises DataError for an invalid one."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        snapshot = Snapshot(**orjson.loads(read_bytes(path, FACTS_BYTES)))
        sound = all(isinstance(about["sha256"], str) for about in snapshot.files.values())
    except TooLarge as error:
        raise DataError(path, f"{error}; fetch the data again.") from None
    except (ValueError, TypeError, AttributeError, KeyError):
        sound = False
    if not sound:
        keys = "dataset, revision, created, mmlubench, files"
        raise DataError(
            path, f"it is not a JSON object of {keys}; remove the folder and fetch the data again."
        )
    return snapshot


def verify(folder: Path, spec: Spec, used: Iterable[Path]) -> str:
    """Compare a folder with its `snapshot.json` and return the revision.

    Without a `snapshot.json` it is the commit that the hub's client noted, empty if that did not either. Of a data set
    in parts only the files that are used are compared. Raises DataError if the snapshot is of another data set, or a
    file is missing, changed or not listed.
    """
    snapshot, used = read(folder), [*used]
    if snapshot is None:
        return noted.commit(used)
    if snapshot.dataset != spec.name:
        raise DataError(
            folder / NAME, f"it is a snapshot of {snapshot.dataset}, and {spec.name} was expected."
        )
    names = {path.relative_to(folder).as_posix(): path for path in used}
    for name, about in snapshot.files.items():
        if name in names or not spec.parts:
            _compare(folder / name, about["sha256"])
    for name, path in names.items():
        if name not in snapshot.files:
            raise DataError(path, f"it is not listed in the {NAME} beside it; remove one of the two.")
    return snapshot.revision


def _compare(path: Path, expected: str) -> None:
    found = sha256(path) if path.is_file() else "no such file"
    if found != expected:
        way_out = f"fetch the data again, or remove {NAME} to use the files as they are"
        raise DataError(path, f"expected sha256 {expected} by its {NAME}, found {found}; {way_out}.")


@contextmanager
def _usable(to: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{to} cannot be written ({error}); give another folder.") from error


def _check_target(spec: Spec, to: Path) -> None:
    """Raise UserError unless the folder is new, empty, or an older snapshot of the same data set."""
    if to.exists() and not to.is_dir():
        raise UserError(f"{to} is a file, and a folder was expected; give another one.")
    names = {path.name for path in to.iterdir()} if to.is_dir() else set()
    if names and NAME not in names and not all(name.startswith(_UNFINISHED) for name in names):
        raise UserError(
            f"{to} is not empty and holds no {NAME}; give a new folder, or an older snapshot to replace."
        )
    older = read(to)
    if older and older.dataset != spec.name:
        raise UserError(f"{to} holds a snapshot of {older.dataset}; give another folder for {spec.name}.")


def _check_names(tables: Iterable[str], to: Path) -> None:
    """Raise UserError if a file would be replaced that the older snapshot does not list: it is somebody else's."""
    older = read(to)
    for name in (f"{stem}.parquet" for stem in tables):
        if (to / name).exists() and (older is None or name not in older.files):
            raise UserError(
                f"{to / name} is none of the snapshot beside it, and is left as it is; give another folder."
            )


def _write(spec: Spec, tables: Mapping[str, Any], to: Path) -> None:
    """Write all files into a temporary folder, then rename them: a reader sees each file either old or new."""
    from pyarrow.parquet import write_table

    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to, prefix=_UNFINISHED) as temporary:
        new = Path(temporary)
        files = {}
        for stem, table in tables.items():
            name = f"{stem}.parquet"
            (new / name).parent.mkdir(exist_ok=True)
            write_table(table.select(list(spec.columns)).replace_schema_metadata(None), new / name)
            files[name] = {"sha256": sha256(new / name), "rows": table.num_rows}
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        snapshot = Snapshot(spec.name, spec.revision, created, __version__, files)
        json = orjson.dumps(asdict(snapshot), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        (new / NAME).write_bytes(json)
        # snapshot.json first: after a crash half way, the hashes do not match, and the next fetch replaces all files.
        for name in (NAME, *files):
            (to / name).parent.mkdir(exist_ok=True)
            (new / name).replace(to / name)
