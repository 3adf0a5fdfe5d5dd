"""The reader of run folders: manifest and summary of a run, and every case, request and reply as a stream."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import cached_property
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import orjson

from mmlubench.errors import DataError, UserError
from mmlubench.inputs import FACTS_BYTES, JSON_BYTES, read_bytes
from mmlubench.jsonl import present, read
from mmlubench.records import BENCHMARK, Manifest, check_kind, check_version
from mmlubench.run.state import state_of
from mmlubench.schema import Entry
from mmlubench.settings import Settings
from mmlubench.stats.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

MANIFEST, SUMMARY = "manifest.json", "summary.json"
_LATEST = "latest"
_ID = re.compile(r"\d{8}-")
#: The errors that `from_dict` of a record raises for other data.
_MISFITS = (KeyError, TypeError, ValueError, AttributeError)


class RunArchive:
    """One run, read from its folder; a run that was killed is read as far as it was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path)

    @property
    def run_id(self) -> str:
        """The id of the run: the name that its folder was given."""
        return self.manifest.run_id or self.path.name

    @property
    def is_finished(self) -> bool:
        """Whether the run ended and its summary was written."""
        return (self.path / SUMMARY).is_file()

    @property
    def state(self) -> str:
        """Whether the run is `running`, `finished` or `broken off`, at this moment."""
        return state_of(self.manifest, is_summed_up=self.is_finished)

    @cached_property
    def summary(self) -> tuple[Summary, ...]:
        """A summary for each benchmark and model; empty for a run that was killed. Raises UserError."""
        path = self.path / SUMMARY
        if not self.is_finished:
            return ()
        try:
            values = _object(path, JSON_BYTES)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}).") from None
        check_kind(values, BENCHMARK, path)
        check_version(values, path)
        try:
            return tuple(Summary.from_dict(one) for one in values["results"])
        except _MISFITS as error:
            raise DataError(path, f"it is not the summary of a run ({_named(error)}).") from None

    def entries(self) -> Iterator[Entry]:
        """Yield every case of `results.jsonl`, one in memory at a time; warn if the summary counts more of them.

        Raises UserError.
        """
        path, row = self.path / "results.jsonl", 0
        for row, line in enumerate(read_records(path), start=1):
            try:
                yield Entry.from_dict(line)
            except _MISFITS as error:
                raise DataError(path, f"it is not a case of a run ({_named(error)}).", row=row) from None
        counted = sum(summary.n for summary in self.summary)
        if row < counted:  # a copy that was broken off, or a disk that was full
            warnings.warn(f"{path} has {row:,} of the {counted:,} cases that {SUMMARY} counts.", stacklevel=2)

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield every line of `requests.jsonl`, one in memory at a time. Raises UserError."""
        path = present(self.path / "requests.jsonl")
        for row, line in enumerate(read_records(path), start=1):
            check_kind(line, BENCHMARK, path, row=row)
            yield line

    def responses(self) -> Iterator[dict[str, Any]]:
        """Yield every line of `responses.jsonl`, one in memory at a time. Raises UserError."""
        return read_records(self.path / "responses.jsonl")

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with one row per case; `run.frame.cases_frame` lists its columns. Raises UserError."""
        from mmlubench.run.frame import cases_frame  # pandas takes half a second to import

        return cases_frame(self.entries())

    def __repr__(self) -> str:
        return f"RunArchive({str(self.path)!r})"


class RunArchives(Sequence[RunArchive]):
    """Several runs, the oldest first."""

    def __init__(self, runs: Sequence[RunArchive]) -> None:
        self._runs = tuple(runs)

    @overload
    def __getitem__(self, index: int) -> RunArchive: ...
    @overload
    def __getitem__(self, index: slice) -> RunArchives: ...
    def __getitem__(self, index: int | slice) -> RunArchive | RunArchives:
        return RunArchives(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with one row per case of every run; `run_id` is its first column. Raises UserError."""
        from mmlubench.run.frame import runs_frame  # pandas takes half a second to import

        return runs_frame((run.run_id, run.entries()) for run in self._runs)

    def __repr__(self) -> str:
        return f"RunArchives({list(self._runs)!r})"


def open_run(path: str | Path = _LATEST, run_dir: str | Path = Settings.run_dir) -> RunArchive:
    """Open a run: a run folder, the id of a run under `run_dir`, `latest`, or `DIR/latest`. Raises UserError."""
    return RunArchive(find_run(str(path), Path(run_dir)))


def open_runs(pattern: str | Path) -> RunArchives:
    """Open all runs whose folders match a pattern, for example `reports/*`; other folders are ignored.

    Raises UserError if no run folder matches.
    """
    found = map(Path, glob(str(pattern)))  # noqa: PTH207 - Path.glob takes no absolute pattern
    folders = [folder for folder in found if (folder / MANIFEST).is_file()]
    folders.sort(key=lambda folder: (age(folder), folder))
    if not folders:
        raise UserError(f"{pattern}: no run folder matches; give a pattern such as reports/*.")
    return RunArchives([RunArchive(folder) for folder in folders])


def find_run(name: str, parent: Path) -> Path:
    """Find a run folder: a path, the id of a run under `parent`, `latest`, or `DIR/latest`. Raises UserError."""
    for folder in (Path(name), parent / name):
        if name != _LATEST and folder.is_dir():
            return folder
    if name == _LATEST:
        return _newest(parent, name, "name its folder, or give --run-dir DIR")
    if Path(name).name == _LATEST:
        return _newest(Path(name).parent, name, "name a folder that runs were written to")
    raise UserError(f"{name}: no such run; give a run folder, the id of a run under {parent}, or latest.")


def _newest(parent: Path, name: str, advice: str) -> Path:
    runs = [path.parent for path in parent.glob(f"*/{MANIFEST}")]
    if not runs:
        raise UserError(f"{name}: there is no run under {parent}; {advice}.")
    return max(runs, key=age)


def age(folder: Path) -> tuple[str, str]:
    """Return what sorts run folders by the beginning of their runs: an id begins with it, and a manifest tells it.

    A folder that was named by hand, as that of a merged run, has its place among the others.
    """
    name = folder.name
    if _ID.match(name):
        return name, name
    try:
        told = datetime.fromisoformat(read_manifest(folder).created)
    except (UserError, ValueError):
        return "", name
    return f"{told.astimezone(timezone.utc):%Y%m%d-%H%M%S}-{told.microsecond // 1000:03}", name


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run. Raises UserError for a folder without a valid one."""
    path = folder / MANIFEST
    try:
        values = _object(path, FACTS_BYTES)
    except OSError as error:
        raise UserError(
            f"{folder} is no run folder: its {MANIFEST} cannot be read ({error.strerror})."
        ) from None
    check_kind(values, BENCHMARK, path)
    check_version(values, path)
    return Manifest.from_dict(values)


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of a run, compressed or not, one in memory at a time. Raises UserError."""
    try:
        yield from read(path)
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{path} cannot be read ({why}): is it the folder of a run?") from None


def _object(path: Path, most: int) -> dict[str, Any]:
    """Read a JSON object. Raises OSError, and UserError for anything else in the file."""
    try:
        values = orjson.loads(read_bytes(path, most))
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"{path} is not JSON ({error.msg}): start the run with its own command again."
        ) from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is not a JSON object: start the run with its own command again.")
    return values


def _named(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
