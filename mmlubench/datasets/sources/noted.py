"""The commit of files that the hub's client downloaded: it notes it beside them, or names their folder after it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}")
#: Files lie at most so many folders below the one that was downloaded.
_DEPTH = 3


def commit(files: Iterable[Path]) -> str:
    """Return the commit that all of these files are of, in full; empty if it is not known, or not one."""
    found = {_of(path) for path in files}
    return found.pop() if len(found) == 1 else ""


def _of(path: Path) -> str:
    for folder in [*path.absolute().parents][:_DEPTH]:
        if _COMMIT.fullmatch(folder.name) and folder.parent.name == "snapshots":  # in the client's own cache
            return folder.name
        note = folder / ".cache/huggingface/download" / f"{path.absolute().relative_to(folder)}.metadata"
        try:
            line = note.read_text("utf-8", "replace").partition("\n")[0].strip()
        except OSError:
            continue
        return line if _COMMIT.fullmatch(line) else ""
    return ""
