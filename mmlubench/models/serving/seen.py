"""The spec of a model by the software that its server really runs, which an entry of models.yaml may name otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

from mmlubench.models.names.presets import CLIENTS, OPENAI_PROTOCOL, PRESETS, preset_for
from mmlubench.models.serving.loras import chosen
from mmlubench.models.serving.server import Kind, Server
from mmlubench.models.spec import ModelSpec

#: The presets of servers that are recognised.
_PRESETS = {Kind.VLLM: "vllm", Kind.LLAMACPP: "llamacpp", Kind.LMSTUDIO: "lmstudio"}


def as_seen(spec: ModelSpec, server: Server | None) -> ModelSpec:
    """Return the spec with the defaults and features of the server that was seen, in place of those of its client.

    An entry of the client openai at a vLLM server gets the neutral sampling parameters of a vLLM entry, without which
    the defaults of the model's generation_config.json apply unseen. What the entry itself gives stays. Nothing changes
    for a vendor, for a protocol other than OpenAI's, and where the software of the server is not known. A llama.cpp
    server is told in each request which of its adapters counts. The context window is the server's, where it tells one
    and the entry gives none that is smaller.
    """
    if server is None:
        return spec
    window = server.window(spec.model_id) if spec.self_hosted else None
    if window is not None and window < (spec.context_window or inf):
        spec = replace(spec, context_window=window)
    if server.kind is Kind.LLAMACPP and (spec.adapter or spec.is_bare):
        spec = replace(spec, extra_body={**spec.extra_body, **chosen(server, spec.adapter)})
    name = _PRESETS.get(server.kind)
    if name is None or name == spec.client or not spec.self_hosted:
        return spec
    if CLIENTS.find(spec.client).opens != OPENAI_PROTOCOL:
        return spec
    named, seen = preset_for(spec.client, spec.base_url), PRESETS[name]
    return replace(
        spec,
        parameters=_rebased(spec.parameters, named.parameters, seen.parameters),
        extra_body=_rebased(spec.extra_body, named.extra_body, seen.extra_body),
        features=seen.features,
    )


def _rebased(values: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return values over other defaults: those that are just the old defaults are left out."""
    own = {name: value for name, value in values.items() if name not in old or old[name] != value}
    return {**new, **own}
