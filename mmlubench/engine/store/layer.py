"""Nothing is paid for twice: a reply that is kept is not asked for again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.store.reply import StoredReply, request_key
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import StoreError
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request


class Stored:
    """A Model that looks into the store first, and keeps there what it had to ask for.

    Only replies are kept, truncated ones as well; errors never are. What is older than `since` (Unix seconds) is asked
    anew, and what comes goes in the old one's place: a refreshed run that was killed goes on with the time of its own
    start. An equal request within one case is another answer, kept apart.
    """

    def __init__(
        self,
        model: Model,
        store: Store,
        *,
        label: str,
        identity: Mapping[str, Any],
        since: float = 0.0,
    ) -> None:
        self._model = model
        self._store = store
        self._label = label
        self._identity = identity
        self._since = since
        self._nobodys = Journal()
        """Counts repeats where no case asks, in a session fixture of the user's for example."""

    async def generate(self, request: Request) -> Completion:
        """Answer from the store or the wrapped model.

        Raises what the model raises, and StoreError, before asking, if earlier replies could not be kept.
        """
        journal = current_journal.get()
        key = self._key(request, journal or self._nobodys)
        kept = self._store.get(key)
        if kept is None or kept.at < self._since:
            return await self._ask(request, key, journal)
        if journal is not None:
            journal.recalled(
                self._label, request, kept.completion, attempts=kept.attempts, latency_s=kept.latency_s
            )
        return kept.completion

    async def aclose(self) -> None:
        """Write what is waiting and close the wrapped model; the store is shared and stays open. Raises StoreError."""
        try:
            self._store.flush()
        finally:
            await self._model.aclose()

    async def _ask(self, request: Request, key: bytes, journal: Journal | None) -> Completion:
        # A journal of its own, since a case may ask several things at once: attempts of this request and no other.
        own = Journal()
        current_journal.set(own)
        try:
            completion = await self._model.generate(request)
        finally:
            current_journal.set(journal)
            if journal is not None:
                journal.absorb(own)
        kept = StoredReply(completion, self._label, time.time(), own.sent or 1, own.latency_s)
        # The reply is good whatever becomes of the store, which tells its trouble to the next one who asks.
        with suppress(StoreError):
            self._store.put(key, kept)
        return completion

    def _key(self, request: Request, journal: Journal) -> bytes:
        key = request_key(self._identity, request)
        repeat = journal.asked.get(key, 0)
        journal.asked[key] = repeat + 1
        return request_key(self._identity, request, repeat) if repeat else key
