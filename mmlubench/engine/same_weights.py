"""A server that was away in the middle of a run may come back with other weights: its replies are then not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mmlubench.engine.limits.refusals import is_away
from mmlubench.engine.store.weights import contradict, difference
from mmlubench.errors import ChangedWeights, ProviderError
from mmlubench.models.base import Model, Told
from mmlubench.schema import Completion, Request


class SameWeights:
    """A Model whose server has to tell of the same weights when it answers again after it was away."""

    def __init__(self, model: Model, label: str, told: Told, look: Callable[[], Awaitable[Told]]) -> None:
        """`told` is what the server told at the start of the run, and `look` asks it again, at no cost."""
        self._model, self._label, self._told, self._look = model, label, told, look
        self._was_away = False
        self._looking = asyncio.Lock()

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises what the wrapped model raises, and ChangedWeights for a reply of other weights."""
        try:
            completion = await self._model.generate(request)
        except ProviderError as error:
            self._was_away = self._was_away or is_away(error)
            raise
        if self._was_away:
            await self._check()
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _check(self) -> None:
        async with self._looking:
            if not self._was_away:
                return
            now = await self._look()
            if contradict(self._told, now):
                raise ChangedWeights(
                    f"{self._label}: its server was away and has other weights now ({difference(now, self._told)}), "
                    "whose replies are not taken: start it with the weights of this run and go on, or run again to ask "
                    "the other ones everything."
                )
            self._was_away = False
