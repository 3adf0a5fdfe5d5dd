"""A server that was away in the middle of a run may come back with other weights: its replies are then not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mmlubench.engine.limits.refusals import is_away
from mmlubench.engine.store.weights import contradict, difference
from mmlubench.errors import ChangedWeights, ProviderError
from mmlubench.models.base import Model, Told
from mmlubench.schema import Completion, Request

#: Seconds from one look at a server to the next: one that fails at random would else be looked at all the time, and no
#: server is started again with other weights in less.
_BETWEEN_LOOKS_S = 5.0


class Outages:
    """The outages of one server, which concern all models that are asked there."""

    def __init__(self) -> None:
        self.count = 0
        """The failures so far of a server that is away."""


class SameWeights:
    """A Model whose server has to tell of the same weights when it answers again after it was away."""

    def __init__(
        self,
        model: Model,
        label: str,
        told: Told,
        look: Callable[[], Awaitable[Told]],
        outages: Outages | None = None,
        *,
        is_unseen: bool = False,
    ) -> None:
        """`told` is what the server told at the start of the run, and `look` asks it again, at no cost.

        `outages` are those of the server, where other models are asked there, too. A server that `is_unseen` told
        nothing at the start, as it was away: `told` is what it told in an earlier run.
        """
        self._model, self._label, self._told, self._look = model, label, told, look
        self._outages = outages or Outages()
        # Not the outages until now: a model that is asked late may be made after the first ones.
        self._seen = -1 if is_unseen else 0
        """The outages after which the server was looked at."""
        self._next_look = 0.0
        """When the server may be looked at again, in the event loop's seconds; a later reply then does."""
        self._looking = asyncio.Lock()

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises what the wrapped model raises, and ChangedWeights for a reply of other weights."""
        try:
            completion = await self._model.generate(request)
        except ProviderError as error:
            self._outages.count += is_away(error)
            raise
        if self._seen != self._outages.count and asyncio.get_running_loop().time() >= self._next_look:
            await self._check()
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _check(self) -> None:
        async with self._looking:
            outages, loop = self._outages.count, asyncio.get_running_loop()
            if self._seen == outages or loop.time() < self._next_look:
                return
            now = await self._look()
            if contradict(self._told, now):
                raise ChangedWeights(
                    f"{self._label}: its server was away and has other weights now ({difference(now, self._told)}), "
                    "whose replies are not taken: start it with the weights of this run and go on, or run again to ask "
                    "the other ones everything."
                )
            self._told = {**now, **self._told}
            self._seen, self._next_look = outages, loop.time() + _BETWEEN_LOOKS_S
