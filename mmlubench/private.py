"""Folders and files for their owner alone: prompts, replies and logs may hold what other users must not read.

Only what is made here is private; the mode of a folder or file that exists is never changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_folder(path: Path | str) -> None:
    """Make a folder, and those above it that are missing, with mode 0700. Raises OSError."""
    path = Path(path)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def files_for_owner() -> Iterator[None]:
    """A context in which whatever this process makes, also by libraries, has the mode 0700 or 0600."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def opener(path: str, flags: int) -> int:
    """Open a file for `open(..., opener=opener)`: a file that is made has the mode 0600. Raises OSError."""
    return os.open(path, flags, 0o600)
