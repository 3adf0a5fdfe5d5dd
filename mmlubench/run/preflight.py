"""The pre-flight: what is wrong with a server, a key, a model or an adapter is told before the first question.

It costs nothing: only lists and states are asked for, and no model is. A server that cannot be reached is no obstacle
for a run whose replies are in the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

from mmlubench.errors import ModelError
from mmlubench.models.names.keys import find_key
from mmlubench.models.serving.adapter_probe import difference, is_active
from mmlubench.models.serving.adapters import check_fit, load
from mmlubench.models.serving.fault import fault
from mmlubench.models.serving.server import Kind, Server, look
from mmlubench.models.spec import ModelSpec

#: The seconds between two looks at a server that is waited for.
_LOOK_EVERY_S = 2.0


def check_servers(
    specs: Iterable[ModelSpec],
    env: Mapping[str, str],
    *,
    wait_s: float | None = None,
    has_replies: Callable[[str], bool] = lambda _label: False,
    tell: Callable[[str], object] = print,
) -> list[str]:
    """Look at the servers of all models at once; return notices for the user.

    `wait_s` is how long a server that cannot be reached, or is not ready, is waited for; `has_replies` says whether the
    store has replies of a model, which may be all that the run needs. Raises ModelError for the first fault.
    """
    asked = [spec for spec in specs if is_checked(spec)]
    if not asked:
        return []
    found = asyncio.run(_looks(asked, env, wait_s or 0.0, tell))
    notices = []
    for spec, server in found:
        problem = fault(spec, server)
        if server.failure is not None and has_replies(spec.label):
            notices.append(f"{problem}; replies of {spec.label} that are in the store need no server")
        elif problem:
            raise ModelError(problem)
    return notices


def is_checked(spec: ModelSpec) -> bool:
    """Whether a model has a server of OpenAI's protocol, which has a list of models."""
    return spec.base_url is not None and not spec.is_mock and spec.client not in ("anthropic", "transformers")


async def _looks(
    specs: list[ModelSpec], env: Mapping[str, str], wait_s: float, tell: Callable[[str], object]
) -> list[tuple[ModelSpec, Server]]:
    until = time.monotonic() + wait_s
    return list(zip(specs, await asyncio.gather(*(_look(s, env, until, tell) for s in specs)), strict=True))


async def _look(
    spec: ModelSpec, env: Mapping[str, str], until: float, tell: Callable[[str], object]
) -> Server:
    key = find_key(spec.api_key_env, env) if spec.api_key_env else None
    is_told = False
    while True:
        server = await look(spec, key)
        is_up = server.failure is None and server.is_healthy is not False
        if is_up and server.kind is Kind.VLLM and spec.adapter is not None:
            return await _with_adapter(spec, server, key)
        left_s = until - time.monotonic()
        if is_up or left_s <= 0:
            return server
        if not is_told:
            is_told = True
            tell(f"mmlubench: waiting up to {left_s:.0f} s for the server of {spec.label} at {spec.base_url}")
        await asyncio.sleep(min(_LOOK_EVERY_S, left_s))


async def _with_adapter(spec: ModelSpec, server: Server, key: str | None) -> Server:
    """Load an adapter whose folder is known, if the server does not have it; check that it fits and is active.

    Raises ModelError if it does not.
    """
    assert spec.adapter is not None
    if server.listed(spec.adapter) is None and spec.adapter_path is not None:
        await load(spec, spec.adapter, spec.adapter_path, key)
        server = await look(spec, key)
    found, base = server.listed(spec.adapter), server.listed(spec.model_id)
    if found is None or found.parent != spec.model_id:
        return server  # which is told as the fault that it is
    what = f"{spec.label}: the adapter {spec.adapter}"
    check_fit(spec.adapter_path or found.root, base.root if base is not None else "", what)
    differs = await difference(spec, key)
    if differs is not None and not is_active(differs):
        raise ModelError(
            f"{what} answers as {spec.model_id} does (log-probabilities differ by {differs[0]:.2g}, and those of the "
            f"base by {differs[1]:.2g} between two requests): it changes nothing, or the server does not apply it."
        )
    return server
