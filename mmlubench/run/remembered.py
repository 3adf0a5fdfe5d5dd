"""The servers of earlier runs, kept in a file beside the store: what a reply is stored under depends on its server.

A run whose replies are all in the store finds them while the server is away, as it knows what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from mmlubench.inputs import read_bytes
from mmlubench.jsonl import pretty, write_atomic
from mmlubench.models.serving.server import Server
from mmlubench.models.spec import ModelSpec

NAME = "servers.json"
_MOST_BYTES = 10_000_000


def remembered(store: Path, specs: Iterable[ModelSpec]) -> dict[str, Server]:
    """Return the servers of these models as an earlier run saw them, by label; models of unknown servers are left out.

    A file that cannot be read, or that others wrote, says nothing.
    """
    found = {}
    by_address = _read(store.with_name(NAME))
    for spec in specs:
        try:
            found[spec.label] = replace(Server.from_dict(by_address[spec.base_url or ""]), is_remembered=True)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def remember(store: Path, specs: Iterable[ModelSpec], servers: Mapping[str, Server]) -> None:
    """Keep what was seen of servers of the user's own, by their address, if the store's folder is there."""
    file = store.with_name(NAME)
    before = _read(file)
    seen = {
        spec.base_url: server.to_dict()
        for spec in specs
        if spec.self_hosted and spec.base_url and (server := servers.get(spec.label)) is not None
    }
    if not seen or not file.parent.is_dir() or before | seen == before:
        return
    try:
        write_atomic(file, pretty(before | seen))
    except OSError:
        return  # the run goes on without


def _read(file: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(read_bytes(file, _MOST_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
