"""The models that a server serves, as it lists them: looked up once, after it said 404, to tell what is not there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from mmlubench.errors import ProviderError
from mmlubench.models.http.transport import Transport

#: The seconds that a list may take.
_LOOK_S = 10.0
#: The number of models that a message names.
_NAMED = 5
#: The longest name of a model that is shown.
_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Served:
    """What a server's list of models says."""

    models: tuple[str, ...] | None = None
    """The names in its list; None if there is no list at this address."""
    folder: str = ""
    """What is missing at the end of the address, if the list was found there, such as `/v1`."""

    @property
    def text(self) -> str:
        """The names, such as `it serves a, b and 3 more`."""
        models = self.models or ()
        more = f" and {len(models) - _NAMED:,} more" if len(models) > _NAMED else ""
        return f"it serves {', '.join(models[:_NAMED])}{more}" if models else "it serves no model"


async def look(transport: Transport, path: str, base_url: str) -> Served:
    """Ask a server for its list of models at `path`, and under `/v1` if it is not there; never raises an error."""
    models = await _listed(transport, path)
    if models is None and not path.startswith("/v1/") and not base_url.endswith("/v1"):
        elsewhere = await _listed(transport, f"/v1{path}")
        return Served() if elsewhere is None else Served(elsewhere, "/v1")
    return Served(models)


async def _listed(transport: Transport, path: str) -> tuple[str, ...] | None:
    try:
        reply = await asyncio.wait_for(transport.get(path), _LOOK_S)
        payload = orjson.loads(reply.content) if reply.status == 200 else None
    except (ProviderError, asyncio.TimeoutError, orjson.JSONDecodeError):
        return None
    entries = entries_of(payload)
    return None if entries is None else tuple(filter(None, map(_name, entries)))


def entries_of(payload: Any) -> list[Any] | None:
    """Return the entries of a list of models, as servers word it; None for anything else."""
    entries = (payload.get("data") or payload.get("models")) if isinstance(payload, dict) else payload
    if isinstance(entries, list):
        return entries
    return [] if isinstance(payload, dict) and {"data", "models"} & payload.keys() else None


def _name(entry: Any) -> str:
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("name") or entry.get("model")
    return "".join(filter(str.isprintable, entry))[:_NAME_CHARS] if isinstance(entry, str) else ""
