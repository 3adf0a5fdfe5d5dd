"""Opening the file of a store: a new one is made, a damaged one is replaced, and a file that is not ours is refused.

Every store has our number in its header (SQLite's `application_id`), from the moment at which it gets its name. A file
without that number, an empty one included, is never opened by SQLite, never renamed and never written to.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from mmlubench import private
from mmlubench.engine.store import salvage, weights
from mmlubench.errors import UserError
from mmlubench.figures import several

#: The version of the tables below. A store of an older version is upgraded, one of a newer version is refused.
SCHEMA = 1
SIDE_FILES = ("-wal", "-shm")
WAY_OUT = "give another file with --store PATH, or leave the store out with --no-store"

#: Marks the file as ours: "mmlu" in ASCII.
_APPLICATION = 0x6D6D6C75
#: Seconds to wait for a file that another process has locked, before anything is asked.
_BUSY_S = 10.0
#: A table with rowids keeps rows in order of arrival, so that one transaction writes neighbouring pages. WITHOUT ROWID
#: would order them by their random key, and a reply would cost twice as much to write.
_REPLIES = """
CREATE TABLE IF NOT EXISTS replies (
  key   BLOB PRIMARY KEY,
  model TEXT NOT NULL,
  at    REAL NOT NULL,
  reply BLOB NOT NULL,
  crc   INTEGER NOT NULL
)"""
#: Who asks, and which requests: `leases.py` explains them. They hold no replies, and older versions ignore them.
_ASKERS = """
CREATE TABLE IF NOT EXISTS askers (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  run  TEXT NOT NULL,
  host TEXT NOT NULL,
  pid  INTEGER NOT NULL,
  beat INTEGER NOT NULL,
  seen INTEGER NOT NULL
)"""
_LEASES = "CREATE TABLE IF NOT EXISTS leases (key BLOB PRIMARY KEY, asker INTEGER NOT NULL) WITHOUT ROWID"
#: The tables that older versions ignore, and that a store which they made lacks.
_BESIDE = (_ASKERS, _LEASES, weights.TABLE)
#: Adds a row unless the store has a newer reply under that key.
ADD = """
INSERT INTO replies (key, model, at, reply, crc) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET model = excluded.model, at = excluded.at, reply = excluded.reply, crc = excluded.crc
WHERE excluded.at > replies.at"""


def open_file(path: Path, *, check: bool) -> tuple[sqlite3.Connection, str]:
    """Open the store at a resolved path, making it and its folder if there is none; return a notice as well.

    A damaged store is renamed, its readable replies are copied into a new one, and the notice says so; else it is
    empty. `check` looks for damage in the whole file. Raises UserError for a file that is not ours or is of a newer
    version, OSError and sqlite3.Error for a place that cannot be used.
    """
    private.make_folder(path.parent)
    with _locked(path.parent):
        damage = ""
        if _is_new(path):
            if not path.with_name(path.name + "-wal").exists():
                _create(path)
                return _connect(path, check=False), ""
            damage = "its log is there without it"
        try:
            if not damage:
                return _connect(path, check), ""
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            damage = str(error)
        return _replace_damaged(path, damage)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open an existing store, and change nothing if it is damaged. Raises as `open_file`, and sqlite3.DatabaseError."""
    if _is_new(path):
        raise UserError(f"there is no store at {path}.")
    try:
        return _connect(path, check=True)
    except sqlite3.OperationalError:
        # In a folder that cannot be written to, SQLite reads a database that nobody has open: one without a log.
        if any(path.with_name(path.name + end).exists() for end in SIDE_FILES):
            raise
        return sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, isolation_level=None)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged. SQLite's other errors (disk, locks, permissions) are of subclasses."""
    return type(error) is sqlite3.DatabaseError


def _is_new(path: Path) -> bool:
    """Whether there is no file; raises UserError for one that is not ours, or is of a newer version."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise UserError(f"the store {path} is {kind}, and a file is needed: {WAY_OUT}.")
    with closing(salvage.Pages(path)) as pages:
        header = pages.page(1)
        if mode is None:
            log = path.with_name(path.name + "-wal")
            if log.exists() and not pages.has_log:
                raise UserError(
                    f"{log} is a file of another program, where the store keeps its log: {WAY_OUT}."
                )
            return True
    if not header:
        raise UserError(f"{path} is an empty file, and no store: delete it, or {WAY_OUT}.")
    if len(header) < 100 or int.from_bytes(header[68:72], "big") != _APPLICATION:
        raise UserError(f"{path} is a file of another program, and is left as it is: {WAY_OUT}.")
    version = int.from_bytes(header[60:64], "big")
    if SCHEMA < version < 1000:  # any other number is damage
        raise UserError(
            f"{path} is a store of version {version}, and this mmlubench knows versions up to {SCHEMA}: "
            f"use a newer mmlubench, or {WAY_OUT}."
        )
    return False


@contextmanager
def _unnamed(
    path: Path, rows: Iterable[salvage.Row] = (), of_weights: Iterable[salvage.Row] = ()
) -> Iterator[tuple[Path, int]]:
    """Make a store with these rows beside `path`, for the context to give it its name; return the number of replies.

    No half of a store ever has that name, and nothing that it stands for is lost if there is no room for it.
    """
    unnamed = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    os.close(os.open(unnamed, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(unnamed, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            for table in (_REPLIES, *_BESIDE):
                db.execute(table)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            db.executemany(ADD, rows)
            db.executemany(weights.ADD, of_weights)
            db.execute("COMMIT")
            count = db.execute("SELECT count(*) FROM replies").fetchone()[0]
        yield unnamed, count
    finally:
        for end in ("", "-journal"):
            unnamed.with_name(unnamed.name + end).unlink(missing_ok=True)


def _create(path: Path) -> None:
    with _unnamed(path) as (unnamed, _):
        try:
            os.link(unnamed, path)  # unlike a rename, this replaces no file that came meanwhile
        except OSError:  # a file system without links, or the file came meanwhile
            if not path.exists():
                unnamed.rename(path)


def _connect(path: Path, check: bool) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode=rw"  # a file that was deleted this moment is not made again, without our number
    db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        if check and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            # the line before only names the database, "main"
            raise sqlite3.DatabaseError(found.splitlines()[-1])
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # in WAL mode: a sync at checkpoints only
        # Even if the tables exist: a file that cannot be written is noticed here, not after the first paid reply.
        db.execute("BEGIN IMMEDIATE")
        for table in _BESIDE:
            db.execute(table)
        db.execute("COMMIT")
        db.execute("SELECT count(*) FROM (SELECT 1 FROM replies LIMIT 1)")
    except sqlite3.OperationalError as error:
        db.close()
        if str(error).startswith(("no such table", "malformed", "unsupported file format")):
            raise sqlite3.DatabaseError(str(error)) from None
        raise
    except UnicodeDecodeError:  # SQLite's own sentence has damaged names in it
        db.close()
        raise sqlite3.DatabaseError("database disk image is malformed") from None
    except BaseException:
        db.close()
        raise
    return db


def _replace_damaged(path: Path, damage: str) -> tuple[sqlite3.Connection, str]:
    """Rename a damaged file and its side files, and copy its readable rows into a new one."""
    aside = _free_name(path)
    with _unnamed(path, salvage.rows(path), salvage.rows_of_weights(path)) as (unnamed, copied):
        for end in (*SIDE_FILES, ""):
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
        unnamed.rename(path)
    return _connect(path, check=False), (
        f"the store {path} was damaged ({damage}): it is now {aside.name} beside it, and a new one was begun with "
        f"the {several(copied, 'reply', 'replies')} that could be read"
    )


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S")
    names = (f"{path.name}.corrupt-{stamp}{f'-{n}' if n else ''}" for n in range(1_000_000))
    ends = ("", *SIDE_FILES)
    return next(
        path.with_name(name) for name in names if not any(path.with_name(name + end).exists() for end in ends)
    )


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
