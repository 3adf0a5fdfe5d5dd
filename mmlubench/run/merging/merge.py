"""Writing the run folder of shards, in place of an earlier merge of the same run, and of nothing else."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from mmlubench.errors import DataError, UserError
from mmlubench.run.archive import MANIFEST, read_manifest
from mmlubench.run.entries import LAST
from mmlubench.run.folder import Place
from mmlubench.run.ledger import Ledger
from mmlubench.run.manifest import Invocation
from mmlubench.run.merging.found import Shards, find_shards
from mmlubench.run.merging.lines import Placed, placed
from mmlubench.run.merging.merged_run import MERGED, MergedRun
from mmlubench.run.shard_folder import mark
from mmlubench.run.sharding import FOLDER, Shard

#: What a run leaves in its folder: an earlier merge had these from us, and any other file is the user's.
_OURS = ("manifest.json", "summary.json", "report.html", "exports")
_OURS_BEGIN = ("results.jsonl", "requests.jsonl", "responses.jsonl", "debate_")


class Merged(NamedTuple):
    """A run folder that was put together."""

    ledger: Ledger
    missing: list[Shard]
    replaced: bool
    """Whether it took the place of an earlier merge."""
    status: int
    """The exit status that the run without shards would have had; 1 if shards are missing."""


def merge(
    names: Sequence[str],
    to: Path | None,
    command: Sequence[str],
    *,
    anew: str | None = None,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> Merged:
    """Merge the shards in folders or at URLs into the run folder `to`; None: beside the folder of shards.

    `command` is noted as the command of the run. With `anew` the run folder is always a new one, in the folder of runs
    of that name. `told` are settings of the run that its shards do not have. Raises UserError.
    """
    with TemporaryDirectory(prefix="mmlubench-merge-") as scratch:
        shards = find_shards(names, Path(scratch))
        identity = mark(shards.first.identity)
        earlier = _earlier(names, to, identity) if anew is None else None
        run = MergedRun(shards, _place(names, to, earlier) if anew is None else Place(anew), told)
        try:
            with _set_aside(earlier):
                ledger = Ledger(run, Invocation(tuple(command), Path.cwd()))
                try:
                    _write(ledger, shards)
                except BaseException:
                    with suppress(OSError):
                        ledger.discard()
                    raise
        except OSError as error:
            raise UserError(_why_not(error, shards)) from None
    return Merged(ledger, shards.missing, earlier is not None, _status(ledger, shards))


def _why_not(error: OSError, shards: Shards) -> str:
    """Say why shards cannot be merged, and what to do."""
    file = Path(str(error.filename or ""))
    if isinstance(error, FileNotFoundError) and any(file.parent == one.path for one in shards.found.values()):
        return f"{file} is not there: the shard was copied only in part; copy it again, and merge again."
    at = f": {error.filename}" if error.filename else ""
    return f"the shards cannot be merged ({error.strerror or error}{at}); mend that, and merge again."


def _write(ledger: Ledger, shards: Shards) -> None:
    before = -1
    for case in placed({number: one.path for number, one in shards.found.items()}):
        if case.results:
            if case.place == before != LAST:
                raise UserError(
                    f"two shards have a case at place {case.place:,}: tests that are collected in another order from "
                    "run to run cannot be cut into shards."
                )
            before = case.place
        ledger.take(_record(case, shards), "", failed=False)
    for one in shards.found.values():
        ledger.entries.add_tallies(one.values.get("tallies", ()))
        ledger.failed_cases += one.values["failed_cases"]
    ledger.finish()


def _record(case: Placed, shards: Shards) -> dict[str, object]:
    """Return the record that the case had when it ended, without what the tallies of its shard tell."""
    try:
        result = orjson.loads(case.results) if case.results else None
    except orjson.JSONDecodeError as error:
        path = shards.found[case.shard].path / "results.jsonl"
        raise DataError(path, f"it is not JSON ({error.msg}).") from None
    return {
        "order": case.place,
        "facts": {},
        "result": result,
        "runs": 1,
        "stored": 0,
        "batched": 0,
        "fingerprint": "",
        "not_sent": {},
        "spent_usd": 0.0,
        "unasked": "",
        "saved": False,
        "requests": case.requests,
        "responses": case.responses,
        "debate": case.debate,
    }


def _status(ledger: Ledger, shards: Shards) -> int:
    failed = sum(max(one.values["failed"], one.values["failed_cases"]) for one in shards.found.values())
    passed = ledger.passes(failed=failed)
    if passed is None:  # no test had a question
        passed = not failed
    return int(bool(shards.missing) or not passed or bool(ledger.failed_reports))


def _earlier(names: Sequence[str], to: Path | None, identity: str) -> Path | None:
    """Return the folder of an earlier merge of the same run. Raises UserError for another thing at `to`."""
    if to is None:
        folders = sorted(path.parent for path in _parent(names).glob(f"*/{MANIFEST}"))
        return next((folder for folder in reversed(folders) if _is_merge_of(folder, identity)), None)
    if not to.exists():
        return None
    if not _is_merge_of(to, identity):
        raise UserError(
            f"--to {to}: there is something else than a merge of these shards; name a new folder."
        )
    return to


def _is_merge_of(folder: Path, identity: str) -> bool:
    try:
        found = read_manifest(folder).facts.get(MERGED)
    except UserError:
        return False
    return isinstance(found, dict) and found.get("of") == identity


def _place(names: Sequence[str], to: Path | None, earlier: Path | None) -> Place:
    folder = to or earlier
    if folder is None:
        return Place(str(_parent(names)))
    name = folder.name.replace("{", "{{").replace("}", "}}")
    return Place(str(folder.parent), name, read_manifest(earlier).run_id if earlier is not None else "")


def _parent(names: Sequence[str]) -> Path:
    """Return the folder of runs: that in which the folder of shards is. Raises UserError for URLs."""
    if "://" in names[0]:
        raise UserError(f"{names[0]}: say where the run folder is to be, with --to RUN.")
    folder = Path(names[0]).absolute()
    found = next((one for one in (folder, *folder.parents) if one.name == FOLDER), None)
    place = folder if found is None else found.parent
    return place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place


@contextmanager
def _set_aside(earlier: Path | None) -> Iterator[None]:
    """Rename an earlier merge for the context; at its end delete what of it is ours, or put it back after an error."""
    if earlier is None:
        yield
        return
    aside = earlier.with_name(f".{earlier.name}.{secrets.token_hex(4)}.old")
    earlier.rename(aside)
    try:
        yield
    except BaseException:
        if earlier.exists():
            shutil.rmtree(earlier)
        aside.rename(earlier)
        raise
    for path in aside.iterdir():
        if path.name in _OURS or path.name.startswith(_OURS_BEGIN):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        elif not (earlier / path.name).exists():
            path.rename(earlier / path.name)
    with suppress(OSError):
        aside.rmdir()
