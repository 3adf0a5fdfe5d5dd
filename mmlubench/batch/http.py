"""HTTP for files and batches: uploads and downloads of any length, with the key, proxy and certificates of the model.

It is plain aiohttp over the same `Way` as the interactive transports, and not the vendors' SDKs: one client then serves
all who copied OpenAI's files and batches, and results of 100 MB go to disk as they arrive.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from mmlubench.errors import BadReply, ProviderError
from mmlubench.models.http.failures import Failures, one_line
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.way import Refusal, Way
from mmlubench.models.spec import ModelSpec
from mmlubench.models.tls import USUAL_TLS
from mmlubench.private import opener

if TYPE_CHECKING:
    import aiohttp

#: Seconds to connect, and without a single byte: a provider may check a long upload before it answers.
_CONNECT_S, _SILENCE_S = 20.0, 600.0
_GOOD = range(200, 300)
#: What says that the content is at another address, which may be fetched from there.
_MOVED = (301, 302, 303, 307, 308)
#: What says for which organisation and project a key of OpenAI works, as OpenAI's SDK reads it.
_OPENAI_ENV = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
_ANTHROPIC_VERSION = "2023-06-01"


class BatchHttp:
    """Requests to one provider; errors are those of `models/http/failures.py`, with the key masked."""

    def __init__(self, spec: ModelSpec, key: str | None, base_url: str, *, by_bearer: bool = True) -> None:
        """`by_bearer` is False where a key has Anthropic's header. Raises ModelError for an unusable proxy."""
        self.failures = Failures(spec, key or "")
        self._spec, self._base_url = spec, base_url
        self._way = Way(base_url, spec.tls)
        self._headers = {"Accept-Encoding": "gzip, deflate"}
        if by_bearer:
            self._headers |= {"Authorization": f"Bearer {key}"} if key else {}
        else:
            self._headers |= {"anthropic-version": _ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
        if spec.client in ("openai", "responses") and not spec.self_hosted:
            self._headers |= {name: os.environ[v] for v, name in _OPENAI_ENV.items() if os.environ.get(v)}
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, **query: str) -> tuple[dict[str, Any], Mapping[str, str]]:
        """Return the object at a path, and the headers that came with it. Raises ProviderError."""
        async with self._asked("GET", path, params=query) as response:
            return self._object(await response.read()), response.headers

    async def listed(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the objects of a list, which is an array or stands under `data`. Raises ProviderError."""
        async with self._asked("GET", path, params=query) as response:
            value = self._value(await response.read())
        found = value.get("data") if isinstance(value, dict) else value
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    async def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """Send JSON, an object or bytes that are some; return what came. Raises ProviderError."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Content-Type": "application/json", **(headers or {})}
        async with self._asked("POST", path, data=content, headers=head) as response:
            return self._object(await response.read()), response.headers

    async def upload(self, path: str, content: bytes, **fields: str) -> dict[str, Any]:
        """Send a file in a form with these fields; return what came. Raises ProviderError."""
        import aiohttp

        form = aiohttp.FormData(fields)
        form.add_field("file", content, filename="requests.jsonl", content_type="application/jsonl")
        async with self._asked("POST", path, data=form) as response:
            return self._object(await response.read())

    async def form(
        self, path: str, good: Container[int], **fields: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """Send a form; return status, headers, and JSON or None. Raises ProviderError for a status that is not good."""
        import aiohttp

        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, value, content_type="text/plain")  # so that it is a form of several parts
        async with self._asked("POST", path, good, data=form) as response:
            content = self.failures.without_key(await response.read())
        try:
            return response.status, response.headers, json.loads(content)
        except ValueError:
            return response.status, response.headers, None

    async def put(self, address: str, content: bytes) -> None:
        """Send content to an address of a storage service, which gets no key. Raises ProviderError."""
        other, path = self._elsewhere("", address)
        try:
            # Without a type of content, as a signature may cover it.
            async with other._asked("PUT", path, data=content, skip_auto_headers=("Content-Type",)):
                pass
        finally:
            await other.aclose()

    async def download(self, path: str, to: Path) -> None:
        """Write what is at a path to a file; it may lie at a storage service, which gets no key.

        Raises ProviderError and OSError.
        """
        async with self._asked("GET", path, (*_GOOD, *_MOVED)) as response:
            address = response.headers.get("location", "") if response.status in _MOVED else None
            if address is None:
                await _write(response, to)
                return
        other, path = self._elsewhere(path, address)
        try:
            async with other._asked("GET", path) as response:
                await _write(response, to)
        finally:
            await other.aclose()

    def _elsewhere(self, path: str, address: str) -> tuple[BatchHttp, str]:
        """Return a client without a key for an address that a reply names, and the path there. Raises BadReply."""
        whole = urlsplit(urljoin(self._base_url + path, address))
        if not address or whole.scheme not in ("https", urlsplit(self._base_url).scheme):
            raise self.failures.bad_reply(
                f"its files are said to be at {one_line(address)!r}, which is no safe address"
            )
        origin = f"{whole.scheme}://{whole.netloc}"
        return BatchHttp(replace(self._spec, tls=USUAL_TLS), None, origin), whole._replace(
            scheme="", netloc="", fragment=""
        ).geturl()

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, good: Container[int] = _GOOD, **what: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp
        from yarl import URL

        session = self._session or self._open()
        # A signed address holds only as it was written.
        address = URL(self._base_url + path, encoded=True) if "?" in path else self._base_url + path
        try:
            async with session.request(method, address, allow_redirects=False, **what) as response:
                if response.status not in good:
                    content = self.failures.without_key(await response.read())
                    raise self.failures.of_reply(
                        Reply(response.status, _lower(response.headers), content), path
                    )
                yield response
        except aiohttp.ClientHttpProxyError as error:
            raise self._way.proxy_refusal(Refusal(error.status, error.message)) from None
        except asyncio.TimeoutError:
            raise self._way.too_slow(_CONNECT_S, _SILENCE_S) from None
        except aiohttp.ClientError as error:
            raise await self._way.failure(error) from None
        self._way.was_reached = True

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        way = self._way
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=4, ssl=way.tls_context() or True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=way.proxy and way.proxy.url,
        )
        return self._session

    def _object(self, content: bytes) -> dict[str, Any]:
        value = self._value(content)
        if not isinstance(value, dict):
            raise self._no_batch(content)
        return value

    def _value(self, content: bytes) -> Any:
        content = self.failures.without_key(content)
        try:
            return json.loads(content)
        except ValueError:
            raise self._no_batch(content) from None

    def _no_batch(self, content: bytes) -> BadReply:
        begun = one_line(content[:80].decode("utf-8", "replace"))
        return self.failures.bad_reply(f"not the JSON of a batch: {begun}")

    def id_of(self, told: Any) -> str:
        """Return the id of a file or batch that was just made. Raises BadReply where there is none."""
        found = told.get("id") if isinstance(told, dict) else None
        if not found:
            raise self.failures.bad_reply(f"a reply without the id of what was made: {one_line(told)[:200]}")
        return str(found)


async def _write(response: aiohttp.ClientResponse, to: Path) -> None:
    with open(to, "wb", opener=opener) as file:
        async for piece in response.content.iter_chunked(1 << 16):
            file.write(piece)


def is_ambiguous(error: ProviderError) -> bool:
    """Whether a request may have been carried out although it failed: no answer came, or one of a gateway."""
    return error.retryable and (error.status is None or error.status >= 500 or isinstance(error, BadReply))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
