"""The members of a zip file; inspect compresses them with Zstandard, which `zipfile` reads from Python 3.14 on."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from mmlubench.errors import DataError
from mmlubench.inputs import JSON_BYTES

_ZSTANDARD = 93
#: The length of a local header, and where it tells the lengths of name and extra field (APPNOTE.TXT, 4.3.7).
_HEADER, _LENGTHS = 30, 26


def members(path: Path) -> list[str]:
    """Return the names of all members. Raises DataError for a file that is no zip, OSError."""
    try:
        with ZipFile(path) as file:
            return file.namelist()
    except BadZipFile as error:
        raise DataError(path, f"it is no log of inspect ({error}).") from None


def read_member(path: Path, file: ZipFile, raw: BinaryIO, name: str) -> bytes:
    """Return the content of a member; `raw` is the same file, opened. Raises DataError, OSError, KeyError."""
    info = file.getinfo(name)
    if info.file_size > JSON_BYTES:
        raise DataError(
            path, f"its {name} has {info.file_size:,} bytes, and at most {JSON_BYTES:,} are read."
        )
    try:
        return _unpacked(raw, info) if info.compress_type == _ZSTANDARD else file.read(info)
    except (BadZipFile, NotImplementedError, EOFError, struct.error) as error:
        raise DataError(path, f"its {name} cannot be unpacked ({error}).") from None


def _unpacked(raw: BinaryIO, info: ZipInfo) -> bytes:
    import pyarrow as pa

    raw.seek(info.header_offset + _LENGTHS)
    name, extra = struct.unpack("<HH", raw.read(4))
    raw.seek(info.header_offset + _HEADER + name + extra)
    with pa.CompressedInputStream(BytesIO(raw.read(info.compress_size)), "zstd") as content:
        found: bytes = content.read(info.file_size)
        return found
