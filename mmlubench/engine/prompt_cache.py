"""Fill a provider's prompt cache once before many use it.

An entry of the cache can be read only after the first reply to it has begun. Of 64 requests with the same worked
examples that are sent at once, every one would write the entry, at more than the usual price, and none would read it.
"""

from __future__ import annotations

import asyncio

from mmlubench.models.base import Model
from mmlubench.models.http.cache_cut import beginning, cut_of
from mmlubench.schema import Completion, Request


class CacheWarmed:
    """A Model that is asked once with each beginning that can be cached before the others with it may follow.

    `least_tokens` is `ModelSpec.prompt_cache`. Requests without such a beginning pass at once. If the first request
    fails, the others are let go all the same: the cache may stay cold, but nobody waits in vain.
    """

    def __init__(self, model: Model, least_tokens: int) -> None:
        self._model = model
        self._least_tokens = least_tokens
        self._warm: dict[tuple[str, ...], asyncio.Event] = {}

    async def generate(self, request: Request) -> Completion:
        """Answer, after the first reply with the same beginning. Raises what the wrapped model raises."""
        cut = cut_of(request.messages, self._least_tokens)
        if cut is None:
            return await self._model.generate(request)
        shared = beginning(request.messages, cut)
        warm = self._warm.get(shared)
        if warm is None:
            return await self._first(shared, request)
        if not warm.is_set():
            await warm.wait()
        return await self._model.generate(request)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _first(self, shared: tuple[str, ...], request: Request) -> Completion:
        warm = self._warm[shared] = asyncio.Event()
        try:
            return await self._model.generate(request)
        finally:
            warm.set()
