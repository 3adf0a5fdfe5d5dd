"""The reply store: all replies of all runs in one SQLite file, which serves as cache and for resuming a run.

Several processes of one host read and write the file at once (SQLite's write-ahead log). Replies are handed to the
operating system in one transaction at the end of the event-loop turn in which they arrived, so a process that is killed
loses none of them. A power cut may lose the last few: syncing each reply to disk would cost more than buying it again.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmlubench.engine.store.database import PATIENCE_S, Database, is_busy
from mmlubench.engine.store.leases import Leases, others
from mmlubench.engine.store.network import is_refused, shared_type
from mmlubench.engine.store.opening import SCHEMA, SIDE_FILES, WAY_OUT, is_damage
from mmlubench.engine.store.reply import StoredReply, check_sum, decode, encode, model_key
from mmlubench.engine.store.weights import Weights, recognise
from mmlubench.errors import StoreError, UserError
from mmlubench.models.base import Told

__all__ = ["SCHEMA", "Store", "StoreBusy"]

_GET = "SELECT model, at, reply, crc FROM replies WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO replies (key, model, at, reply, crc) VALUES (?, ?, ?, ?, ?)"
_NEW_KEYS = "SELECT key FROM replies WHERE rowid > ? LIMIT ?"
#: The most keys that are held in memory, about 10 MB. In a larger store every key is looked up in the file.
_MOST_KEYS = 100_000
#: Seconds after which the keys that another process has stored are noticed.
_LOOK_EVERY_S = 0.1
#: Seconds until replies are written again after another process held the lock.
_RETRY_S = 0.2
#: Seconds after which a deleted file is noticed; what is written into it meanwhile can still be read.
_CHECK_EVERY_S = 0.1
#: Seconds to wait for a lock when nothing else is left to do.
_LAST_WAIT_S = 30.0

#: A row without its key: model, Unix seconds, reply, checksum.
_Row = tuple[str, float, bytes, int]


class StoreBusy(StoreError):
    """The store cannot be read now, as another process has locked it; the same call may work soon."""


class Store:
    """The replies, by the key of their request. Made by `open`; used by one thread only."""

    def __init__(self, path: Path, database: Database, run: str = "") -> None:
        self.path = path
        self.leases = Leases(database, run)
        """Who asks which request, if several runs use the store at once."""
        self._database = database
        self._others = others(database, run) if run else []
        self._pending: dict[bytes, _Row] = {}
        self._scheduled_on: asyncio.AbstractEventLoop | None = None
        self._write_error: Exception | None = None
        self._busy_since: float | None = None
        """Since when another process has held the lock, on the monotonic clock; None if none does."""
        self._retry_at = 0.0
        self._check_at = 0.0
        """When to look whether the file is still there, on the monotonic clock."""
        self._keys: set[bytes] | None = set()
        """The keys in the file, as nearly every request of a run is new; None if there are too many."""
        self._version, self._last_row = -1, 0
        """What SQLite calls the version of the data, and the last row, when keys were read for the last time."""
        self._look_at = 0.0
        """When to look for the keys of other processes, on the monotonic clock."""

    @classmethod
    def open(cls, path: Path | str, *, check: bool = True, run: str = "") -> Store:
        """Open the store at `path`; create it if there is none.

        A damaged file is renamed, and what can be read of it is copied into a new one; `notice` says so. `check` looks
        for damage in the whole file (1 ms for 1.5 MB); without it only damage at the beginning is found. `run` names
        the run that will ask, the same in all its processes. Raises UserError for a file that is not ours, for a store
        of a newer mmlubench, and for a place that cannot be written, or is on a network file system.
        """
        path = Path(path)
        resolved = _resolved(path)
        if is_refused(kind := shared_type(resolved)):
            raise UserError(
                f"the store {path} lies on a network file system ({kind}), where SQLite damages it: give a file on a "
                f"disk of this computer with --store PATH, or leave the store out with --no-store."
            )
        with _opening(path):
            return cls(path, Database.open(resolved, check=check), run)

    @classmethod
    def open_to_read(cls, path: Path | str) -> Store:
        """Open a store that is there without repairing it. Raises UserError, also for a damaged one."""
        path = Path(path)
        with _opening(path):
            return cls(path, Database.open_to_read(_resolved(path)))

    @property
    def database(self) -> Database:
        """The open file."""
        return self._database

    @property
    def notice(self) -> str:
        """One sentence for the user, if the file was damaged, or deleted while it was open; else empty."""
        return self._database.notice

    @property
    def company(self) -> str:
        """One sentence for the user, if another run asked from the store when it was opened; else empty."""
        if not self._others:
            return ""
        return (
            f"another run (process {', '.join(map(str, self._others))}) uses the store {self.path} now: "
            "each question is asked by one of the two, and the other waits for its reply"
        )

    @property
    def place(self) -> str:
        """One sentence for the user, if the file lies where several computers may reach it; else empty."""
        kind = shared_type(self._database.path)
        if not kind:
            return ""
        return (
            f"the store {self.path} lies on a file system that other computers may reach ({kind}): let runs of one "
            "computer at a time use it, or give a file on a disk of this one with --store PATH"
        )

    def get(self, key: bytes) -> StoredReply | None:
        """Return the reply stored under a key, or None; a damaged row counts as none.

        Raises StoreError if the file cannot be read, StoreBusy if that may change, or StoreError if earlier replies
        could not be written.
        """
        if self._write_error is not None:
            self.flush()
        row = self._pending.get(key)
        if row is None:
            try:
                row = self._database.execute(_GET, (key,)).fetchone() if self._may_hold(key) else None
            except UnicodeDecodeError:
                return None
            except sqlite3.Error as error:
                if str(error).startswith("Could not decode"):  # a damaged name of a model
                    return None
                raise self._store_error(error, "read", StoreBusy if is_busy(error) else StoreError) from None
        return _read(key, *row) if row is not None else None

    async def await_turn(self, key: bytes, since: float) -> bool:
        """Return whether to send a request that another run may send: False if its reply has come by now."""
        must_ask = await self.leases.claim(key, since)
        self._look_at = 0.0
        return must_ask

    def put(self, key: bytes, stored: StoredReply) -> None:
        """Store a reply; it replaces an earlier one under the same key.

        The reply is written at the end of this event-loop turn, or at once where no loop is running; while another
        process holds the lock, it waits in memory. Raises StoreError if it, or an earlier one that is still pending,
        cannot be written; pending replies are tried again.
        """
        reply = encode(stored)
        self._pending[key] = (stored.label, stored.at, reply, check_sum(key, reply))
        loop = _running_loop()
        if loop is None or self._write_error is not None:
            self.flush()
        elif loop is not self._scheduled_on:
            self._scheduled_on = loop
            loop.call_soon(self._end_of_turn)

    def flush(self) -> None:
        """Write pending replies; while another process holds the lock, they stay pending for up to a minute.

        Raises StoreError; replies that could not be written stay pending.
        """
        if self._pending:
            self._write()
        if self._write_error is not None:
            raise self._store_error(self._write_error, "written")

    def close(self) -> None:
        """Write pending replies and close the file, waiting for its lock. Raises StoreError as `flush` does."""
        if self._database.is_closed:
            return
        self._busy_since, self._retry_at = time.monotonic() - PATIENCE_S, 0.0  # no time is left to be patient
        self._check_at = 0.0
        try:
            with suppress(sqlite3.Error):
                self._database.wait_for_locks(_LAST_WAIT_S)
            self._write()  # even with nothing pending: the file may have been deleted
            if self._write_error is not None:
                raise self._store_error(self._write_error, "written")
        finally:
            self._pending.clear()
            self._write_error = None
            self._look_at = 0.0
            self.leases.leave()
            self._database.close()

    def has_model(self, model: str) -> bool:
        """Whether there is any reply of a model. Raises StoreError."""
        one = "SELECT 1 FROM replies WHERE model = ? LIMIT 1"
        with self._statements("read"):
            return self._database.execute(one, (model,)).fetchone() is not None

    def recognise(self, identity: Mapping[str, Any], told: Told) -> Weights:
        """Return the weights that a model's server tells of now; waits for the lock of another process.

        `identity` is `ModelSpec.identity()`. Raises StoreError.
        """
        with self._statements("written"):
            self._database.wait_for_locks(_LAST_WAIT_S)
            try:
                with self._database.transaction() as connection:
                    return recognise(connection, model_key(identity), told, time.time())
            finally:
                self._database.wait_for_locks()

    def stats(self) -> dict[str, Any]:
        """Rows, bytes on disk, rows by model, oldest and newest (Unix seconds, None if empty). Raises StoreError."""
        self.flush()
        with self._statements("read"):
            models = dict(
                self._database.execute(
                    "SELECT model, count(*) FROM replies GROUP BY model ORDER BY 2 DESC, 1"
                )
            )
            oldest, newest = self._database.execute("SELECT min(at), max(at) FROM replies").fetchone()
        at = self._database.path
        files = (at.with_name(at.name + end) for end in ("", *SIDE_FILES))
        return {
            "rows": sum(models.values()),
            "bytes": sum(file.stat().st_size for file in files if file.exists()),
            "models": models,
            "oldest": oldest,
            "newest": newest,
        }

    def date_back(self, moment: float) -> None:
        """Date replies from the future, bought before the clock was set back, just before a moment (Unix seconds).

        Otherwise a run that asks all anew from that moment on would take them for its own. Raises StoreError.
        """
        with self._statements("written"):
            self._database.execute(
                "UPDATE replies SET at = ? WHERE at > ?", (moment - 0.002, max(moment, time.time()))
            )

    def prune(self, *, older_than_s: float | None = None, model: str | None = None) -> int:
        """Delete replies above an age in seconds, of one model, or both; return how many.

        Raises UserError if neither is given, StoreError if the file cannot be written.
        """
        if older_than_s is None and model is None:
            raise UserError("nothing says which replies to delete: give an age, a model, or both.")
        self.flush()
        before = None if older_than_s is None else time.time() - older_than_s
        with self._statements("written"):
            deleted = self._database.execute(
                "DELETE FROM replies WHERE (:before IS NULL OR at < :before) AND (:model IS NULL OR model = :model)",
                {"before": before, "model": model},
            ).rowcount
        # VACUUM needs room for a copy and no other writer; where it fails, later replies reuse the space.
        with suppress(sqlite3.Error):
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def _end_of_turn(self) -> None:
        self._scheduled_on = None
        if self._pending:
            self._write()

    def _may_hold(self, key: bytes) -> bool:
        """Whether the file may hold a reply under this key. Raises sqlite3.Error."""
        if self._keys is not None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            self._look()
        return self._keys is None or key in self._keys

    def _look(self) -> None:
        """Read the keys that other processes have stored since the last call; all of them at the first call."""
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version == self._version or self._keys is None:
            return
        (last,) = self._database.execute("SELECT ifnull(max(rowid), 0) FROM replies").fetchone()
        if last < self._last_row:  # rows were deleted, and SQLite may have numbered the others anew
            self._last_row = 0
        self._remember(key for (key,) in self._database.execute(_NEW_KEYS, (self._last_row, _MOST_KEYS)))
        self._version, self._last_row = version, last

    def _remember(self, keys: Iterable[bytes]) -> None:
        if self._keys is not None:
            self._keys.update(keys)
            if len(self._keys) >= _MOST_KEYS:
                self._keys = None

    def _write(self) -> None:
        """Write all pending replies, or none; the next call of `get`, `put` or `flush` raises a failure."""
        now = time.monotonic()
        if now < self._retry_at:
            self._try_later()
            return
        rows = [(key, *row) for key, row in self._pending.items()]
        try:
            if now >= self._check_at and self._database.stay():
                self.leases.begin_anew()
                self._keys, self._version, self._last_row = set(), -1, 0
            self._check_at = now + _CHECK_EVERY_S if now >= self._check_at else self._check_at
            if rows:
                with self._database.transaction() as connection:
                    connection.executemany(_PUT, rows)
                    self.leases.answered(connection, self._pending)
        except (sqlite3.Error, OSError, UserError) as error:
            self._busy_since = self._busy_since or now
            if is_busy(error) and now - self._busy_since < PATIENCE_S:
                self._retry_at = time.monotonic() + _RETRY_S
                self._try_later()
            else:
                self._write_error = error
        else:
            self._remember(self._pending)
            self.leases.written(self._pending)
            self._pending.clear()
            self._write_error = self._busy_since = None

    def _try_later(self) -> None:
        loop = _running_loop()
        if loop is not None and loop is not self._scheduled_on:
            self._scheduled_on = loop
            loop.call_later(_RETRY_S, self._end_of_turn)

    @contextmanager
    def _statements(self, action: str) -> Iterator[None]:
        """Raise StoreError in place of SQLite's own errors."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._store_error(error, action) from None

    def _store_error(self, error: Exception, action: str, kind: type[StoreError] = StoreError) -> StoreError:
        if isinstance(error, sqlite3.Error) and is_damage(error):
            return kind(
                f"the store {self.path} is damaged ({error}): run again, which copies what can be read into a new one, "
                f"or {WAY_OUT}."
            )
        if isinstance(error, sqlite3.Error):
            safe = "the replies in it are safe"
        else:  # it was deleted, and cannot be made anew
            safe = "replies that were in it may have to be asked again"
        todo = "remove the cause and run again"
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        return kind(f"the store {self.path} cannot be {action} ({reason}): {todo}, or {WAY_OUT}; {safe}.")


def _read(key: bytes, label: str, at: float, reply: bytes, crc: int) -> StoredReply | None:
    try:
        return decode(label, at, reply) if check_sum(key, reply) == crc else None
    except (ValueError, TypeError, LookupError):
        return None


def _resolved(path: Path) -> Path:
    """Return where a link leads to, as a full path: side files, and the new file after damage, belong there."""
    return Path(os.path.realpath(path))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Raise UserError in place of the errors of opening a store."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise UserError(
                f"the store {path} is damaged ({error}); the next run copies what can be read of it into a new one."
            ) from None
        raise UserError(f"the store {path} cannot be opened ({error}): {WAY_OUT}.") from None
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"the store {path} cannot be opened ({reason}): {WAY_OUT}.") from None
