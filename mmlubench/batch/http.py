"""HTTP for files and batches: uploads and downloads of any length, with the key, proxy and certificates of the model.

It is plain aiohttp over the same `Way` as the interactive transports, and not the vendors' SDKs: one client then serves
all who copied OpenAI's files and batches, and results of 100 MB go to disk as they arrive.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmlubench.errors import BadReply, ProviderError
from mmlubench.models.http.failures import Failures, one_line
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.way import Refusal, Way
from mmlubench.models.spec import ModelSpec
from mmlubench.private import opener

if TYPE_CHECKING:
    import aiohttp

#: Seconds to connect, and without a single byte: a provider may check a long upload before it answers.
_CONNECT_S, _SILENCE_S = 20.0, 600.0
_GOOD = range(200, 300)
#: What says for which organisation and project a key of OpenAI works, as OpenAI's SDK reads it.
_OPENAI_ENV = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
_ANTHROPIC_VERSION = "2023-06-01"


class BatchHttp:
    """Requests to one provider; errors are those of `models/http/failures.py`, with the key masked."""

    def __init__(self, spec: ModelSpec, key: str | None, base_url: str, *, by_bearer: bool = True) -> None:
        """`by_bearer` is False where a key has Anthropic's header. Raises ModelError for an unusable proxy."""
        self.failures = Failures(spec, key or "")
        self._base_url = base_url
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

    async def download(self, path: str, to: Path) -> None:
        """Write what is at a path, or an address of the same server, to a file. Raises ProviderError and OSError."""
        async with self._asked("GET", path) as response:
            with open(to, "wb", opener=opener) as file:
                async for piece in response.content.iter_chunked(1 << 16):
                    file.write(piece)

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _asked(self, method: str, path: str, **what: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp

        session = self._session or self._open()
        try:
            async with session.request(
                method, self._base_url + path, allow_redirects=False, **what
            ) as response:
                if response.status not in _GOOD:
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
        content = self.failures.without_key(content)
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            begun = one_line(content[:80].decode("utf-8", "replace"))
            raise self.failures.bad_reply(f"not the JSON of a batch: {begun}")
        return value


def is_ambiguous(error: ProviderError) -> bool:
    """Whether a request may have been carried out although it failed: no answer came, or one of a gateway."""
    return error.retryable and (error.status is None or error.status >= 500 or isinstance(error, BadReply))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
