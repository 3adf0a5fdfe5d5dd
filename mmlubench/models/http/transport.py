"""The HTTP seam: a path and a JSON body in, status, headers and bytes out.

Two siblings, because their costs differ by a factor of six. Measured on 2 cores, 64 requests in flight: the
vendor's SDK costs about 0.9 ms of CPU a call, raw aiohttp 0.16 ms. At a vendor's own address the SDK is worth
it: it knows the authentication, the headers and the API version. On one's own server the client would be the
bottleneck, and there is nothing to know but a URL.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import orjson

from mmlubench.errors import BadReply, Rejected, Unreachable
from mmlubench.inputs import LINE_BYTES
from mmlubench.settings import Settings

if TYPE_CHECKING:
    import aiohttp
    import httpx2

#: uvicorn, which most servers stand on, closes connections that were idle for 5 s; reusing one would fail.
_IDLE_S = 4.0
#: The longest body that is read to its end, as long as a line of `responses.jsonl` may be: no model writes that much,
#: and what a server sends without end, or in hundreds of replies at once, must not fill the memory.
MOST_BYTES = LINE_BYTES


class Reply(NamedTuple):
    """An HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Looked up by lower-case names."""
    content: bytes


class Timeouts(NamedTuple):
    """How long to wait for a server, in seconds."""

    connect_s: float = 10.0
    """For a connection."""
    total_s: float = Settings.request_timeout
    """For everything, from the connection to the last byte of the reply."""
    read_s: float | None = None
    """Without a single byte; None for as long as `total_s`: a slow server sends none until its reply is complete."""

    @classmethod
    def within(cls, total_s: float) -> Timeouts:
        """The usual ones, within another total."""
        return cls(connect_s=min(USUAL_TIMEOUTS.connect_s, total_s), total_s=total_s)

    @property
    def silence_s(self) -> float:
        """Seconds without a byte after which a request is given up."""
        return self.total_s if self.read_s is None else self.read_s


USUAL_TIMEOUTS = Timeouts()


class Transport(Protocol):
    """Whatever carries a request to a server."""

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """Send `body` as JSON. Raises Unreachable when no whole reply comes back, whatever its status.

        A reply of more than `MOST_BYTES` is a BadReply, since no protocol has such: asking again may help once or
        twice, and where it is all that a server sends, its address is no model's.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class SdkTransport:
    """The low-level `post` of a vendor's SDK, its own retries off: retrying is the engine's affair."""

    def __init__(
        self, sdk: str, base_url: str, *, key: str | None, pool: int, timeouts: Timeouts = USUAL_TIMEOUTS
    ) -> None:
        """`sdk` is `openai` or `anthropic`; `pool` is how many connections may be open, all kept alive."""
        self._sdk = sdk
        self._base_url = base_url
        self._key = key or "none"  # both SDKs insist on one; a server that needs none ignores it
        self._pool = pool
        self._timeouts = timeouts
        self._client: Any = None

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """See `Transport`."""
        client = self._client or self._open()
        vendor = self._vendor
        # `from None` throughout: a vendor's exception carries the request, and that carries the key.
        try:
            posting = client.post(path, cast_to=self._response, body=body)
            # The SDK's own time-outs are for single steps: a server that sends a byte now and then never meets them.
            response = await asyncio.wait_for(posting, self._timeouts.total_s)
        except vendor.APIStatusError as error:
            response = error.response
        except (vendor.APITimeoutError, asyncio.TimeoutError):
            raise Unreachable(_too_slow(self._base_url, self._timeouts)) from None
        except vendor.APIConnectionError as error:
            if isinstance(error.__cause__, BadReply):
                raise error.__cause__ from None
            raise Unreachable(_no_way(self._base_url, error)) from None
        except (TypeError, ValueError) as error:
            raise Rejected(_unsendable(error)) from None
        return Reply(response.status_code, response.headers, response.content)

    def _open(self) -> Any:
        # Here and not at import: an SDK takes 0.7 s to import, and the client belongs to the running loop.
        from importlib import import_module

        import httpx2

        self._vendor: ModuleType = import_module(self._sdk)
        self._response = httpx2.Response
        make = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}[self._sdk]
        self._client = getattr(self._vendor, make)(
            api_key=self._key, base_url=self._base_url, max_retries=0, http_client=self._http_client()
        )
        return self._client

    def _http_client(self) -> httpx2.AsyncClient:
        """Make the SDK's own kind of client; its default pool would cap the concurrency that was asked for."""
        import httpx2

        limits = httpx2.Limits(max_connections=self._pool, max_keepalive_connections=self._pool)
        timeout = httpx2.Timeout(self._timeouts.silence_s, connect=self._timeouts.connect_s)
        make = cast("Callable[..., httpx2.AsyncClient]", self._vendor.DefaultAsyncHttpxClient)
        hooks = {"response": [self._bound]}
        # A redirect would carry the key to another host, as no HTTP client knows that x-api-key is one.
        return make(limits=limits, timeout=timeout, follow_redirects=False, event_hooks=hooks)

    async def _bound(self, response: httpx2.Response) -> None:
        """Called by the client before it reads a body."""
        # late: it imports httpx2, which only the SDKs use
        from mmlubench.models.http.byte_limit import Bounded

        body = cast("httpx2.AsyncByteStream", response.stream)
        response.stream = Bounded(body, MOST_BYTES, _too_long(self._base_url))

    async def aclose(self) -> None:
        """See `Transport`."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class AioTransport:
    """aiohttp and orjson, for servers of one's own: the path of most requests, so it does little for each."""

    def __init__(
        self, base_url: str, *, key: str | None, pool: int, timeouts: Timeouts = USUAL_TIMEOUTS
    ) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._pool = pool
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, Any] = {}

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """See `Transport`."""
        session = self._session or self._open()
        url = self._urls.get(path) or self._url(path)
        try:
            # A redirect would turn the POST into a GET; its status is reported instead.
            async with session.post(url, data=orjson.dumps(body), allow_redirects=False) as response:
                return Reply(response.status, response.headers, await self._content(response))
        except self._timeout:
            raise Unreachable(_too_slow(self._base_url, self._timeouts)) from None
        except self._malformed as error:
            said = error.message.partition("\n")[0].rstrip(": ")  # the lines after it quote what was sent
            raise BadReply(f"{self._base_url} does not answer in HTTP: {said}") from None
        except self._failure as error:
            raise Unreachable(_no_way(self._base_url, error)) from None
        except orjson.JSONEncodeError as error:
            raise Rejected(_unsendable(error)) from None

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        """What `response.read` returns, but not without end."""
        parts, size = [], 0
        while part := await response.content.readany():
            size += len(part)
            if size > MOST_BYTES:
                raise _too_long(self._base_url)
            parts.append(part)
        return b"".join(parts)

    def _url(self, path: str) -> Any:
        from yarl import URL

        return self._urls.setdefault(path, URL(self._base_url + path))

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        self._timeout = asyncio.TimeoutError
        self._malformed, self._failure = aiohttp.ClientResponseError, (aiohttp.ClientError, OSError)
        # sock_connect and not connect: the latter would count the time spent waiting for a free connection.
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=self._pool, keepalive_timeout=_IDLE_S),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total_s,
                sock_connect=self._timeouts.connect_s,
                sock_read=self._timeouts.silence_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(self._base_url),
        )
        return self._session

    async def aclose(self) -> None:
        """See `Transport`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _proxy(url: str) -> str | None:
    """Look up the environment's proxy, once for all; this very machine is never behind one."""
    # late: slow to import, and of no use to a server of this machine
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return None if here or proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _too_slow(base_url: str, timeouts: Timeouts) -> str:
    allowed = f"{timeouts.connect_s:g} s to connect, {timeouts.total_s:g} s in all"
    return f"{base_url} did not answer in time ({allowed}); a slow server needs a longer --request-timeout"


def _too_long(base_url: str) -> BadReply:
    return BadReply(
        f"{base_url} sent more than {MOST_BYTES / 1e6:.0f} MB in one reply: is it a model's address?"
    )


def _no_way(base_url: str, error: BaseException) -> str:
    """Say what went wrong on the way, in the system's own words where it has any."""
    return f"cannot reach {base_url} ({_cause(error)}): is the server running and the address right?"


def _cause(error: BaseException) -> str:
    """Return the system's word, such as `Connection refused`; libraries wrap it in several errors of their own."""
    inner: BaseException | None = error
    while inner is not None:
        number = getattr(inner, "errno", None)
        if isinstance(inner, OSError) and number:
            return os.strerror(number) if number > 0 else str(inner.strerror)  # below 0: no such host
        inner = inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__


def _unsendable(error: Exception) -> str:
    return f"the request cannot be written as JSON ({error}): its text is not valid Unicode"
