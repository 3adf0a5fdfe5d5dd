"""Leases: of several runs that use one store at the same time, one asks each question, and the others wait for it.

Every process that asks has a row in the table `askers`. A process that is alone takes no lease and only looks, four
times a second, whether another has come. Then it leases the requests that it has under way and notes in `seen` whom it
has seen. The newcomer waits for that, and from then on every request needs a lease, all those of one turn of the event
loop in one transaction. A reply and the end of its lease are written together.

An asker proves that it is alive by counting up `beat`. If its count stands still for `LATE_S` seconds by the clock of
those who watch, or its process is gone, its leases are free. No time of day is compared, as clocks are set and differ.
Processes of one run (`-n 4`) have questions of their own, and take leases only because of other runs.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mmlubench.engine.store.database import PATIENCE_S, Database, is_busy

#: Seconds without a sign of life after which an asker's leases are free.
LATE_S = 15.0
_LOOK_EVERY_S = 0.25
_LEASE = "INSERT OR IGNORE INTO leases VALUES (?, ?)"
_ASKERS = "SELECT id, run, host, pid, beat, seen FROM askers"


@dataclass(slots=True)
class _Claim:
    """A request that waits for its lease: a reply from before `since` is none."""

    since: float
    granted: asyncio.Future[bool]


class Leases:
    """The leases of one process. `run` is a text that the processes of one run have in common."""

    def __init__(self, database: Database, run: str) -> None:
        self.shared = False
        """Whether another run asks from this store."""
        self._database, self._run = database, run
        self._me = 0
        """The id of this process among the askers; 0 before it is one."""
        self._is_known = False
        """Whether all other askers have leased what they had under way when this process came."""
        self._under_way: set[bytes] = set()
        self._failed: set[bytes] = set()
        """Requests that ended without a reply: their leases are given back with the next transaction."""
        self._claims: dict[bytes, list[_Claim]] = {}
        self._heard: dict[int, tuple[int, float]] = {}
        """The last beat of each other asker, and when it was first seen, on the monotonic clock."""
        self._version = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._will_grant = False
        self._locked_since: float | None = None

    def must_claim(self) -> bool:
        """Whether a request needs a lease before it is sent; called from a running event loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._tick(loop)
        return self.shared

    async def claim(self, key: bytes, since: float) -> bool:
        """Wait until this process is to ask (True), or until the store has a reply from another one (False)."""
        claim = _Claim(since, asyncio.get_running_loop().create_future())
        self._claims.setdefault(key, []).append(claim)
        if self._is_known and not self._will_grant:
            self._will_grant = True
            asyncio.get_running_loop().call_soon(self._grant)
        try:
            return await claim.granted
        except asyncio.CancelledError:
            if claim.granted.done() and not claim.granted.cancelled():  # given this moment, and not used
                self._failed.add(key)
            raise

    def begin(self, key: bytes) -> None:
        """Note that a request is under way."""
        self._under_way.add(key)

    def failed(self, key: bytes) -> None:
        """Note that a request has ended without a reply."""
        self._under_way.discard(key)
        if self.shared:
            self._failed.add(key)

    def answered(self, connection: sqlite3.Connection, keys: Collection[bytes]) -> None:
        """End the leases of requests in the transaction that writes their replies. Raises sqlite3.Error."""
        if self.shared:
            connection.executemany("DELETE FROM leases WHERE key = ?", ((key,) for key in keys))

    def written(self, keys: Iterable[bytes]) -> None:
        """Note that the replies of requests are in the store: until then others must not ask them."""
        self._under_way.difference_update(keys)

    def leave(self) -> None:
        """Be no asker any more."""
        if self._me:
            with suppress(sqlite3.Error), self._database.transaction() as connection:
                _remove(connection, [self._me])
        self._me, self._loop, self.shared = 0, None, False

    def begin_anew(self) -> None:
        """Be a newcomer: the file was made anew."""
        self._me, self._version = 0, -1

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        loop.call_later(_LOOK_EVERY_S, self._tick, loop)
        try:
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
            if self.shared or not self._me or version != self._version:
                self._look()
                self._version = version
        except sqlite3.Error as error:
            self._endure(error)

    def _look(self) -> None:
        """Show a sign of life, see who else is there, and take the leases that are free. Raises sqlite3.Error."""
        if not self.shared and self._is_alone():
            return
        with self._database.transaction() as connection:
            askers = connection.execute(_ASKERS).fetchall()
            if self._me not in (asker[0] for asker in askers):
                self._me = self._join(connection)
            gone = [id_ for id_, _, host, pid, beat, _ in askers if self._is_gone(id_, host, pid, beat)]
            _remove(connection, gone)
            rivals = [a for a in askers if a[0] not in (*gone, self._me) and a[1] != self._run]
            if rivals and not self.shared:
                connection.executemany(_LEASE, ((key, self._me) for key in self._under_way))
            elif not rivals and self.shared:
                connection.execute("DELETE FROM leases WHERE asker = ?", (self._me,))
            newest = max((asker[0] for asker in askers), default=self._me)
            connection.execute(
                "UPDATE askers SET beat = beat + 1, seen = max(seen, ?) WHERE id = ?", (newest, self._me)
            )
            self._is_known = all(seen >= self._me for *_, seen in rivals)
            settled = self._take(connection) if self._is_known else {}
        self.shared = bool(rivals)
        self._settle(settled)

    def _is_alone(self) -> bool:
        """Whether there is nothing to write: processes of one run would wake each other with it for ever."""
        askers = self._database.execute(_ASKERS).fetchall()
        return (
            bool(self._me)
            and all(run == self._run for _, run, *_ in askers)
            and self._me in {a[0] for a in askers}
        )

    def _join(self, connection: sqlite3.Connection) -> int:
        values = (self._run, _host(), os.getpid())
        statement = "INSERT INTO askers (run, host, pid, beat, seen) VALUES (?, ?, ?, 0, 0)"
        return int(connection.execute(statement, values).lastrowid or 0)

    def _is_gone(self, asker: int, host: str, pid: int, beat: int) -> bool:
        if asker == self._me:
            return False
        before, since = self._heard.get(asker, (None, 0.0))
        # Only together with other runs are beats counted up all the time.
        if beat != before or not self.shared:
            since = time.monotonic()
            self._heard[asker] = beat, since
        return is_dead(host, pid) or time.monotonic() - since > LATE_S

    def _grant(self) -> None:
        self._will_grant = False
        try:
            with self._database.transaction() as connection:
                settled = self._take(connection)
        except sqlite3.Error as error:
            self._endure(error)
        else:
            self._settle(settled)

    def _take(self, connection: sqlite3.Connection) -> dict[bytes, float | None]:
        """Take the leases that are free; return the requests that need not wait, with the time of their reply.

        Raises sqlite3.Error.
        """
        connection.executemany(
            "DELETE FROM leases WHERE key = ? AND asker = ?", ((key, self._me) for key in self._failed)
        )
        settled: dict[bytes, float | None] = {}
        for key, claims in self._claims.items():
            claims[:] = [
                claim for claim in claims if not claim.granted.done()
            ]  # a case may have been stopped
            (at,) = connection.execute("SELECT max(at) FROM replies WHERE key = ?", (key,)).fetchone()
            if claims and (at is None or any(at < claim.since for claim in claims)):
                connection.execute(_LEASE, (key, self._me))
                (holder,) = connection.execute("SELECT asker FROM leases WHERE key = ?", (key,)).fetchone()
                if holder != self._me:
                    continue
            settled[key] = at
        return settled

    def _settle(self, settled: Mapping[bytes, float | None]) -> None:
        """Let the requests of a transaction that has succeeded go on."""
        self._locked_since = None
        self._failed.clear()
        for key, at in settled.items():
            for claim in self._claims.pop(key):
                claim.granted.set_result(at is None or at < claim.since)

    def _endure(self, error: sqlite3.Error) -> None:
        """Try again at the next tick, or ask without leases: what is wrong with the file is for the store to tell."""
        now = time.monotonic()
        self._locked_since = self._locked_since or now
        if not is_busy(error) or now - self._locked_since > PATIENCE_S:
            self._settle(dict.fromkeys(self._claims))


def others(database: Database, run: str) -> list[int]:
    """Return the process ids of other runs that ask from this store, as far as they are alive. Raises sqlite3.Error."""
    askers = database.execute(_ASKERS).fetchall()
    return sorted(pid for _, of, host, pid, *_ in askers if of != run and not is_dead(host, pid))


def is_dead(host: str, pid: int) -> bool:
    """Whether a process of this computer is gone; False for those of others."""
    if host != _host() or sys.platform == "win32":  # there, os.kill would end it
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@lru_cache(maxsize=1)
def _host() -> str:
    """Name this computer; two containers on it have processes of their own."""
    try:
        processes = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()} {processes}"


def _remove(connection: sqlite3.Connection, askers: Collection[int]) -> None:
    for table, column in (("leases", "asker"), ("askers", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ((asker,) for asker in askers))
