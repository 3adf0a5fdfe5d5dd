"""Exports by name, and how their files are written: whole or not at all, and never over a file of somebody else."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import IO, Any, NamedTuple

from mmlubench.errors import UserError
from mmlubench.jsonl import encoded
from mmlubench.private import make_folder, opener
from mmlubench.registry import imported
from mmlubench.reports.exports.logged import LoggedRun

#: The folder in the run folder that exports are written to, each into one of its own name.
FOLDER = "exports"
#: How much of the beginning and the end of a file is searched for the mark of an export.
_SEARCHED = 256 * 1024


class Made(NamedTuple):
    """A file that an export wants to be written."""

    name: str
    """Its path below the folder of the export."""
    write: Callable[[IO[bytes]], object]
    """Writes its content."""


def _no_files(run: LoggedRun) -> Iterable[Made]:
    return ()


@dataclass(frozen=True, slots=True)
class Export:
    """One format: a function that makes its files, or one that writes a folder by a library of the format."""

    files: Callable[[LoggedRun], Iterable[Made]] = _no_files
    mark: bytes = b"mmlubench"
    """What every file of this format has near its beginning or end: one without it is somebody else's."""
    into: Callable[[LoggedRun, Path], Sequence[Path]] | None = None
    """Writes into a folder, and returns what it wrote."""


_EXPORTS = {
    "inspect": "mmlubench.reports.exports.inspect:INSPECT",
    "lm-eval": "mmlubench.reports.exports.lm_eval:LM_EVAL",
    "every-eval-ever": "mmlubench.reports.exports.every_eval_ever:EVERY_EVAL_EVER",
    "hub": "mmlubench.reports.exports.hub:HUB",
    "ctrf": "mmlubench.reports.exports.ctrf:CTRF",
    "github": "mmlubench.reports.exports.github:GITHUB",
    "wandb": "mmlubench.reports.exports.wandb:WANDB",
    "parquet": "mmlubench.reports.exports.tables:PARQUET",
    "csv": "mmlubench.reports.exports.tables:CSV",
}


def export(run: LoggedRun, name: str, out: Path | None = None) -> list[Path]:
    """Write a run in the format of that name, one of `settings.EXPORTS`; return the paths of its files.

    `out` is a folder, or the file itself where the export is one file; by default a folder in the run folder. Raises
    UserError for a run without cases, and for a file that is there and not of this format.
    """
    one: Export = imported(_EXPORTS[name])
    folder = out or run.path / FOLDER / name
    if next(iter(run.entries()), None) is None:
        raise UserError(f"the run {run.run_id} has no case, so that there is nothing to export.")
    try:
        if one.into is not None:
            return list(one.into(run, folder))
        made = list(one.files(run))
        places = [(_place(folder, file, made, name), file) for file in made]
        for path, _ in places:
            _check_ours(path, one.mark)
        for path, file in places:
            make_folder(path.parent)
            _write(path, file.write)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: the export {name} cannot be written ({error.strerror}); name another "
            "place with --out."
        ) from None
    return [path for path, _ in places]


def line(value: Any) -> bytes:
    """Return a line of JSON that is one line for every reader, whatever strangers have put into the value."""
    text = encoded(value)
    if not text.isascii():  # these three end a line for some readers, such as `str.splitlines`
        for sign in ("\u2028", "\u2029", "\x85"):
            text = text.replace(sign.encode(), b"\\u%04x" % ord(sign))
    return text + b"\n"


def _place(folder: Path, file: Made, made: Sequence[Made], name: str) -> Path:
    ending = Path(file.name).suffix
    if folder.is_dir() or not ending or folder.suffix != ending:
        return folder / file.name
    if len(made) > 1:
        raise UserError(
            f"--out {folder}: the export {name} of this run is {len(made)} files; name a folder for them."
        )
    return folder


def _check_ours(path: Path, mark: bytes) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if S_ISREG(found.st_mode):
        with path.open("rb") as file:
            ends = file.read(_SEARCHED)
            file.seek(max(0, found.st_size - _SEARCHED))
            if not found.st_size or mark in ends or mark in file.read():
                return
    raise UserError(f"{path} is no export of mmlubench, and is left as it is; name another place with --out.")


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")  # its own name may be as long as names may be
    try:
        with open(temporary, "xb+", opener=opener) as file:
            write(file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
