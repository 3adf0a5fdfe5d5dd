"""The resolution of a name after --model to a `ModelSpec`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace

from mmlubench.errors import ModelError
from mmlubench.models.names.files import entries, find, search_path
from mmlubench.models.names.from_entry import from_entry, from_name, with_adapter
from mmlubench.models.names.keys import find_key, how_to_set
from mmlubench.models.names.openrouter import openrouter_id
from mmlubench.models.names.presets import CLIENTS, preset_for
from mmlubench.models.spec import ModelSpec

_FORMS = "anthropic/claude-sonnet-5-5, openrouter/meta-llama/MODEL or vllm/NAME@http://host:8000/v1"


def resolve(
    name: str,
    *,
    models_file: str | None = None,
    adapter: str | None = None,
    no_fallback: bool = False,
    fallback: str | None = None,
    env: Mapping[str, str],
    option: str = "--model",
) -> ModelSpec:
    """Find the model that `name` means: an entry of models.yaml, or `client/model-id[@URL]` without an entry.

    `adapter` overrides that of the entry. If the model's key is missing, its mock fallback is used instead, unless
    `no_fallback`; `fallback`, a file of mock replies, overrides that of the entry. `option` is the option that holds
    the name, for error messages.
    Raises ModelError for an unknown name, a broken file, and a missing key without a fallback.
    """
    spec = _named(name, models_file, env, f"{option} {name}")
    if spec is None:
        raise _unknown(f"{option} {name}", name, models_file)
    spec = with_adapter(spec, adapter)
    if spec.is_mock:
        return _marked(spec)
    if spec.api_key_env is None or find_key(spec.api_key_env, env) is not None:
        return spec
    replies = fallback or spec.fallback
    if replies is None or no_fallback:
        raise ModelError(f"{option} {name}: {spec.api_key_env} is not set; {how_to_set(spec.api_key_env)}.")
    return as_mock(spec, replies, f"{spec.api_key_env} is not set")


def _named(name: str, models_file: str | None, env: Mapping[str, str], given: str) -> ModelSpec | None:
    """Return the spec of an entry, or of a name in full; `openrouter/gpt-4o` is completed by the maker of the model."""
    if found := find(name, models_file):
        return from_entry(found, env)
    spec = from_name(name, env)
    if spec is None or spec.client != "openrouter" or spec.self_hosted or "/" in spec.model_id:
        return spec
    entry = find(spec.model_id, models_file)
    own = from_entry(entry, env) if entry else None
    if own is not None and own.client == "openrouter":
        return own
    return from_name(f"openrouter/{openrouter_id(spec.model_id, given)}", env)


def has_entry(name: str, models_file: str | None = None) -> bool:
    """Whether a file of models has an entry of this name. Raises ModelError for a broken file."""
    return find(name, models_file) is not None


def _marked(spec: ModelSpec) -> ModelSpec:
    """Return a mock's spec with `mock` in its label, whatever its entry is called."""
    named = "mock" in spec.label.lower()
    return spec if named else replace(spec, label=spec.label + "-MOCK")


def as_mock(spec: ModelSpec, replies: str, why: str) -> ModelSpec:
    """Return the spec of a mock in place of a model; its names contain MOCK, and its notice says `why`."""
    spec = (
        spec if spec.is_mock else replace(spec, model_id=spec.model_id + "-MOCK", label=spec.label + "-MOCK")
    )
    return replace(
        _marked(spec),
        client="mock",
        features=preset_for("mock", None).features,
        provider="mock",
        base_url=None,
        self_hosted=False,
        price=None,
        price_as_of="",
        tells_cost=False,
        prompt_cache=None,
        responses=replies,
        notice=f"{why}: MOCK replies from {replies}",
    )


def _unknown(given: str, name: str, models_file: str | None) -> ModelError:
    names = list(dict.fromkeys(found.name for found in entries(models_file)))
    close = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}."
    client, _, model_id = name.partition("/")
    if client in CLIENTS and not model_id:  # with an id behind it, no entry is needed
        hint = f"{client} is a client: name a model of it, {client}/MODEL-ID."
    elif "/" in name:
        clients = CLIENTS.names()
        meant = difflib.get_close_matches(client, clients, n=1)
        hint += f" {client!r} is no client either; the clients are {', '.join(clients)}."
        hint += f" Did you mean {meant[0]!r}?" if meant else ""
    looked = ", ".join(
        f"{file}{'' if file.is_file() else ' (not there)'}" for file in search_path(models_file)
    )
    return ModelError(f"{given}: no such entry; {hint} Looked in {looked}; or name a model like {_FORMS}.")
