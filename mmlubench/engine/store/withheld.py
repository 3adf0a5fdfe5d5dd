"""A store before which requests are stopped that a batch answers, or will answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmlubench.engine.journal import Journal
from mmlubench.engine.store.layer import Stored
from mmlubench.errors import ProviderError
from mmlubench.schema import Completion, Request

#: Takes a request without a reply and its key in the store; it raises what the case ends with, or lets it be sent.
Withhold = Callable[[Request, bytes], None]


class Withheld(Stored):
    """A `Stored` that sends only what `withhold` lets pass of the requests without a stored reply.

    Keys are those of an ordinary run, as the same code makes them: equal requests of one case are told apart.
    """

    def __init__(self, *args: Any, withhold: Withhold, **named: Any) -> None:
        super().__init__(*args, **named)
        self._withhold = withhold

    async def _ask(self, request: Request, key: bytes, journal: Journal | None) -> Completion:
        try:
            self._withhold(request, key)
        except ProviderError as error:
            self._store.leases.failed(key)
            if journal is not None:
                journal.failed(self._label, request, error, 0.0)
            raise
        return await super()._ask(request, key, journal)
