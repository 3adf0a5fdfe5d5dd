"""The open file of a store: transactions, locks of other processes, and a file that is deleted while it is open."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmlubench.engine.store import weights
from mmlubench.engine.store.opening import ADD, open_file, open_to_read

#: Seconds for which the event loop waits for a lock. Other runs hold it for a few milliseconds at a time, but many of
#: them may want it; one that stays is tried again and again for less, so that requests go on meanwhile.
_LOOP_WAITS_S, _LOOP_TRIES_S = 0.5, 0.02
#: Seconds for which a lock is taken for one that will end. Replies wait in memory meanwhile.
PATIENCE_S = 60.0
_ALL = "SELECT key, model, at, reply, crc FROM replies"


class Database:
    """One connection to the file of a store. Used by one thread only."""

    def __init__(self, path: Path, connection: sqlite3.Connection, notice: str = "") -> None:
        """`path` is resolved: SQLite keeps the side files beside the file that a link leads to."""
        self.path = path
        self.notice = notice
        """One sentence for the user about the file, if it was damaged or deleted; else empty."""
        self.is_closed = False
        self._is_strained = False
        """Whether another process has kept the lock for long."""
        self._use(connection)

    @classmethod
    def open(cls, path: Path, *, check: bool) -> Database:
        """Open or make the file. Raises as `open_file` does."""
        return cls(path, *open_file(path, check=check))

    @classmethod
    def open_to_read(cls, path: Path) -> Database:
        """Open a file that is there, for a look. Raises as `opening.open_to_read` does."""
        return cls(path, open_to_read(path))

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        """Execute a statement. Raises sqlite3.Error."""
        return self.connection.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A context whose changes are all made at its end, or none of them. Raises sqlite3.Error."""
        connection = self.connection
        try:
            self._lock(connection)
            yield connection
            connection.execute("COMMIT")
        finally:  # also after a Ctrl-C half way: the next write must find no open transaction
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _lock(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if is_busy(error) and not self._is_strained:
                self._is_strained = True
                self.wait_for_locks(_LOOP_TRIES_S)
            raise
        if self._is_strained:
            self._is_strained = False
            self.wait_for_locks()

    def wait_for_locks(self, seconds: float = _LOOP_WAITS_S) -> None:
        """Set how long each statement waits for a lock of another process; by default, as the event loop can."""
        self.connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def stay(self) -> bool:
        """Make the file anew if it was deleted or renamed since the last call; return whether that was so.

        The deleted file can still be read through this connection, so all its replies are copied. Raises UserError,
        OSError or sqlite3.Error if no new file can be made, and FileNotFoundError if only the log was deleted.
        """
        if _identity(self.path) == self._is:
            if _identity(self._log) == self._log_is:
                return False
            # Opening the file again would begin a second log beside the one that other processes still write.
            raise FileNotFoundError(None, f"its log {self._log.name} was deleted while the run went on")
        connection, _ = open_file(self.path, check=False)
        connection.execute("BEGIN IMMEDIATE")
        with suppress(sqlite3.DatabaseError):
            connection.executemany(ADD, self.connection.execute(_ALL))
            connection.executemany(weights.ADD, self.connection.execute(weights.ALL))
        connection.execute("COMMIT")
        _abandon(self.connection)
        self._use(connection)
        self.notice = (
            f"the store {self.path} was deleted or renamed while the run went on: it was made anew, "
            "with the replies of the old one"
        )
        return True

    def close(self) -> None:
        """Close the file; a second call does nothing.

        If its last changes cannot be moved from the log, the next process to open the file does that.
        """
        if self.is_closed:
            return
        self.is_closed = True
        if _identity(self.path) == self._is:
            with suppress(sqlite3.Error):
                self.connection.close()
        else:
            _abandon(self.connection)

    def _use(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._is_strained = False
        self.wait_for_locks()
        self._log = self.path.with_name(self.path.name + "-wal")
        self._is, self._log_is = _identity(self.path), _identity(self._log)


def is_busy(error: BaseException) -> bool:
    """Whether another process holds a lock, so that trying again may help."""
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(
        ("database is locked", "database table is locked", "database schema is locked", "locking protocol")
    )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None for no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _abandon(connection: sqlite3.Connection) -> None:
    """Be rid of a connection to a deleted file: closing it would delete, by name, the log of the file there now."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        connection.close()
        return
    # late: nothing else needs it
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # it is never closed, not even at exit
