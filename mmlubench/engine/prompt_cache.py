"""Prompt-cache warming: one request fills a provider's cache before the other requests use it.

A cache entry can be read only after the first reply that wrote it has begun. If 64 requests with the same worked
examples were sent at once, each would write the entry, at more than the usual price, and none would read it.
"""

from __future__ import annotations

import asyncio

from mmlubench.models.base import Model
from mmlubench.models.http.cache_cut import beginning, cut_of
from mmlubench.schema import Completion, Request


class CacheWarmed:
    """A Model that sends one request with each cacheable prefix first, and the others with that prefix after its reply.

    `least_tokens` is `ModelSpec.prompt_cache`. Requests without a cacheable prefix are sent at once. If the first
    request fails, the others are sent all the same: the cache may stay empty, but no request waits forever.
    """

    def __init__(self, model: Model, least_tokens: int) -> None:
        self._model = model
        self._least_tokens = least_tokens
        self._replied: dict[tuple[str, ...], asyncio.Event] = {}
        """For each prefix: set when the first request with it has ended."""

    async def generate(self, request: Request) -> Completion:
        """Answer, after the first reply with the same prefix. Raises what the wrapped model raises."""
        cut = cut_of(request.messages, self._least_tokens)
        if cut is None:
            return await self._model.generate(request)
        prefix = beginning(request.messages, cut)
        replied = self._replied.get(prefix)
        if replied is None:
            return await self._first(prefix, request)
        if not replied.is_set():
            await replied.wait()
        return await self._model.generate(request)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _first(self, prefix: tuple[str, ...], request: Request) -> Completion:
        replied = self._replied[prefix] = asyncio.Event()
        try:
            return await self._model.generate(request)
        finally:
            replied.set()
