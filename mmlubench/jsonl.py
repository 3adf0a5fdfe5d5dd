"""JSON-lines files, appended to during a run, and files written atomically, so that no reader sees half a file.

Files that are made here can be read by their owner alone, as replies may hold what others must not read.

`OSError` is not caught here: only the caller knows which option chose the path, and can name it to the user.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from time import monotonic
from typing import Any

import orjson

from mmlubench import zstd
from mmlubench.errors import DataError
from mmlubench.inputs import read_lines
from mmlubench.private import opener

FLUSH_EVERY_S = 1.0
BUFFER_BYTES = 64 * 1024


class Appender:
    """A file to which whole lines are appended. A reader, or a crash, misses at most the last second or 64 kB."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._file = open(path, "ab", buffering=BUFFER_BYTES, opener=opener)  # noqa: SIM115 - closed by close()
        self._flushed_at = monotonic()

    def write(self, lines: bytes) -> None:
        """Append whole lines, each with its newline."""
        self._file.write(lines)
        if monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Hand all lines to the operating system now; call it when no more lines may come for a while.

        Raises OSError, also if the file was deleted: nobody would ever read the lines.
        """
        self._file.flush()
        if not os.fstat(self._file.fileno()).st_nlink:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))
        self._flushed_at = monotonic()

    def close(self) -> None:
        """Write the buffered lines and close the file; a second call does nothing. Raises OSError as `flush` does."""
        if self._file.closed:
            return
        try:
            self.flush()
        finally:
            with suppress(OSError):
                self._file.close()


class PackedAppender(Appender):
    """An `Appender` whose file is compressed: each flush writes one frame, complete in itself."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._waiting = bytearray()

    def write(self, lines: bytes) -> None:
        """Append whole lines, each with its newline."""
        self._waiting += lines
        if len(self._waiting) >= BUFFER_BYTES or monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Hand all lines to the operating system now; small frames compress badly."""
        if self._waiting:
            self._file.write(zstd.frame(bytes(self._waiting)))
            self._waiting.clear()
        super().flush()


def present(path: Path) -> Path:
    """Return the compressed file in the place of one that is not there, if there is one, else the path."""
    packed = path.with_name(path.name + zstd.SUFFIX)
    return packed if not path.exists() and packed.exists() else path


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file, line by line; a last line that is cut off is left out.

    A file that is not there may be there compressed, with `.zst` behind its name. Raises DataError for any other line
    that is not a JSON object, TooLarge (an OSError) for a line that is too long.
    """
    path = present(Path(path))
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as broken:
            if not line.endswith(b"\n"):  # the last line has no newline if its writer was killed
                return
            raise DataError(path, f"this line is not JSON ({broken.msg}).", row=number) from None
        if not isinstance(value, dict):
            raise DataError(path, "this line is JSON, but not an object in braces.", row=number)
        yield value


def pretty(content: Mapping[str, Any]) -> str:
    """Return a file of JSON that people can read. Raises ValueError for an infinite number, TypeError for an object."""
    # json, not orjson: figures such as infinity must fail here and not silently become null.
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write a file atomically, whole or not at all; text is written as UTF-8. A file that is replaced keeps its mode.

    Raises OSError.
    """
    path = Path(path)
    # In the same folder, since a rename is atomic only within one file system. The name is new: in a folder of many
    # users a link of that name could lead anywhere.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb", opener=opener) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        with suppress(FileNotFoundError):
            temporary.chmod(S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
