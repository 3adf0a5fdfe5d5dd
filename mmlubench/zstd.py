"""Files compressed with Zstandard, made of frames that are complete in themselves.

A frame is written at once, so that a writer that is killed leaves whole frames and at most a part of one more. The
`zstd` command and every library read such files. Here pyarrow does, which mmlubench needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any

#: The end of the name of such a file.
SUFFIX = ".zst"
#: Three times as fast as the highest level that is worth its time on logs, and larger by a twentieth.
_LEVEL = 3
_CHUNK = 64 * 1024
#: The beginning of what pyarrow says of a file whose last frame is cut off.
_CUT_OFF = "Truncated compressed stream"


def frame(content: bytes) -> bytes:
    """Return a frame with this content."""
    import pyarrow as pa

    packed: bytes = pa.Codec("zstd", compression_level=_LEVEL).compress(content, asbytes=True)
    return packed


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of a file piece by piece, up to a last frame that is cut off.

    Raises OSError for a file that is damaged otherwise, or is none of this kind.
    """
    done = 0
    try:
        for chunk in _read(path, 0, _CHUNK):
            done += len(chunk)
            yield chunk
    except OSError as error:
        if not str(error).startswith(_CUT_OFF):
            raise
    else:
        return
    try:
        # The reader gives nothing of a chunk that it cannot fill, though there are whole frames in it.
        yield from _read(path, done, 1)
    except OSError as error:
        if not str(error).startswith(_CUT_OFF):
            raise


def _read(path: Path, skipped: int, size: int) -> Iterator[bytes]:
    import pyarrow as pa

    with path.open("rb") as file, pa.CompressedInputStream(file, "zstd") as content:
        while skipped:
            skipped -= len(content.read(min(skipped, _CHUNK)))
        while chunk := content.read(size):
            yield chunk


class Unpacked(RawIOBase):
    """The content of a file as a stream of bytes, for `io.BufferedReader`. Raises OSError as `chunks` does."""

    def __init__(self, path: Path) -> None:
        self._chunks = chunks(path)
        self._left = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes, 0 at the end."""
        self._left = self._left or next(self._chunks, b"")
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size
