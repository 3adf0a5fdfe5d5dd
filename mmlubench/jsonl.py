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
from dataclasses import fields, is_dataclass
from pathlib import Path
from stat import S_IMODE
from time import monotonic
from typing import Any

import orjson

from mmlubench import zstd
from mmlubench.errors import DataError, short
from mmlubench.inputs import read_lines
from mmlubench.private import opener

FLUSH_EVERY_S = 1.0
BUFFER_BYTES = 64 * 1024
#: Larger integers are no numbers of JSON for most readers.
_BITS = 64


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


def encoded(value: Any) -> bytes:
    """Return JSON, whatever strangers have put into the value: what was paid for is written all the same.

    Half a surrogate pair becomes a question mark, a key that is no text is left out, and what JSON has no form for
    becomes a text.
    """
    try:
        return orjson.dumps(value, default=plain)
    except TypeError:  # of what was said, or for a nesting that is deeper than orjson goes
        pass
    try:
        text = json.dumps(value, default=plain, ensure_ascii=False, skipkeys=True)
    except (
        ValueError,
        RecursionError,
    ):  # an integer of more digits than Python writes, a list that holds itself
        text = json.dumps(_short(value))
    return text.encode("utf-8", "replace")


def plain(value: Any) -> Any:
    """Return a value that JSON cannot express: a dataclass or mapping as a dictionary, anything else as text."""
    if is_dataclass(value) and not isinstance(value, type):
        # Not dataclasses.asdict, which makes deep copies: some values cannot be copied.
        return {member.name: getattr(value, member.name) for member in fields(value)}
    return dict(value) if isinstance(value, Mapping) else str(value)


def _short(value: Any, depth: int = 8) -> Any:
    """Return a value in the types of JSON, with a few words in place of what has no form there or is nested deeper."""
    if isinstance(value, (str, bool, float)) or value is None:
        return value
    if isinstance(value, int) and value.bit_length() < _BITS:
        return value
    if is_dataclass(value) or isinstance(value, Mapping):
        inner = plain(value) if depth else {}
        return {name: _short(one, depth - 1) for name, one in inner.items() if isinstance(name, str)}
    if isinstance(value, (list, tuple)) and depth:
        return [_short(one, depth - 1) for one in value]
    return short(value)


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
