"""HTTP transports: send a JSON body to a path, return status, headers and bytes.

There are three, because their costs differ by a factor of twenty-five. Measured on 2 cores with 64 requests in flight,
a vendor's SDK costs about 0.9 ms of CPU a call, aiohttp 0.14 ms, and the protocol in `direct.py` 0.04 ms. At a vendor's
own address the SDK is worth its cost: it knows the authentication, the headers and the API version. A user's own server
needs none of these, and the SDK would be the bottleneck. aiohttp carries what `direct.py` does not: a proxy, above all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import orjson

from mmlubench.errors import BadReply, ProviderError, Rejected
from mmlubench.models.http import byte_limit
from mmlubench.models.http.byte_limit import ARRIVING, UNCOUNTED, Broken, Crowded, Size, TooLong
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.way import Refusal, Way
from mmlubench.models.tls import USUAL_TLS, Tls
from mmlubench.settings import Settings

if TYPE_CHECKING:
    import aiohttp
    import httpx2

#: Idle connections are closed after this time (seconds): uvicorn, which most servers use, closes them after 5 s, and
#: reusing one that it has closed would fail.
IDLE_S = 4.0
#: The largest body that is read.
MOST_BYTES = byte_limit.MOST_BYTES
#: The encodings that `byte_limit.unpacked` undoes: no client library unpacks a body, as each has limits of its own.
ACCEPTED = "gzip, deflate"
#: The size of the reply that a task waits for, for the hook that reads its body.
_size: ContextVar[Size | None] = ContextVar("size", default=None)


class Timeouts(NamedTuple):
    """Timeouts of a request, in seconds."""

    connect_s: float = 10.0
    """For a connection."""
    total_s: float = Settings.request_timeout
    """For everything, from the connection to the last byte of the reply."""
    read_s: float | None = None
    """The time without a single byte; None for `total_s`, since a server may send none until its reply is complete."""

    @classmethod
    def within(cls, total_s: float) -> Timeouts:
        """Return the usual timeouts with another total."""
        return cls(connect_s=min(USUAL_TIMEOUTS.connect_s, total_s), total_s=total_s)

    @property
    def silence_s(self) -> float:
        """The seconds without a byte after which a request fails."""
        return self.total_s if self.read_s is None else self.read_s


USUAL_TIMEOUTS = Timeouts()


class Transport(Protocol):
    """Sends a request to a server and returns the response."""

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """Send `body` as JSON and return the response, whatever its status.

        Raises Unreachable if no complete response arrives, OutOfSockets if this machine cannot open a connection, and
        BadReply if the response has more than `MOST_BYTES`: no model replies at such length, so the address is most
        likely not that of a model.
        """
        ...

    async def get(self, path: str) -> Reply:
        """Request `path` without a body. Raises the same errors."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class SdkTransport:
    """A Transport over the low-level `post` of a vendor's SDK, without the SDK's retries: the engine retries."""

    def __init__(
        self,
        sdk: str,
        base_url: str,
        *,
        key: str | None,
        pool: int,
        timeouts: Timeouts = USUAL_TIMEOUTS,
        tls: Tls = USUAL_TLS,
    ) -> None:
        """`sdk` is `openai` or `anthropic`; `pool` is how many connections may be open, all kept alive.

        Raises ModelError for a proxy or certificates that cannot be used.
        """
        self._sdk = sdk
        self._way = Way(base_url, tls)
        self._base_url = base_url
        self._key = key or "none"  # both SDKs require a key; a server that needs none ignores it
        self._pool = pool
        self._timeouts = timeouts
        self._client: Any = None

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """See `Transport`."""
        client = self._client or self._open()
        return await self._reply(client.post(path, cast_to=self._response, body=body))

    async def get(self, path: str) -> Reply:
        """See `Transport`."""
        client = self._client or self._open()
        return await self._reply(client.get(path, cast_to=self._response))

    async def _reply(self, asking: Coroutine[Any, Any, Any]) -> Reply:
        vendor = self._vendor
        size = Size(ARRIVING)
        _size.set(size)
        # `from None` throughout: a vendor's exception holds the request, which holds the key.
        try:
            # The SDK's own timeouts apply to single reads: a server that sends a byte now and then never exceeds them.
            response = await asyncio.wait_for(asking, self._timeouts.total_s)
        except vendor.APIStatusError as error:
            response = error.response
        except (vendor.APITimeoutError, asyncio.TimeoutError):
            raise self._way.too_slow(self._timeouts.connect_s, self._timeouts.total_s) from None
        except vendor.APIConnectionError as error:
            if isinstance(error.__cause__, ProviderError):
                raise error.__cause__ from None
            raise await self._failure(error) from None
        except (TypeError, ValueError) as error:
            raise Rejected(unsendable(error)) from None
        finally:
            size.release()  # what follows runs in the same turn of the event loop, up to the parsed reply
        self._way.was_reached = True
        return Reply(response.status_code, response.headers, response.content)

    def _open(self) -> Any:
        # At the first request: an SDK takes 0.7 s to import, and its client belongs to the running event loop.
        from importlib import import_module

        import httpx2

        self._vendor: ModuleType = import_module(self._sdk)
        self._response = httpx2.Response
        make = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}[self._sdk]
        self._client = getattr(self._vendor, make)(
            api_key=self._key,
            base_url=self._base_url,
            max_retries=0,
            http_client=self._http_client(),
            default_headers={"Accept-Encoding": ACCEPTED},
        )
        return self._client

    def _http_client(self) -> httpx2.AsyncClient:
        """Make the SDK's kind of HTTP client with a pool as large as the concurrency; its default pool is smaller."""
        import httpx2

        way = self._way
        limits = httpx2.Limits(max_connections=self._pool, max_keepalive_connections=self._pool)
        timeout = httpx2.Timeout(self._timeouts.silence_s, connect=self._timeouts.connect_s)
        make = cast("Callable[..., httpx2.AsyncClient]", self._vendor.DefaultAsyncHttpxClient)
        hooks = {"response": [self._bound]}
        # No redirects: HTTP clients drop only `Authorization` for another host, and would send it the x-api-key.
        return make(
            limits=limits,
            timeout=timeout,
            follow_redirects=False,
            event_hooks=hooks,
            verify=way.tls_context() if way.has_own_trust else True,
            proxy=way.proxy and way.proxy.url,
            trust_env=False,  # the environment was read by `Way`, in the same manner for all transports
        )

    async def _failure(self, error: Exception) -> ProviderError:
        inner = error.__cause__
        if (
            type(inner).__name__ == "ProxyError"
        ):  # its text is the status line, such as `407 Authentication Required`
            status, _, said = str(inner).partition(" ")
            if status.isdigit():
                return self._way.proxy_refusal(Refusal(int(status), said))
        return await self._way.failure(inner or error)

    async def _bound(self, response: httpx2.Response) -> None:
        """Called by the client before it reads a body: read and unpack it here, within the limits."""
        import httpx2

        stream = cast("httpx2.AsyncByteStream", response.stream)
        try:
            content = await _whole(
                cast("AsyncGenerator[bytes, None]", stream.__aiter__()),
                response.headers.get("content-length"),
                response.headers.pop("content-encoding", ""),
                _size.get() or Size(ARRIVING),
            )
        except TooLong as error:
            raise too_long(self._base_url, error) from None
        except Broken as error:
            raise await self._way.failure(error) from None
        await stream.aclose()
        response.stream = httpx2.ByteStream(content)

    async def aclose(self) -> None:
        """See `Transport`."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class AioTransport:
    """A Transport over aiohttp, for a user's own servers behind a proxy or with an address that is out of the usual."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None,
        pool: int,
        timeouts: Timeouts = USUAL_TIMEOUTS,
        tls: Tls = USUAL_TLS,
    ) -> None:
        """As `SdkTransport`."""
        self._base_url = base_url
        self._way = Way(base_url, tls)
        self._timeouts = timeouts
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._pool = pool
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, Any] = {}

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """See `Transport`."""
        try:
            content = orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise Rejected(unsendable(error)) from None
        return await self._reply("POST", path, content)

    async def get(self, path: str) -> Reply:
        """See `Transport`."""
        return await self._reply("GET", path, None)

    async def _reply(self, method: str, path: str, body: bytes | None) -> Reply:
        session = self._session or self._open()
        url = self._urls.get(path) or self._url(path)
        size = Size(ARRIVING)
        try:
            # A redirect would turn the POST into a GET; its status is reported instead.
            async with session.request(method, url, data=body, allow_redirects=False) as response:
                content = await self._content(response, size)
        except self._timeout:
            raise self._way.too_slow(self._timeouts.connect_s, self._timeouts.total_s) from None
        except self._refused as error:
            raise self._way.proxy_refusal(Refusal(error.status, error.message)) from None
        except self._malformed as error:
            said = error.message.partition("\n")[0].rstrip(": ")  # the further lines quote the response
            raise await self._way.no_http(said) from None
        except self._failure as error:
            raise await self._way.failure(error) from None
        except Broken as error:
            raise await self._way.failure(error) from None
        except TooLong as error:
            raise too_long(self._base_url, error) from None
        finally:
            size.release()  # what follows runs in the same turn of the event loop, up to the parsed reply
        self._way.was_reached = True
        return Reply(response.status, response.headers, content)

    async def _content(self, response: aiohttp.ClientResponse, size: Size) -> bytes:
        headers = response.headers
        parts = _parts(response.content)
        coding = headers.get("Content-Encoding", "")
        return await _whole(parts, headers.get("Content-Length"), coding, size)

    def _url(self, path: str) -> Any:
        from yarl import URL

        return self._urls.setdefault(path, URL(self._base_url + path))

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        self._timeout = asyncio.TimeoutError
        self._malformed, self._failure = aiohttp.ClientResponseError, (aiohttp.ClientError, OSError)
        self._refused = aiohttp.ClientHttpProxyError
        way = self._way
        # sock_connect and not connect, which would include the time spent waiting for a free connection.
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(
                limit=self._pool, keepalive_timeout=IDLE_S, ssl=way.tls_context() or True
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total_s,
                sock_connect=self._timeouts.connect_s,
                sock_read=self._timeouts.silence_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=way.proxy and way.proxy.url,
        )
        return self._session

    async def aclose(self) -> None:
        """See `Transport`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _parts(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    while part := await content.readany():
        yield part


async def _whole(parts: AsyncGenerator[bytes, None], length: str | None, coding: str, size: Size) -> bytes:
    """Read and unpack a body. Raises TooLong, Crowded and Broken."""
    if byte_limit.is_too_long(length, MOST_BYTES):
        raise TooLong
    body, coding = bytearray(), coding.strip().lower()
    async with aclosing(parts):
        async for part in parts:
            body += part
            if len(body) > MOST_BYTES:
                raise TooLong
            if len(body) > UNCOUNTED:
                await size.reserved(byte_limit.needed(len(body), length, coding, MOST_BYTES))
    if coding:
        await size.reserved(byte_limit.needed(len(body), str(len(body)), coding, MOST_BYTES))
    return byte_limit.unpacked(bytes(body), coding, MOST_BYTES)


def too_long(base_url: str, error: TooLong | None = None) -> BadReply:
    """Return the error for a body of more than `MOST_BYTES`, or one for which others leave no room."""
    if isinstance(error, Crowded):
        return BadReply(
            f"{base_url} sent too much: the replies that wait to be graded have more than "
            f"{byte_limit.MOST_EVER_WAITING / 1e6:.0f} MB; a lower --concurrency or --max-tokens keeps them few"
        )
    return BadReply(
        f"{base_url} sent more than {MOST_BYTES / 1e6:.0f} MB in one reply: is it a model's address?"
    )


def unsendable(error: Exception) -> str:
    """Return the message for a request that orjson refuses."""
    return f"the request cannot be written as JSON ({error}): its text is not valid Unicode"
