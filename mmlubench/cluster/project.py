"""The user's project: its files as bytes, for machines that do not have its folder."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from mmlubench.errors import UserError
from mmlubench.private import make_folder, opener

#: The most bytes that are carried, before they are compressed.
MOST_BYTES = 200_000_000
#: Folders that no test needs, or that are made anew.
_LEFT_OUT = frozenset(
    [
        *(".git", ".hg", ".svn", ".tox", ".nox", "node_modules", "__pycache__", ".ipynb_checkpoints"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea", ".vscode"),
    ]
)
#: What the names of stores and their side files, and of compiled code, end in.
_ENDS = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".pyc")

Files = Mapping[str, bytes]


def mark_of(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another of its name on another computer; None if it is not there.

    On a network file system all computers see the same mark.
    """
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def packed(folder: Path, leave: Collection[Path]) -> Files:
    """Return the files of a project, compressed, by their paths; `leave` are files and folders that stay behind.

    Links are followed where they lead to files. Raises UserError if there is more than can be carried.
    """
    files: dict[str, bytes] = {}
    total = 0
    for path in _files(folder, {one.resolve() for one in leave}):
        try:
            content = path.read_bytes()
        except OSError:  # unreadable here, and so for the tests
            continue
        total += len(content)
        if total > MOST_BYTES:
            raise UserError(
                f"--cluster: the project {folder} has more than {MOST_BYTES // 1_000_000} MB to carry to the machines "
                "of the cluster: put large data elsewhere and name them with --data, or let all machines see this "
                "folder under the same path."
            )
        files[path.relative_to(folder).as_posix()] = zlib.compress(content, 1)
    return files


def unpack(files: Files, folder: Path) -> None:
    """Write files below a folder. Raises OSError, and ValueError for a path that leads out of it."""
    for name, content in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{name} leads out of {folder}")
        make_folder(path.parent)
        with open(path, "wb", opener=opener) as file:
            file.write(zlib.decompress(content))


def collected(folder: Path, pattern: str) -> Files:
    """Return the files of the folders below a folder whose names match, compressed, by their paths. Raises OSError."""
    return {
        path.relative_to(folder).as_posix(): zlib.compress(path.read_bytes(), 1)
        for found in sorted(folder.glob(pattern))
        for path in sorted(found.rglob("*"))
        if path.is_file()
    }


def _files(folder: Path, leave: Collection[Path]) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        here = Path(where)
        folders[:] = sorted(name for name in folders if not _stays(here / name, leave))
        for name in sorted(names):
            path = here / name
            if path.is_file() and not name.endswith(_ENDS) and path.resolve() not in leave:
                yield path


def _stays(folder: Path, leave: Collection[Path]) -> bool:
    is_environment = (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()
    return folder.name in _LEFT_OUT or is_environment or folder.resolve() in leave
