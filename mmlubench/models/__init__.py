"""Who answers: from a name on the command line to a `Model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.base import Model
from mmlubench.models.constraint import constrained
from mmlubench.models.http.transport import Timeouts
from mmlubench.models.names.keys import find_key
from mmlubench.models.names.listing import Row, list_models
from mmlubench.models.names.presets import ENTRY_POINTS
from mmlubench.models.names.resolve import as_mock, has_entry, resolve
from mmlubench.models.scoring import check_raw, choose_scoring, top_logprobs
from mmlubench.models.spec import ModelSpec

__all__ = [
    "Model",
    "ModelSpec",
    "Row",
    "as_mock",
    "check_raw",
    "choose_scoring",
    "constrained",
    "has_entry",
    "list_models",
    "open_model",
    "resolve",
    "top_logprobs",
]

_OPENAI = "mmlubench.models.http.openai_compatible:OpenAICompatible"

#: Client → the class that speaks to it, imported when a model of that client is opened.
PROVIDERS = {
    "mock": "mmlubench.models.mock:Mock",
    "anthropic": "mmlubench.models.http.anthropic:Anthropic",
    **dict.fromkeys(("openai", "openrouter", "vllm", "lmstudio", "llamacpp"), _OPENAI),
}


def open_model(
    spec: ModelSpec, *, pool: int, env: Mapping[str, str], timeout_s: float | None = None
) -> Model:
    """Open the model that `spec` describes, with room for `pool` requests in flight; nothing is connected yet.

    `timeout_s` is how long one request may take in all; None for the provider's own 600 seconds. A plugin adds a
    client by an entry point of the group `mmlubench.providers`: a callable `(spec, *, key, pool) -> Model`, whose
    time-outs are its own affair. Raises ModelError for an unknown client and for a mock file that is missing or broken.
    """
    key = find_key(spec.api_key_env, env) if spec.api_key_env and not spec.is_mock else None
    own = {}
    if timeout_s is not None and spec.client in PROVIDERS and not spec.is_mock:
        own["timeouts"] = Timeouts.within(timeout_s)
    model: Model = _provider(spec.client)(spec, key=key, pool=pool, **own)
    return model


def _provider(client: str) -> Callable[..., Any]:
    if client in PROVIDERS:
        module, _, name = PROVIDERS[client].partition(":")
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=client):
        return point.load()  # type: ignore[no-any-return]
    raise ModelError(
        f"no provider is called {client!r}; there are {', '.join(PROVIDERS)} and those of plugins."
    )
