"""The store as a layer around a model: a reply that is stored is not requested, and paid for, again."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.store.database import PATIENCE_S
from mmlubench.engine.store.origins import Origins
from mmlubench.engine.store.reply import StoredReply, aside_key, request_key
from mmlubench.engine.store.sqlite import Store, StoreBusy
from mmlubench.errors import MixedReplies, StoreError
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request

#: Seconds between two looks into a store that another process has locked.
_RETRY_S = 0.2


class Stored:
    """A Model that answers from the store where it can, and stores the replies that it had to request.

    Replies are stored, truncated ones as well; errors never are. A reply older than `since` (Unix seconds) is requested
    again and replaced; a refreshed run that was killed resumes with the `since` of its first start, so what it has
    bought counts as new. The same request made twice within one case is stored as two replies.
    """

    def __init__(
        self,
        model: Model,
        store: Store,
        *,
        label: str,
        identity: Mapping[str, Any],
        since: float = 0.0,
        origins: Origins | None = None,
        takes_mixed: bool = False,
    ) -> None:
        """With `takes_mixed`, replies are taken that an earlier run got and did not mix with those of the store."""
        self._model = model
        self._origins = origins or Origins(label, refuses=False)
        self._takes_mixed = takes_mixed
        self._store = store
        self._label = label
        self._identity = identity
        self._since = since
        self._no_case = Journal()
        """Counts repeats of requests made outside any case, in a user's session fixture for example."""

    async def generate(self, request: Request) -> Completion:
        """Answer from the store or the wrapped model.

        Raises what the model raises, StoreError, before any request, if earlier replies could not be written, and
        MixedReplies for a reply of another model, which is set aside in the store, for who takes mixed ones.
        """
        journal = current_journal.get()
        key = self._key(request, journal or self._no_case)
        try:
            reply = self._store.get(key)
        except StoreBusy:
            reply = await self._get_when_free(key)
        if reply is None and self._takes_mixed:
            reply = await self._from_aside(key)
        if reply is None or reply.at < self._since:
            # Of several runs that use this store at once, one asks.
            if not self._store.leases.must_claim() or await self._store.await_turn(key, self._since):
                return await self._ask(request, key, journal)
            reply = await self._get_when_free(key)
            if reply is None:  # damaged
                return await self._ask(request, key, journal)
        self._origins.recalled(reply.completion)
        if journal is not None:
            journal.recalled(
                self._label, request, reply.completion, attempts=reply.attempts, latency_s=reply.latency_s
            )
        return reply.completion

    async def aclose(self) -> None:
        """Write pending replies and close the wrapped model; the store is shared and stays open. Raises StoreError."""
        try:
            self._store.flush()
        finally:
            await self._model.aclose()

    async def _ask(self, request: Request, key: bytes, journal: Journal | None) -> Completion:
        # A case may have several requests under way: a separate journal counts the attempts of this one only.
        own = Journal()
        current_journal.set(own)
        self._store.leases.begin(key)
        try:
            completion = await self._model.generate(request)
            try:
                self._origins.arrived(completion)
            except MixedReplies:
                self._put(aside_key(key), completion, own)
                raise
        except BaseException:
            self._store.leases.failed(key)
            raise
        finally:
            current_journal.set(journal)
            if journal is not None:
                journal.absorb(own)
        self._put(key, completion, own)
        return completion

    def _put(self, key: bytes, completion: Completion, journal: Journal) -> None:
        """Store a reply that arrived now, with the effort of its own journal."""
        # If the clock was set back, this reply is still newer than those that the run replaces.
        at = max(time.time(), self._since if self._since < math.inf else 0.0)
        reply = StoredReply(completion, self._label, at, journal.sent or 1, journal.latency_s)
        # This reply is valid even if it cannot be written; the store raises the error at the next request.
        with suppress(StoreError):
            self._store.put(key, reply)

    async def _from_aside(self, key: bytes) -> StoredReply | None:
        """Return the reply that was set aside, which is one of the store from now on. Raises StoreError."""
        reply = await self._get_when_free(aside_key(key))
        if reply is not None:
            with suppress(StoreError):
                self._store.put(key, reply)
        return reply

    async def _get_when_free(self, key: bytes) -> StoredReply | None:
        """Look into the store, waiting while another process has locked it. Raises StoreError."""
        for _ in range(round(PATIENCE_S / _RETRY_S)):
            try:
                return self._store.get(key)
            except StoreBusy:
                await asyncio.sleep(_RETRY_S)
        return self._store.get(key)

    def _key(self, request: Request, journal: Journal) -> bytes:
        key = request_key(self._identity, request)
        repeat = journal.asked.get(key, 0)
        journal.asked[key] = repeat + 1
        return request_key(self._identity, request, repeat) if repeat else key
