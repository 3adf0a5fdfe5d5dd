"""Care for servers with known weaknesses: layers around a provider that spare a server, or put it right again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mmlubench.errors import ModelError, ProviderError, Rejected
from mmlubench.models.base import Model
from mmlubench.models.serving.server import Kind, Server
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Request

_NOT_FOUND = 404
#: How often an adapter is loaded again before its server answers with it: one that dies again meanwhile gets it again.
_LOADS_IN_A_ROW = 3


def is_frail_at_echo(spec: ModelSpec, server: Server | None) -> bool:
    """Whether several echo requests at once would end the server: a vLLM that has LoRA enabled (seen with 0.32)."""
    if server is None or server.kind is not Kind.VLLM:
        return False
    return server.has_lora or spec.adapter is not None or any(model.parent for model in server.models or ())


class OneEcho:
    """A Model that sends echo requests one after another; `lock` is that of their server."""

    def __init__(self, model: Model, lock: asyncio.Lock) -> None:
        self._model, self._lock = model, lock

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises what the wrapped model raises."""
        if not request.continuation:
            return await self._model.generate(request)
        async with self._lock:
            return await self._model.generate(request)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()


class Reloaded:
    """A Model whose adapter is loaded once more where its server no longer has it: it was started again."""

    def __init__(self, model: Model, load: Callable[[], Awaitable[None]]) -> None:
        """`load` loads the adapter at the server. Raises ModelError if it cannot, for a cause that may pass or not."""
        self._model, self._load = model, load
        self._loading = asyncio.Lock()
        self._loads = 0
        self._loads_left = _LOADS_IN_A_ROW
        """How often it may be loaded again before the next answer; the pre-flight has seen it before the first one."""

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises what the wrapped model raises, with why the adapter could not be loaded again."""
        while True:
            loads = self._loads
            try:
                completion = await self._model.generate(request)
            except Rejected as error:
                if error.status != _NOT_FOUND or not await self._load_again(loads, error):
                    raise
            else:
                self._loads_left = _LOADS_IN_A_ROW
                return completion

    async def _load_again(self, loads: int, error: Rejected) -> bool:
        """Load the adapter unless another request did since, or it was loaded too often without an answer.

        Returns whether the server has it now. Raises the ProviderError of a server that is away.
        """
        async with self._loading:
            if self._loads != loads:
                return True
            if not self._loads_left:
                return False
            self._loads_left -= 1
            try:
                await self._load()
            except ModelError as problem:
                if isinstance(problem.__cause__, ProviderError) and problem.__cause__.retryable:
                    raise problem.__cause__ from None
                error.add(f"loading the adapter again failed: {problem}")
                self._loads_left = 0
                return False
            self._loads += 1
            return True

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()
