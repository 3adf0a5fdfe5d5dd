"""The reply store: all replies of all runs in one SQLite file, which serves as cache and for resuming a run.

Several processes of one host read and write the file at once (SQLite's write-ahead log). Replies are handed to the
operating system in one transaction at the end of the event-loop turn in which they arrived, so a process that is killed
loses none of them. A power cut may lose the last few: syncing each reply to disk would cost more than buying it again.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmlubench.engine.store.reply import StoredReply, check_sum, decode, encode
from mmlubench.errors import StoreError, UserError

#: The version of the tables below. A store of an older version is upgraded, one of a newer version is refused.
SCHEMA = 1

#: Marks the file as ours: "mmlu" in ASCII.
_APPLICATION = 0x6D6D6C75
_BUSY_S = 10.0
_SIDE_FILES = ("-wal", "-shm")
#: A table with rowids keeps rows in order of arrival, so that one transaction writes neighbouring pages. WITHOUT ROWID
#: would order them by their random key, and a reply would cost twice as much to write.
_TABLES = """
CREATE TABLE IF NOT EXISTS replies (
  key   BLOB PRIMARY KEY,
  model TEXT NOT NULL,
  at    REAL NOT NULL,
  reply BLOB NOT NULL,
  crc   INTEGER NOT NULL
)"""
_GET = "SELECT model, at, reply, crc FROM replies WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO replies (key, model, at, reply, crc) VALUES (?, ?, ?, ?, ?)"
_NEW_KEYS = "SELECT key FROM replies WHERE rowid > ? LIMIT ?"
#: The most keys that are held in memory, about 10 MB. In a larger store every key is looked up in the file.
_MOST_KEYS = 100_000
#: Seconds after which the keys that another process has stored are noticed.
_LOOK_EVERY_S = 0.1
_WAY_OUT = "give another file with --store PATH, or leave the store out with --no-store"

#: A row without its key: model, Unix seconds, reply, checksum.
_Row = tuple[str, float, bytes, int]


class Store:
    """The replies, by the key of their request. Made by `open`; used by one thread only."""

    def __init__(self, path: Path, db: sqlite3.Connection, notice: str = "") -> None:
        self.path = path
        self.notice = notice
        """One sentence for the user, if the file was damaged and replaced; else empty."""
        self._db = db
        self._pending: dict[bytes, _Row] = {}
        self._scheduled_on: asyncio.AbstractEventLoop | None = None
        self._write_error: sqlite3.Error | None = None
        self._keys: set[bytes] | None = set()
        """The keys in the file, as nearly every request of a run is new; None if there are too many."""
        self._version, self._last_row = -1, 0
        """What SQLite calls the version of the data, and the last row, when keys were read for the last time."""
        self._look_at = 0.0
        """When to look for the keys of other processes, on the monotonic clock."""

    @classmethod
    def open(cls, path: Path | str, *, check: bool = True) -> Store:
        """Open the store at `path`; create it if there is none.

        A damaged file is renamed and replaced by a new one; `notice` says so. `check` looks for damage in the whole
        file (1 ms for 1.5 MB); without it only damage at the beginning is found. Raises UserError for a store of
        a newer mmlubench, a file of another program, and a place that cannot be written.
        """
        path = Path(path)
        with _opening(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.parent):
                try:
                    return cls(path, _connect(path, check))
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    return cls(path, *_replace_damaged(path, error))

    def get(self, key: bytes) -> StoredReply | None:
        """Return the reply stored under a key, or None; a damaged row counts as none.

        Raises StoreError if the file cannot be read, or if earlier replies could not be written.
        """
        if self._write_error is not None:
            self.flush()
        row = self._pending.get(key)
        if row is None:
            try:
                row = self._db.execute(_GET, (key,)).fetchone() if self._may_hold(key) else None
            except sqlite3.Error as error:
                raise self._store_error(error, "read") from None
        return _read(key, *row) if row is not None else None

    def put(self, key: bytes, stored: StoredReply) -> None:
        """Store a reply; it replaces an earlier one under the same key.

        The reply is written at the end of this event-loop turn, or at once where no loop is running. Raises StoreError
        if it, or an earlier one that is still pending, cannot be written; pending replies are tried again.
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
        """Write pending replies. Raises StoreError; replies that could not be written stay pending."""
        if self._pending:
            self._write()
        if self._write_error is not None:
            raise self._store_error(self._write_error, "written")

    def close(self) -> None:
        """Write pending replies and close the file. Raises StoreError as `flush` does."""
        try:
            self.flush()
        finally:
            self._pending.clear()
            self._write_error = None
            self._look_at = 0.0
            # If the checkpoint fails, the next process to open the file makes it.
            with suppress(sqlite3.Error):
                self._db.close()

    def has_model(self, model: str) -> bool:
        """Whether there is any reply of a model. Raises StoreError."""
        with self._database("read"):
            return (
                self._db.execute("SELECT 1 FROM replies WHERE model = ? LIMIT 1", (model,)).fetchone()
                is not None
            )

    def stats(self) -> dict[str, Any]:
        """Rows, bytes on disk, rows by model, oldest and newest (Unix seconds, None if empty). Raises StoreError."""
        self.flush()
        with self._database("read"):
            models = dict(
                self._db.execute("SELECT model, count(*) FROM replies GROUP BY model ORDER BY 2 DESC, 1")
            )
            oldest, newest = self._db.execute("SELECT min(at), max(at) FROM replies").fetchone()
        files = (self.path.with_name(self.path.name + end) for end in ("", *_SIDE_FILES))
        return {
            "rows": sum(models.values()),
            "bytes": sum(file.stat().st_size for file in files if file.exists()),
            "models": models,
            "oldest": oldest,
            "newest": newest,
        }

    def prune(self, *, older_than_s: float | None = None, model: str | None = None) -> int:
        """Delete replies above an age in seconds, of one model, or both; return how many.

        Raises UserError if neither is given, StoreError if the file cannot be written.
        """
        if older_than_s is None and model is None:
            raise UserError("nothing says which replies to delete: give an age, a model, or both.")
        self.flush()
        before = None if older_than_s is None else time.time() - older_than_s
        with self._database("written"):
            deleted = self._db.execute(
                "DELETE FROM replies WHERE (:before IS NULL OR at < :before) AND (:model IS NULL OR model = :model)",
                {"before": before, "model": model},
            ).rowcount
        # VACUUM needs room for a copy and no other writer; where it fails, later replies reuse the space.
        with suppress(sqlite3.Error):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
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
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version == self._version or self._keys is None:
            return
        (last,) = self._db.execute("SELECT ifnull(max(rowid), 0) FROM replies").fetchone()
        if last < self._last_row:  # rows were deleted, and SQLite may have numbered the others anew
            self._last_row = 0
        self._remember(key for (key,) in self._db.execute(_NEW_KEYS, (self._last_row, _MOST_KEYS)))
        self._version, self._last_row = version, last

    def _remember(self, keys: Iterable[bytes]) -> None:
        if self._keys is not None:
            self._keys.update(keys)
            if len(self._keys) >= _MOST_KEYS:
                self._keys = None

    def _write(self) -> None:
        """Write all pending replies, or none; the next call of `get`, `put` or `flush` raises a failure."""
        rows = [(key, *row) for key, row in self._pending.items()]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_PUT, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._write_error = error
        else:
            self._remember(self._pending)
            self._pending.clear()
            self._write_error = None
        finally:  # also after a Ctrl-C half way: the next write must find no open transaction
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _database(self, action: str) -> Iterator[None]:
        """Raise StoreError in place of SQLite's own errors."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._store_error(error, action) from None

    def _store_error(self, error: sqlite3.Error, action: str) -> StoreError:
        if _is_damage(error):
            return StoreError(
                f"the store {self.path} is damaged ({error}): run again, which renames it and begins a new one, "
                f"or {_WAY_OUT}."
            )
        return StoreError(
            f"the store {self.path} cannot be {action} ({error}): remove the cause and run again, or {_WAY_OUT}; "
            "the replies in it are safe."
        )


def _read(key: bytes, label: str, at: float, reply: bytes, crc: int) -> StoredReply | None:
    try:
        return decode(label, at, reply) if check_sum(key, reply) == crc else None
    except (ValueError, TypeError, LookupError):
        return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let only one process at a time open a store in this folder.

    Otherwise, while one process renames a damaged file, another that has that file open would delete, on closing it,
    the side files of the new one.
    """
    if sys.platform == "win32":  # Windows renames no open file, so the case cannot arise
        yield
        return
    # late: Windows has none
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no such lock
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(path: Path, check: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        _refuse_other_files(db, path)
        if check and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(
                found.splitlines()[-1]
            )  # the line before only names the database, "main"
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # in WAL mode: a sync at checkpoints only
        # Even if the tables exist: a file that cannot be written is noticed here, not after the first paid reply.
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] < SCHEMA:
            db.execute(_TABLES)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_other_files(db: sqlite3.Connection, path: Path) -> None:
    """Raise UserError for a database of another program or of a newer mmlubench."""
    # Tables are counted before the id is read: another process may be creating both, in one transaction, right now.
    has_tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if has_tables and application != _APPLICATION:
        raise UserError(f"{path} is an SQLite file of another program: {_WAY_OUT}.")
    if version > SCHEMA:
        raise UserError(
            f"{path} is a store of version {version}, and this mmlubench knows versions up to {SCHEMA}: "
            f"use a newer mmlubench, or {_WAY_OUT}."
        )


def _replace_damaged(path: Path, damage: sqlite3.Error) -> tuple[sqlite3.Connection, str]:
    """Rename a damaged file and its side files, and open a new one. Returns its connection and a notice."""
    aside = _free_name(path)
    for end in _SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    path.rename(aside)
    notice = (
        f"the store {path} was damaged ({damage}): it is now {aside.name} beside it, and a new one was begun"
    )
    return _connect(path, check=False), notice


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S")
    names = (f"{path.name}.corrupt-{stamp}{f'-{n}' if n else ''}" for n in range(1_000_000))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged. SQLite's other errors (disk, locks, permissions) are of subclasses."""
    return type(error) is sqlite3.DatabaseError


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
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"the store {path} cannot be opened ({reason}): {_WAY_OUT}.") from None
