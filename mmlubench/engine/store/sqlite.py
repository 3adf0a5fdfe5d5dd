"""Every reply that was ever bought, in one SQLite file for all runs: the cache and the resume.

Several processes of one host read and write it at once (SQLite's write-ahead log). A reply is handed to the operating
system at the end of the event loop's turn in which it arrived, together with those that arrived with it: a process
that is killed loses none of them. Only a power cut may cost the last few; a sync for each would cost more than they do.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmlubench.engine.store.reply import StoredReply, check_sum, decode, encode
from mmlubench.errors import StoreError, UserError

#: The version of the tables below. A store of an older version is brought up to date, one of a newer is refused.
SCHEMA = 1

#: Marks the file as ours: "mmlu" in ASCII.
_APPLICATION = 0x6D6D6C75
_BUSY_S = 10.0
_SIDE_FILES = ("-wal", "-shm")
#: Rows stay in order of arrival, so that a turn's replies lie on neighbouring pages; keys are random. With the key as
#: the table itself (WITHOUT ROWID) a reply costs twice as much to write.
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
_WAY_OUT = "give another file with --store PATH, or leave the store out with --no-store"

#: A row without its key: model, Unix seconds, reply, check sum.
_Row = tuple[str, float, bytes, int]


class Store:
    """Replies by the key of their request. Made by `open`; belongs to one thread."""

    def __init__(self, path: Path, db: sqlite3.Connection, notice: str = "") -> None:
        self.path = path
        self.notice = notice
        """One sentence that the user must be told, or nothing."""
        self._db = db
        self._pending: dict[bytes, _Row] = {}
        self._due: asyncio.AbstractEventLoop | None = None
        self._trouble: sqlite3.Error | None = None

    @classmethod
    def open(cls, path: Path | str, *, check: bool = True) -> Store:
        """Open the store at `path`, and make it where there is none.

        A file that is damaged is renamed and a new one begun; `notice` says so. `check` looks for damage in all of
        the file (1 ms for 1.5 MB); without it only damage at its beginning is found. Raises UserError for a store of
        a newer mmlubench, a file of another program, and a place that cannot be written.
        """
        path = Path(path)
        with _told_as_unusable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(path.parent):
                try:
                    return cls(path, _connect(path, check))
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    return cls(path, *_begin_anew(path, error))

    def get(self, key: bytes) -> StoredReply | None:
        """Return what is kept under a key; a row that is damaged counts as none.

        Raises StoreError if the file cannot be read, or if earlier replies could not be written.
        """
        if self._trouble is not None:
            self.flush()
        row = self._pending.get(key)
        if row is None:
            try:
                row = self._db.execute(_GET, (key,)).fetchone()
            except sqlite3.Error as error:
                raise self._told(error, "read") from None
        return _read(key, *row) if row is not None else None

    def put(self, key: bytes, kept: StoredReply) -> None:
        """Keep a reply, in place of an earlier one.

        It is written at the end of this turn of the event loop, or at once where none is running. Raises StoreError
        if it cannot be written, or if earlier ones still cannot be; they are tried again.
        """
        reply = encode(kept)
        self._pending[key] = (kept.label, kept.at, reply, check_sum(key, reply))
        loop = _running_loop()
        if loop is None or self._trouble is not None:
            self.flush()
        elif loop is not self._due:
            self._due = loop
            loop.call_soon(self._end_of_turn)

    def flush(self) -> None:
        """Write what is waiting. Raises StoreError; what could not be written goes on waiting."""
        if self._pending:
            self._write()
        if self._trouble is not None:
            raise self._told(self._trouble, "written")

    def close(self) -> None:
        """Write what is waiting, and close the file. Raises StoreError as `flush` does."""
        try:
            self.flush()
        finally:
            self._pending.clear()
            self._trouble = None
            with suppress(sqlite3.Error):  # the log could not be folded in: the next one to open it will
                self._db.close()

    def stats(self) -> dict[str, Any]:
        """Rows, bytes on disk, rows by model, oldest and newest (Unix seconds, None if empty). Raises StoreError."""
        self.flush()
        with self._telling("read"):
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
        """Forget replies older than so many seconds, of one model, or both; returns how many and frees the space.

        Raises UserError if it is told neither, StoreError if the file cannot be written.
        """
        if older_than_s is None and model is None:
            raise UserError("nothing says what to forget: give an age, a model, or both.")
        self.flush()
        before = None if older_than_s is None else time.time() - older_than_s
        with self._telling("written"):
            forgotten = self._db.execute(
                "DELETE FROM replies WHERE (:before IS NULL OR at < :before) AND (:model IS NULL OR model = :model)",
                {"before": before, "model": model},
            ).rowcount
        # Needs room for a copy, and nobody else writing: without it the space is used for later replies.
        with suppress(sqlite3.Error):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return forgotten

    def _end_of_turn(self) -> None:
        self._due = None
        if self._pending:
            self._write()

    def _write(self) -> None:
        """Write all that is waiting, or nothing; a failure is kept for the next one who asks."""
        rows = [(key, *row) for key, row in self._pending.items()]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_PUT, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._trouble = error
        else:
            self._pending.clear()
            self._trouble = None
        finally:  # also after a Ctrl-C half way: the next one to write must find no transaction open
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _telling(self, failed: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._told(error, failed) from None

    def _told(self, error: sqlite3.Error, failed: str) -> StoreError:
        if _is_damage(error):
            return StoreError(
                f"the store {self.path} is damaged ({error}): run again, which sets it aside, or {_WAY_OUT}."
            )
        return StoreError(
            f"the store {self.path} cannot be {failed} ({error}): see to that and run again, or {_WAY_OUT}; "
            "what it holds already is safe."
        )


def _read(key: bytes, label: str, at: float, reply: bytes, crc: int) -> StoredReply | None:
    try:
        return decode(label, at, reply) if check_sum(key, reply) == crc else None
    except (ValueError, TypeError, LookupError):
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time open a store in this folder.

    While one renames a damaged file, another that has it open would delete, on closing, the side files of the new one.
    """
    if sys.platform == "win32":  # there an open file cannot be renamed anyway
        yield
        return
    # late: Windows has none
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems know no such lock
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(path: Path, check: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        _refuse_strangers(db, path)
        if check and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found.splitlines()[-1])  # a line before it names the database, "main"
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # in WAL: a sync at checkpoints only
        # Also when all is there already: a file that cannot be written is noticed here and not after the first reply.
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


def _refuse_strangers(db: sqlite3.Connection, path: Path) -> None:
    # Tables before marks: another process may be making both, in one transaction, at this moment.
    has_tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if has_tables and application != _APPLICATION:
        raise UserError(f"{path} is an SQLite file of another program: {_WAY_OUT}.")
    if version > SCHEMA:
        raise UserError(
            f"{path} is a store of version {version}, and this mmlubench knows version {SCHEMA}: "
            f"use a newer mmlubench, or {_WAY_OUT}."
        )


def _begin_anew(path: Path, damage: sqlite3.Error) -> tuple[sqlite3.Connection, str]:
    """Rename the damaged file, and side files that another process may still hold; open a new one."""
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
    """Whether the file itself is broken. SQLite's other troubles (disk, locks, rights) have classes of their own."""
    return type(error) is sqlite3.DatabaseError


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextmanager
def _told_as_unusable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"the store {path} cannot be opened ({reason}): {_WAY_OUT}.") from None
