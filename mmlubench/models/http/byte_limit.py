"""A byte limit for response bodies. A module apart from `transport`, since httpx2 is imported late."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx2


class Bounded(httpx2.AsyncByteStream):
    """A response body that raises `error` after `most` bytes; a compressed body is counted as it is sent."""

    def __init__(self, body: httpx2.AsyncByteStream, most: int, error: Exception) -> None:
        self._body = body
        self._left = most
        self._error = error

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the body as they arrive."""
        async with aclosing(cast("AsyncGenerator[bytes, None]", self._body.__aiter__())) as parts:
            async for part in parts:
                self._left -= len(part)
                if self._left < 0:
                    raise self._error
                yield part

    async def aclose(self) -> None:
        """Close the connection."""
        await self._body.aclose()
