"""The Hugging Face hub, through the `datasets` library; it is imported only here and late: that takes most of 1 s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import arrow, csv_files, hub_files
from mmlubench.datasets.sources import tables as text_tables
from mmlubench.datasets.sources.archive import unpacked
from mmlubench.errors import DataError
from mmlubench.hub import PROBE_S, probe

if TYPE_CHECKING:
    import pyarrow as pa

COMMIT_DIGITS = 40


def read(spec: Spec, parts: Sequence[str] = ()) -> Source:
    """Read the scored split and the worked examples of these parts, at the pinned revision. Raises DataError."""
    spec = pinned(spec)
    return source(spec, tables(spec, parts))


def pinned(spec: Spec) -> Spec:
    """Return the `Spec` with a commit as its revision: in place of a branch, the branch's newest commit.

    If the hub cannot be asked, the `Spec` is returned unchanged; the cache may still have the data.
    """
    if len(spec.revision) == COMMIT_DIGITS:
        return spec
    library = _library(spec)
    client = import_module("huggingface_hub")
    try:
        with hub_files.quiet(library):
            found = client.dataset_info(spec.repository, revision=spec.revision, timeout=PROBE_S)
    except Exception:  # the errors of that client differ from version to version
        return spec
    return replace(spec, revision=found.sha)


def source(spec: Spec, files: Mapping[str, pa.Table]) -> Source:
    """Return the rows of the tables from the hub. Raises DataError for columns that are not as expected."""
    rows: dict[str, list[Rows]] = {}
    for name, table in files.items():
        part, _, split = name.rpartition("/")
        if split in (spec.scored, spec.example_split):
            where = f"{_name(spec)}, {f'config {part}, ' if part else ''}split {split}"
            read = table if split == spec.scored else table.slice(0, arrow.EXAMPLE_ROWS)
            rows.setdefault(split, []).append(arrow.rows(read, spec.columns, where, part))
    return Source(rows, _name(spec), spec.revision)


def tables(spec: Spec, parts: Sequence[str] = ()) -> dict[str, pa.Table]:
    """Return every split of these parts, or of all, at the pinned revision: from the library's cache, or downloaded.

    Their names are those of their files in a snapshot: `test`, or `DE_DE/test` for a part. Raises DataError if the
    library is missing, the hub cannot be reached, or it does not have the data.
    """
    library = _library(spec)
    with hub_files.quiet(library):
        return {
            f"{part}/{split}" if spec.parts else split: table
            for part in parts or spec.parts or (spec.config,)
            for split, table in _splits(library, spec, spec.configs.get(part, part)).items()
        }


def _splits(library: ModuleType, spec: Spec, config: str) -> dict[str, pa.Table]:
    read = _from_csv if spec.csv else _from_files if spec.files else _from_library
    found = read(library, spec, config)
    if spec.parts and spec.scored not in found:  # else one of many languages would silently be missing
        problem = f"config {config} has no split {spec.scored}, so the data set's layout has changed"
        raise DataError(_name(spec), problem, way_out="give --data DIR with a copy of the pinned commit")
    return found


def _name(spec: Spec) -> str:
    return f"hub {spec.repository}@{spec.revision[:8]}"


def _library(spec: Spec) -> ModuleType:
    try:
        return import_module("datasets")
    except ImportError as error:
        way_out = "run `pip install datasets`, or give --data DIR or --data sample"
        problem = f"the package `datasets` cannot be imported ({error})"
        raise DataError(_name(spec), problem, way_out=way_out) from error


def _from_library(library: ModuleType, spec: Spec, config: str) -> dict[str, pa.Table]:
    splits = _cached(library, spec, config)
    if splits is None:
        failed = partial(_failed, spec)
        probe(failed)
        splits = hub_files.attempt(lambda: _load(library, spec, config), failed)
    wanted = (spec.scored, spec.example_split, *spec.spare)
    return {split: splits[split].with_format("arrow")[:] for split in wanted if split in splits}


def _from_csv(library: ModuleType, spec: Spec, part: str) -> dict[str, pa.Table]:
    """Read the CSV file itself: the library would guess types, and read the choices `None` and `NA` as missing."""
    import pyarrow as pa

    name = f"{spec.scored}/{spec.csv_file(part)}"
    where = {"repo_type": "dataset", "revision": spec.revision}
    path = hub_files.get(spec.repository, name, partial(_failed, spec), **where)
    return {spec.scored: pa.table(dict(csv_files.read(Path(path))))}


def _from_files(library: ModuleType, spec: Spec, config: str) -> dict[str, pa.Table]:
    """Read the files that the description names: what they say is taken as it stands, and no type is guessed."""
    found = {spec.scored: _file(spec, spec.files.format(config=config, split=spec.scored))}
    if spec.example_split:
        try:
            shown = _file(spec, spec.files.format(config=config, split=spec.example_split))
        except DataError:
            if "shots_split" not in spec.about.unverified:
                raise
        else:  # else there are no worked examples, which few prompts need
            found[spec.example_split] = shown
    return found


def _file(spec: Spec, name: str) -> pa.Table:
    import pyarrow as pa

    archive, is_inside, inner = name.partition(".zip/")
    where = {"repo_type": "dataset", "revision": spec.revision}
    got = hub_files.get(
        spec.repository, f"{archive}.zip" if is_inside else name, partial(_failed, spec), **where
    )
    path = unpacked(Path(got), inner) if is_inside else Path(got)
    return arrow.read(path) if path.suffix == ".parquet" else pa.table(dict(text_tables.columns(path)))


def _load(library: ModuleType, spec: Spec, config: str) -> Any:
    return library.load_dataset(spec.repository, config, revision=spec.revision)


def _cached(library: ModuleType, spec: Spec, config: str) -> Any:
    """Return the pinned revision from the library's cache, or None; no network is used."""
    offline = library.config.HF_HUB_OFFLINE
    library.config.HF_HUB_OFFLINE = True
    try:
        splits = _load(library, spec, config)
    except Exception:  # of any kind: the hub is asked next
        return None
    finally:
        library.config.HF_HUB_OFFLINE = offline
    # Offline, the library takes the revision cached last, whichever it is; the path of a cached file contains it.
    files = [file["filename"] for split in splits.values() for file in split.cache_files]
    is_commit = len(spec.revision) == COMMIT_DIGITS
    return splits if files and all(spec.revision in file or not is_commit for file in files) else None


def fetch_failed(spec: Spec, problem: str) -> DataError:
    """Return the error of a snapshot that cannot be fetched, with advice for that."""
    way_out = (
        "run the same command where the hub can be reached (HTTPS_PROXY names a proxy, HF_ENDPOINT a mirror), "
        "and copy the folder here"
    )
    if "HF_HUB_OFFLINE" in problem:
        way_out = "unset HF_HUB_OFFLINE, or run the same command elsewhere and copy the folder here"
    elif "`datasets`" in problem:
        way_out = "run `pip install datasets`"
    elif spec.about.access and "cannot be reached" not in problem:
        way_out = spec.about.access
    return DataError(_name(spec), problem, way_out=way_out)


def _failed(spec: Spec, problem: str) -> DataError:
    fetch = f"run `mmlubench data fetch {spec.name} --to DIR/{spec.name}` on a machine with a network"
    way_out = f"{fetch} and give --data DIR here"
    way_out += ", or give --data sample for the embedded sample" if spec.sample else ""
    if spec.source:  # described by the user's own file: `mmlubench data fetch` does not know its name
        way_out = "get the data as a file, and name that under `file`"
    if spec.about.access and "cannot be reached" not in problem:
        way_out = f"{spec.about.access}; or {way_out}"
    return DataError(_name(spec), problem, way_out=way_out)
