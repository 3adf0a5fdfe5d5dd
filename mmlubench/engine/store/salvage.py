"""Reading a damaged store without SQLite: the pages of the file are read one by one, and each row has its checksum.

SQLite finds rows through a tree, so that one damaged page may hide all of them. Here every page that can hold rows is
looked at. A row whose checksum is right is genuine, wherever it was found. The formats are those of
https://sqlite.org/fileformat2.html; the numbers in comments are its sections.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from mmlubench.engine.store.reply import check_sum
from mmlubench.engine.store.weights import is_whole

MAGIC = b"SQLite format 3\0"
_WAL_MAGICS = (0x377F0682, 0x377F0683)
_WAL_HEADER, _FRAME_HEADER = 32, 24
_TABLE_LEAF = 0x0D
_USUAL_PAGE = 4096
_INTEGER_BYTES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
#: The most pages that a reply may fill: 1 GB of the smallest pages. A damaged length must not fill the memory.
_MOST_PAGES = 2_000_000

#: A row: key, model, Unix seconds, reply, checksum; or model, mark, Unix seconds, what was told, checksum.
Row = tuple[bytes, str, float, bytes, int]


class Pages:
    """The pages of a database as its last transaction left them, those in its write-ahead log included.

    `path` may be missing if there is a log. Raises OSError. To be closed.
    """

    def __init__(self, path: Path) -> None:
        self._main, self._log = _opened(path), _opened(path.with_name(path.name + "-wal"))
        header, log_header = _bytes_at(self._main, 0, 100), _bytes_at(self._log, 0, _WAL_HEADER)
        self.has_log = len(log_header) == _WAL_HEADER and _u32(log_header, 0) in _WAL_MAGICS
        size = (
            _u32(log_header, 8) if self.has_log else struct.unpack_from(">H", header.ljust(18, b"\0"), 16)[0]
        )
        size = 65536 if size == 1 else size
        self.size = size if 512 <= size <= 65536 and size & (size - 1) == 0 else _USUAL_PAGE
        self.usable = self.size - (header[20] if len(header) > 20 and header[20] <= 32 else 0)
        self._in_log = self._committed(log_header) if self.has_log else {}
        whole = os.fstat(self._main).st_size // self.size if self._main is not None else 0
        self.count = max(whole, *self._in_log) if self._in_log else whole

    def close(self) -> None:
        """Close the files."""
        for descriptor in (self._main, self._log):
            if descriptor is not None:
                os.close(descriptor)
        self._main = self._log = None

    def page(self, number: int) -> bytes:
        """Return a page, counted from 1; shorter or empty where the file ends."""
        place = self._in_log.get(number)
        if place is not None:
            return _bytes_at(self._log, place, self.size)
        return _bytes_at(self._main, (number - 1) * self.size, self.size)

    def _committed(self, header: bytes) -> dict[int, int]:
        """Return where in the log the newest version of each page is (4.1 to 4.4)."""
        committed: dict[int, int] = {}
        open_: dict[int, int] = {}
        salt, step = header[16:24], _FRAME_HEADER + self.size
        size = os.fstat(self._log).st_size if self._log is not None else 0
        for place in range(_WAL_HEADER, size - step + 1, step):
            frame = _bytes_at(self._log, place, _FRAME_HEADER)
            if frame[8:16] != salt:
                break
            open_[_u32(frame, 0)] = place + _FRAME_HEADER
            if _u32(frame, 4):  # the last frame of a transaction
                committed |= open_
                open_.clear()
        return committed

    def free(self) -> set[int]:
        """Return the pages of deleted rows (1.5)."""
        found: set[int] = set()
        trunk = _u32(self.page(1).ljust(100, b"\0"), 32)
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            page = self.page(trunk)
            if len(page) < self.size:
                break
            leaves = min(_u32(page, 4), self.size // 4 - 2)
            found.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = _u32(page, 0)
        return found


def rows(path: Path) -> Iterator[Row]:
    """Yield every reply of the damaged store that is whole; the same key may come twice. Raises OSError."""
    return (row for row in _all_rows(path) if check_sum(row[0], row[3]) == row[4])


def rows_of_weights(path: Path) -> Iterator[Row]:
    """Yield every row of the table `weights` that is whole. Raises OSError."""
    return (row for row in _all_rows(path) if is_whole(row[0], row[1], row[3], row[4]))


def _all_rows(path: Path) -> Iterator[Row]:
    with closing(Pages(path)) as pages:
        free = pages.free()
        for number in range(1, pages.count + 1):
            if number not in free:
                yield from _rows_on(pages, number)


def _rows_on(pages: Pages, number: int) -> Iterator[Row]:
    page, start = pages.page(number), 100 if number == 1 else 0
    if len(page) < pages.size or page[start] != _TABLE_LEAF:
        return
    for cell in range(struct.unpack_from(">H", page, start + 3)[0]):
        # A damaged page may say anything: a place beyond its end, a length of gigabytes, half a text.
        with suppress(IndexError, struct.error, UnicodeDecodeError, OverflowError, ValueError):
            (at,) = struct.unpack_from(">H", page, start + 8 + 2 * cell)
            row = _row(_record(_payload(pages, page, at)))
            if row is not None:
                yield row


def _payload(pages: Pages, page: bytes, at: int) -> bytes:
    """Return the payload of a table leaf's cell, overflow pages included (1.6)."""
    length, at = _varint(page, at)
    _rowid, at = _varint(page, at)
    usable = pages.usable
    if length <= usable - 35:
        return page[at : at + length]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (length - least) % (usable - 4)
    local = local if local <= usable - 35 else least
    parts, left, seen = [page[at : at + local]], length - local, 0
    following = _u32(page, at + local)
    while left > 0 and 0 < following <= pages.count and seen < _MOST_PAGES:
        overflow = pages.page(following)
        parts.append(overflow[4 : 4 + min(left, usable - 4)])
        following, left, seen = _u32(overflow, 0), left - (usable - 4), seen + 1
    return b"".join(parts)


def _record(payload: bytes) -> list[Any]:
    """Return the values of a record (2.1)."""
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Any] = []
    for kind in kinds:
        size = _INTEGER_BYTES.get(kind, 8 if kind == 7 else (kind - 12) // 2)
        raw = payload[at : at + size]
        at += size
        if kind == 7:
            values.append(struct.unpack(">d", raw)[0])
        elif kind in _INTEGER_BYTES:
            values.append(kind - 8 if kind in (8, 9) else int.from_bytes(raw, "big", signed=True))
        else:
            values.append(raw.decode() if kind % 2 else raw)
    return values


def _row(values: list[Any]) -> Row | None:
    """Return the values as a row, or None if their types are those of no table with checksums."""
    if len(values) != 5:
        return None
    key, model, at, reply, crc = values
    kinds = isinstance(key, bytes) and isinstance(reply, bytes) and isinstance(crc, int)
    if not (kinds and isinstance(model, str) and isinstance(at, (int, float))):
        return None
    return key, model, float(at), reply, crc


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", data, at)[0])


def _opened(path: Path) -> int | None:
    """Return a descriptor of a file; None if it is missing. Raises OSError."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None


def _bytes_at(descriptor: int | None, at: int, size: int) -> bytes:
    """Return bytes of a file; fewer or none where it ends, or is missing. Raises OSError."""
    if descriptor is None:
        return b""
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, size)
