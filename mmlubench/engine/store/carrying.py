"""Replies on their way from the store of one computer to that of another: packed rows, which travel by value."""

from __future__ import annotations

import sqlite3
import zlib
from base64 import b64decode, b64encode
from collections.abc import Container, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from mmlubench.engine.store import weights
from mmlubench.engine.store.merging import ADD_WEIGHTS, whole
from mmlubench.engine.store.opening import ADD
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import StoreError

#: Replies in one pack, about 1 MB of them.
_ROWS = 5_000
_ALL = "SELECT key, model, at, reply, crc FROM replies"
#: From the last row that was read on, itself included: where the newest reply was replaced, SQLite numbers the new one
#: as the old.
_SINCE = "SELECT rowid, key, model, at, reply, crc FROM replies WHERE rowid >= ? ORDER BY rowid LIMIT ?"

_Rows = list[tuple[Any, ...]]


def _pack(replies: _Rows, of_weights: _Rows) -> bytes:
    return zlib.compress(orjson.dumps((replies, of_weights), default=_as_text), 1)


def _as_text(value: bytes) -> dict[str, str]:
    return {"base64": b64encode(value).decode()}


def _unpacked(pack: bytes) -> tuple[_Rows, _Rows]:
    """Return the rows of a pack. It is JSON, as what comes from another computer must not be able to run anything."""
    replies, of_weights = orjson.loads(zlib.decompress(pack))
    return [*map(_row, replies)], [*map(_row, of_weights)]


def _row(values: list[Any]) -> tuple[Any, ...]:
    return tuple(b64decode(one["base64"]) if isinstance(one, dict) else one for one in values)


def packs_of(path: Path, models: Container[str] | None = None) -> Iterator[bytes]:
    """Yield packs of the replies in a store: of the models with these labels, None for all of them.

    What is known of weights is in the first pack, so that keys are the same there. Raises UserError, StoreError.
    """
    with closing(Store.open_to_read(path)) as store:
        try:
            told = store.database.execute(weights.ALL).fetchall()
            rows = store.database.execute(_ALL)
            wanted = (row for row in rows if models is None or row[1] in models)
            first = [*islice(wanted, _ROWS)]
            if first or told:
                yield _pack(first, told)
            while some := [*islice(wanted, _ROWS)]:
                yield _pack(some, [])
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError(f"the store {path} cannot be read ({error}).") from None


def add(store: Store, packs: Iterable[bytes]) -> int:
    """Add the replies of packs to a store; return how many there were. The newer one of two to one request counts.

    Raises StoreError; then nothing of the packs is in the store.
    """
    count = 0
    try:
        with store.database.transaction() as connection:
            for pack in packs:
                replies, of_weights = _unpacked(pack)
                count += len(replies)
                connection.executemany(ADD, whole(iter(replies)))
                connection.executemany(
                    ADD_WEIGHTS, [row for row in of_weights if weights.is_whole(*row[:2], *row[3:])]
                )
    except sqlite3.Error as error:
        raise StoreError(f"the store {store.path} cannot be written ({error}).") from None
    return count


class Tap:
    """Reads what is new in a store that another process of this computer writes."""

    def __init__(self, path: Path, since: int | None = None) -> None:
        """From now on, so that the replies which the store has are none of its news; or `since` an earlier `at`."""
        self._database = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        (last,) = self._database.execute("SELECT ifnull(max(rowid), 0) FROM replies").fetchone()
        self.at = last if since is None else since
        """The last row that was read."""
        row = self._database.execute("SELECT key, at FROM replies WHERE rowid = ?", (self.at,)).fetchone()
        self._seen: tuple[bytes, float] | None = row
        self._told = self._database.execute(weights.ALL).fetchall()

    def news(self) -> bytes | None:
        """Return a pack of the replies that have come since the last call; None if there are none, or not now."""
        try:
            found = self._database.execute(_SINCE, (self.at, _ROWS)).fetchall()
            told = self._database.execute(weights.ALL).fetchall()
        except sqlite3.Error:  # locked, for example: what is new stays new
            return None
        if found and found[0][0] == self.at and self._seen == (found[0][1], found[0][3]):
            found = found[1:]
        changed = told if told != self._told else []
        if found:
            self.at, self._seen = found[-1][0], (found[-1][1], found[-1][3])
        self._told = told
        return _pack([row[1:] for row in found], changed) if found or changed else None

    def rest(self) -> Iterator[bytes]:
        """Yield packs until there is no news."""
        while (pack := self.news()) is not None:
            yield pack

    def close(self) -> None:
        """Close the file."""
        self._database.close()
