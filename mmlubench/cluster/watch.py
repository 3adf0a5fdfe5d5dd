"""How far a pytest process is, by the files that it writes, and the file by which its share of limits changes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import Any

import orjson

from mmlubench.cluster.job import OUTPUT, RESULTS, Usage
from mmlubench.engine.limits.allotment import ALLOTMENT, USAGE
from mmlubench.jsonl import write_atomic

#: A progress line of a run whose requests wait.
_WAITS = re.compile(r"[\d,]+/[\d,]+ cases  (.+?)  accuracy ")
#: The bytes at the end of the output in which the last line is looked for.
_TAIL = 2_000


class Watch:
    """Looks at the folder of a job."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._done: Counter[str] = Counter()
        self._read = 0
        """The bytes of the results that were read."""

    def begin(self, allotment: Mapping[str, Any]) -> None:
        """Prepare the folder for a process: what an earlier one told there is not true of it. Raises OSError."""
        (self._home / USAGE).unlink(missing_ok=True)
        write_atomic(self._home / ALLOTMENT, orjson.dumps(allotment))

    def usage(self) -> Usage:
        """Return how far the process is."""
        for path in (self._home / RESULTS).glob("*/*/results.jsonl"):
            with suppress(OSError):
                self._count(path)
        told: dict[str, Any] = {}
        with suppress(OSError, orjson.JSONDecodeError):
            told = orjson.loads((self._home / USAGE).read_bytes())
        return Usage(dict(self._done), told, self._waiting())

    def _waiting(self) -> str:
        """Return what the last progress line says of waiting: it stands between the cases and the accuracy."""
        try:
            with (self._home / OUTPUT).open("rb") as file:
                file.seek(max(0, file.seek(0, SEEK_END) - _TAIL))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        found = _WAITS.match(lines[-1]) if lines else None
        return found[1] if found else ""

    def allot(self, allotment: Mapping[str, Any] | None) -> None:
        """Tell the process its new share of limits; None for no news."""
        if allotment is not None:
            with suppress(OSError):
                write_atomic(self._home / ALLOTMENT, orjson.dumps(allotment))

    def _count(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read)
            lines, _, _ = file.read().rpartition(b"\n")
        for line in lines.split(b"\n") if lines else ():
            with suppress(orjson.JSONDecodeError, LookupError, TypeError):
                self._done[orjson.loads(line)["outcome"]] += 1
        self._read += len(lines) + bool(lines)
