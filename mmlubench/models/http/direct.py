"""The transport of most requests: plain HTTP/1.1 over connections of our own; aiohttp carries what is unusual."""

from __future__ import annotations

import asyncio
import re
import socket
from time import perf_counter
from typing import Any

import orjson
from aiohappyeyeballs import start_connection

from mmlubench import __version__
from mmlubench.errors import Rejected
from mmlubench.models.http import transport as http
from mmlubench.models.http.byte_limit import Broken, TooLong
from mmlubench.models.http.connection import Allowed, Connection, Malformed
from mmlubench.models.http.proxies import proxy_of
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.transport import AioTransport, Timeouts, Transport
from mmlubench.models.http.way import Way
from mmlubench.models.tls import USUAL_TLS, Tls

#: Addresses that are sent as they are: without user name, query, percent sign, dot segment or letters beyond ASCII.
_USUAL = re.compile(
    r"(https?)://([a-z0-9](?:[\w.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?((?:/[\w~-][\w.~-]*)*/?)",
    re.ASCII | re.IGNORECASE,
)
#: A host name is looked up again after this time (seconds).
_LOOKUP_S = 10.0
#: The next address of a host is tried besides the one before after this time (seconds; RFC 8305).
_NEXT_ADDRESS_S = 0.25


def plain_transport(
    base_url: str,
    *,
    key: str | None,
    pool: int,
    timeouts: Timeouts = http.USUAL_TIMEOUTS,
    tls: Tls = USUAL_TLS,
) -> Transport:
    """Make the transport to a server that needs no vendor's SDK.

    It is a DirectTransport, or an AioTransport where a proxy is set, for an address of another form than `_USUAL`, and
    for a key that is no plain ASCII. Raises ModelError for a proxy or certificates that cannot be used.
    """
    usual = _USUAL.fullmatch(base_url)
    is_usual = usual and int(usual[3] or 0) < 1 << 16 and (not key or (key.isascii() and key.isprintable()))
    kind = DirectTransport if is_usual and proxy_of(base_url) is None else AioTransport
    return kind(base_url, key=key, pool=pool, timeouts=timeouts, tls=tls)


class DirectTransport:
    """A Transport that speaks HTTP/1.1 itself, with or without TLS; `plain_transport` tells where it cannot be used."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None,
        pool: int,
        timeouts: Timeouts = http.USUAL_TIMEOUTS,
        tls: Tls = USUAL_TLS,
    ) -> None:
        """`pool` is how many connections may be open, all kept alive. Raises ValueError for an unusual address."""
        self._way = Way(base_url, tls)
        usual = _USUAL.fullmatch(base_url)
        if usual is None:
            raise ValueError(f"{base_url} is no usual address: AioTransport may be able to ask it")
        scheme, host, port, self._folder = usual.groups()
        standard = 443 if scheme.lower() == "https" else 80
        self._host, self._port = host.strip("[]").lower(), int(port or standard)
        headers = {
            "Host": host.lower() if self._port == standard else f"{host.lower()}:{self._port}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"mmlubench/{__version__}",
        } | ({"Authorization": f"Bearer {key}"} if key else {})
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._base_url, self._pool, self._timeouts = base_url, pool, timeouts
        self._heads: dict[str, bytes] = {}
        self._places = asyncio.Semaphore(pool)
        self._open: set[Connection] = set()
        self._free: list[Connection] = []
        self._lookup: tuple[float, asyncio.Future[Any]] | None = None

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """See `Transport`."""
        try:
            content = orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise Rejected(http.unsendable(error)) from None
        head = self._heads.get(path) or self._head(path)
        return await self._reply(b"%b%d\r\n\r\n%b" % (head, len(content), content))

    async def get(self, path: str) -> Reply:
        """See `Transport`."""
        return await self._reply(f"GET {self._folder}{path} HTTP/1.1\r\n{self._headers}\r\n".encode("ascii"))

    async def _reply(self, request: bytes) -> Reply:
        limits = self._timeouts
        allowed = Allowed(perf_counter() + limits.total_s, limits.silence_s, http.MOST_BYTES)
        try:
            reply = await self._exchange(request, allowed)
        except asyncio.TimeoutError:
            raise self._way.too_slow(limits.connect_s, limits.total_s) from None
        except TooLong as error:
            raise http.too_long(self._base_url, error) from None
        except Malformed as error:
            raise await self._way.no_http(str(error)) from None
        except (Broken, OSError, UnicodeError) as error:  # UnicodeError: a name that DNS does not allow
            raise await self._way.failure(error) from None
        self._way.was_reached = True
        return reply

    async def aclose(self) -> None:
        """See `Transport`."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._free.clear()
        self._places, self._lookup = asyncio.Semaphore(self._pool), None
        await asyncio.sleep(0)  # asyncio closes the sockets in the next round of the event loop

    def _head(self, path: str) -> bytes:
        head = f"POST {self._folder}{path} HTTP/1.1\r\n{self._headers}Content-Length: "
        return self._heads.setdefault(path, head.encode("ascii"))

    async def _exchange(self, request: bytes, allowed: Allowed) -> Reply:
        places = self._places
        if places.locked():
            await asyncio.wait_for(places.acquire(), allowed.until - perf_counter())
        else:
            await places.acquire()
        try:
            connection = self._kept() or await self._opened(allowed.until - perf_counter())
            try:
                return await connection.ask(request, allowed)
            finally:
                connection.release()
                if connection.is_free:
                    self._free.append(connection)
                else:  # it failed, its server wants it closed, or the request was cancelled
                    self._drop(connection)
        finally:
            places.release()

    def _kept(self) -> Connection | None:
        """Take the free connection that was used last; those that are too old for another use are closed."""
        while self._free:
            connection = self._free.pop()
            if connection.is_free and perf_counter() - connection.free_since < http.IDLE_S:
                return connection
            self._drop(connection)
        return None

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open.discard(connection)

    async def _opened(self, left_s: float) -> Connection:
        connection = await asyncio.wait_for(self._connect(), min(self._timeouts.connect_s, left_s))
        self._open.add(connection)
        return connection

    async def _connect(self) -> Connection:
        tls = self._way.tls_context()
        to = await start_connection(await self._addresses(), happy_eyeballs_delay=_NEXT_ADDRESS_S)
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, sock=to, ssl=tls, server_hostname=self._host if tls is not None else None
        )
        return connection

    async def _addresses(self) -> Any:
        """Look the host up, once for all connections that are opened within some seconds."""
        loop = asyncio.get_running_loop()
        if self._lookup is None or loop.time() - self._lookup[0] > _LOOKUP_S:
            address = (self._host, self._port, 0, socket.SOCK_STREAM)
            try:
                looking = loop.run_in_executor(None, socket.getaddrinfo, *address)
            except RuntimeError as error:  # no thread can be started
                raise OSError(str(error)) from error
            self._lookup = loop.time(), looking
        try:
            return await asyncio.shield(
                self._lookup[1]
            )  # one request may be cancelled, and the others still need it
        except (OSError, UnicodeError):
            self._lookup = None
            raise
