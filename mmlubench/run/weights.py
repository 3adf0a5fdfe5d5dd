"""What is told of the weights of a run's models before the first question, for the store and for the manifest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from mmlubench.models.base import Told
from mmlubench.models.names.from_entry import IN_PROCESS
from mmlubench.models.names.keys import find_key
from mmlubench.models.serving.server import Server, look
from mmlubench.models.serving.weights import told_by, told_here
from mmlubench.models.spec import ModelSpec


def may_tell(spec: ModelSpec) -> bool:
    """Whether anything can be told of the weights of a model: those of vendors are theirs to know."""
    return spec.client == IN_PROCESS or (
        spec.self_hosted and spec.base_url is not None and spec.client != "anthropic"
    )


def told_of(
    specs: Iterable[ModelSpec], servers: Mapping[str, Server], env: Mapping[str, str]
) -> dict[str, Told]:
    """Return what is told of the weights of models, by label; a model of which nothing is told is left out.

    `servers` are those that were looked at, by label of the model; any other one is looked at now, which costs nothing.
    Raises ModelError for a key that cannot be found, a proxy or certificates that cannot be used.
    """

    async def ask(spec: ModelSpec) -> Told:
        if spec.client == IN_PROCESS:
            return told_here(spec)
        key = find_key(spec.api_key_env, env) if spec.api_key_env else None
        return await told_by(spec, servers.get(spec.label) or await look(spec, key), key)

    async def ask_all(asked: list[ModelSpec]) -> dict[str, Told]:
        told = await asyncio.gather(*map(ask, asked))
        return {spec.label: facts for spec, facts in zip(asked, told, strict=True) if facts}

    return asyncio.run(ask_all([spec for spec in specs if may_tell(spec)]))
