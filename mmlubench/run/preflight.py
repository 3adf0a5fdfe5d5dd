"""The pre-flight: what is wrong with a server, a key, a model or an adapter is told before the first question.

It costs nothing: only lists and states are asked for, and no model but a vLLM of the user's own that has an adapter. A
server that cannot be reached is no obstacle for a run whose replies are in the store; nor is one that shows no list of
models, or needs long for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from mmlubench.errors import ModelError
from mmlubench.models.names.keys import find_key
from mmlubench.models.serving.adapter_probe import check_adapter
from mmlubench.models.serving.adapters import load
from mmlubench.models.serving.fault import doubt, fault
from mmlubench.models.serving.look import has_look, look
from mmlubench.models.serving.server import Kind, Server
from mmlubench.models.spec import ModelSpec

#: The seconds between two looks at a server that is waited for.
_LOOK_EVERY_S = 2.0
#: The statuses of a gateway whose server is away, or of a server that loads its model.
_AWAY = (502, 503, 504)
#: The servers that tell which adapters they have.
_HAVE_ADAPTERS = frozenset([Kind.VLLM, Kind.LLAMACPP])


class Looks(NamedTuple):
    """What the pre-flight saw."""

    servers: Mapping[str, Server]
    """The servers that were reached, by the label of the model."""
    notices: list[str]
    """What the user should know, although it is no obstacle."""


def check_servers(
    specs: Iterable[ModelSpec],
    env: Mapping[str, str],
    *,
    wait_s: float | None = None,
    has_replies: Callable[[str], bool] = lambda _label: False,
    tell: Callable[[str], object] = print,
) -> Looks:
    """Look at the servers of all models at once; models without a server, such as mocks, are passed over.

    `wait_s` is how long a server that cannot be reached, or is not ready, is waited for; `has_replies` says whether the
    store has replies of a model, which may be all that the run needs. Raises ModelError for the first fault.
    """
    asked = [spec for spec in specs if has_look(spec)]
    if not asked:
        return Looks({}, [])
    servers, notices = {}, []
    looking = _Looking(env, wait_s or 0.0, tell)
    for spec, server in asyncio.run(looking.all(asked)):
        problem = fault(spec, server)
        is_shut = server.failure is not None or server.is_healthy is False or server.refuses_key
        if problem and is_shut and has_replies(spec.label):
            rest = f"replies of {spec.label} that are in the store need no server"
            notices.append(f"mmlubench: {problem.rstrip('.')}; {rest}")
        elif problem:
            raise ModelError(problem)
        elif unsure := doubt(spec, server):
            notices.append(f"mmlubench: {unsure}")
        if server.failure is None:
            servers[spec.label] = server if spec.self_hosted else _alone(spec, server)
    return Looks(servers, notices + looking.notices)


def _alone(spec: ModelSpec, server: Server) -> Server:
    """Return a vendor's server with the model alone: its list is long, and is passed on to workers."""
    found = server.listed(spec.model_id)
    return replace(server, models=None if server.models is None else (found,) if found is not None else ())


class _Looking:
    """Looks at servers, each of which is asked once, however many models it has."""

    def __init__(self, env: Mapping[str, str], wait_s: float, tell: Callable[[str], object]) -> None:
        self._env, self._tell = env, tell
        self.notices: list[str] = []
        self._until = time.monotonic() + wait_s
        self._under_way: dict[object, asyncio.Task[Server]] = {}

    async def all(self, specs: list[ModelSpec]) -> list[tuple[ModelSpec, Server]]:
        return list(zip(specs, await asyncio.gather(*map(self._one, specs)), strict=True))

    async def _one(self, spec: ModelSpec) -> Server:
        key = find_key(spec.api_key_env, self._env) if spec.api_key_env else None
        which = (spec.client, spec.base_url, spec.api_key_env, spec.transport, spec.tls)
        if which not in self._under_way:
            self._under_way[which] = asyncio.create_task(self._when_up(spec, key))
        server = await self._under_way[which]
        if server.kind in _HAVE_ADAPTERS and server.is_healthy is not False and spec.adapter is not None:
            server, unproven = await _with_adapter(spec, server, key)
            self.notices += [f"mmlubench: {unproven}"] if unproven else []
        return server

    async def _when_up(self, spec: ModelSpec, key: str | None) -> Server:
        """Return the server once it is up, or as it is when the time to wait is over."""
        is_told = False
        while True:
            server = await look(spec, key)
            is_up = server.failure is None and server.is_healthy is not False and server.status not in _AWAY
            left_s = self._until - time.monotonic()
            if is_up or left_s <= 0:
                return server
            if not is_told:
                is_told = True
                where = f"the server of {spec.label} at {spec.base_url}"
                self._tell(f"mmlubench: waiting up to {left_s:.0f} s for {where}")
            await asyncio.sleep(min(_LOOK_EVERY_S, left_s))


async def _with_adapter(spec: ModelSpec, server: Server, key: str | None) -> tuple[Server, str]:
    """Load an adapter whose folder is known, if the server does not have it, and check it.

    Return the server, and what could not be checked. Raises ModelError.
    """
    assert spec.adapter is not None
    is_missing = server.kind is Kind.VLLM and server.listed(spec.adapter) is None
    if is_missing and spec.adapter_path is not None:
        await load(spec, spec.adapter, spec.adapter_path, key)
        server = await look(spec, key)
    return server, await check_adapter(spec, server, key)
