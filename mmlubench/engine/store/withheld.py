"""The store as the only source of replies: what it lacks is not sent, but handed to whoever collects it for a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from mmlubench.engine.journal import Journal
from mmlubench.engine.store.layer import Stored
from mmlubench.errors import ProviderError
from mmlubench.schema import Completion, Request

#: Takes a request without a reply and its key in the store, and raises what its case ends with.
Withhold = Callable[[Request, bytes], NoReturn]


class Withheld(Stored):
    """A `Stored` that sends nothing: a request without a stored reply goes to `withhold`, which raises.

    Keys are those of an ordinary run, as the same code makes them: equal requests of one case are told apart.
    """

    def __init__(self, *args: Any, withhold: Withhold, **named: Any) -> None:
        super().__init__(*args, **named)
        self._withhold = withhold

    async def _ask(self, request: Request, key: bytes, journal: Journal | None) -> Completion:
        try:
            self._withhold(request, key)
        except ProviderError as error:
            if journal is not None:
                journal.failed(self._label, request, error, 0.0)
            raise
        finally:
            self._store.leases.failed(key)
