"""What is told of the weights of a run's models before the first question, for the store and for the manifest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from mmlubench.models.base import Told
from mmlubench.models.names.from_entry import IN_PROCESS
from mmlubench.models.names.keys import find_key
from mmlubench.models.serving.look import has_look, look
from mmlubench.models.serving.server import Server
from mmlubench.models.serving.weights import told_by, told_here
from mmlubench.models.spec import ModelSpec


def told_of(
    specs: Iterable[ModelSpec], servers: Mapping[str, Server] | None, env: Mapping[str, str]
) -> dict[str, Told]:
    """Return what is told of the weights of models, by label; a model of which nothing is told is left out.

    `servers` are those that a pre-flight has reached, by the label of the model; None if there was none, and they are
    to be looked at now. Raises ModelError for a proxy or certificates that cannot be used.
    """

    async def ask(spec: ModelSpec) -> Told:
        if spec.client == IN_PROCESS:
            return told_here(spec)
        if servers is None:
            return await told_now(spec, env)
        server = servers.get(spec.label)
        return {} if server is None else await told_by(spec, server, _key(spec, env))

    async def ask_all(asked: list[ModelSpec]) -> dict[str, Told]:
        told = await asyncio.gather(*map(ask, asked))
        return {spec.label: facts for spec, facts in zip(asked, told, strict=True) if facts}

    return asyncio.run(
        ask_all([s for s in specs if s.client == IN_PROCESS or (s.self_hosted and has_look(s))])
    )


async def told_now(spec: ModelSpec, env: Mapping[str, str]) -> Told:
    """Return what the server of a model tells of its weights now. Raises as `told_of`."""
    key = _key(spec, env)
    return await told_by(spec, await look(spec, key), key)


def _key(spec: ModelSpec, env: Mapping[str, str]) -> str | None:
    return find_key(spec.api_key_env, env) if spec.api_key_env else None
