"""Specs of models: made from an entry of models.yaml or from a name, over the preset of the client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mmlubench.errors import ModelError
from mmlubench.models.names.address import address_problem, with_scheme_and_path
from mmlubench.models.names.entry import ModelEntry, read_entry
from mmlubench.models.names.files import Found
from mmlubench.models.names.keys import find_key
from mmlubench.models.names.presets import (
    CLIENTS,
    Preset,
    capabilities_for,
    client_of,
    is_elsewhere,
    preset_for,
    prompt_cache_of,
)
from mmlubench.models.names.prices import is_off_the_list, price_of, rate_of
from mmlubench.models.spec import ModelSpec, Price, thinks
from mmlubench.models.tls import Tls
from mmlubench.safe_names import safe_name

#: An environment without variables.
_BARE: Mapping[str, str] = {}


def from_entry(found: Found, env: Mapping[str, str] = _BARE) -> ModelSpec:
    """Make the spec of an entry of models.yaml. Raises ModelError that names file, entry and key.

    `env` may hold the address of a server of one's own, where the entry gives none.
    """
    entry = read_entry(found.raw, found.where)
    client, model_id = client_of(entry.model_name, entry.provider, entry.base_url)
    if client not in CLIENTS:
        raise ModelError(
            f"{found.where}: model_name {entry.model_name!r} begins with no known client; "
            f"its first part must be one of {', '.join(CLIENTS.names())}."
        )
    if not model_id:
        raise ModelError(
            f"{found.where}: model_name {entry.model_name!r} names no model; write {client}/MODEL-ID."
        )
    spec = _build(found.where, safe_name(found.name), client, model_id, entry, env)
    here = found.file.parent
    tls = Tls(
        _beside(here, entry.ca_file),
        entry.verify,
        _beside(here, entry.client_cert),
        _beside(here, entry.client_key),
    )
    replies, fallback = _beside(here, entry.responses), _beside(here, entry.fallback)
    adapter_path = _beside(here, entry.adapter_path)
    return replace(spec, responses=replies, fallback=fallback, adapter_path=adapter_path, tls=tls)


def from_name(name: str, env: Mapping[str, str] = _BARE) -> ModelSpec | None:
    """Make the spec of a name `client/model-id[@URL]`; None if it is not of that form. `env` as for `from_entry`."""
    client, _, rest = name.partition("/")
    if not rest or client not in CLIENTS:
        return None
    model_id, url = _split_address(rest, name)
    full = f"{client}/{model_id}"
    return _build(name, safe_name(full), client, model_id, ModelEntry(model_name=full, base_url=url), env)


#: The name of no adapter.
BASE = "base"
#: The client of models in this process, whose adapters are folders.
IN_PROCESS = "transformers"


def with_adapter(spec: ModelSpec, adapter: str | None) -> ModelSpec:
    """Return the spec with its LoRA adapter, if it has one; `adapter` overrides that of the entry, `BASE` drops it."""
    if adapter == BASE:
        return replace(spec, adapter=None, adapter_path=None, is_bare=True)
    wanted = adapter or spec.adapter
    if spec.client == IN_PROCESS:
        path = adapter or spec.adapter_path or spec.adapter
        wanted, spec = path and (Path(path).name or path), replace(spec, adapter_path=path)
    elif adapter is not None and adapter != spec.adapter:
        spec = replace(spec, adapter_path=None)  # that of another adapter
    if wanted is None:
        return spec
    if not spec.features.adapters:
        # LM Studio answers any name with the bare model, whose score would pass for that of the adapter.
        raise ModelError(
            f"--adapter {wanted}: {spec.client} cannot be asked for an adapter by name; "
            "a vllm or llamacpp model, or an openai one with a base_url of its own, can."
        )
    # The label carries the adapter, so that its results never overwrite those of the bare model.
    return replace(spec, adapter=wanted, label=safe_name(f"{spec.label}-{wanted}"), base_label=spec.label)


def _build(
    where: str, label: str, client: str, model_id: str, entry: ModelEntry, env: Mapping[str, str]
) -> ModelSpec:
    preset = preset_for(client, entry.base_url)
    if preset.sdk_only and entry.transport == "aiohttp":
        raise ModelError(
            f"{where}: transport aiohttp is for OpenAI-compatible servers; {client} uses its SDK."
        )
    if preset.cached_from is None and entry.capabilities.prompt_cache:
        raise ModelError(
            f"{where}: capabilities.prompt_cache is for the client anthropic; leave it out for {client}."
        )
    base_url = entry.base_url or _own_address(preset, env) or preset.base_url
    elsewhere = is_elsewhere(client, entry.base_url)
    price, as_of, rates = _price(entry, preset.prices_of or client, model_id, elsewhere)
    takes = capabilities_for(model_id, preset)
    if _thinks_not(entry):  # what OpenAI's reasoning models refuse, they take without reasoning
        usual = preset.capabilities
        takes = replace(takes, temperature=usual.temperature, top_p=usual.top_p)
    takes = entry.capabilities.over(takes)
    if client == "anthropic" and thinks(entry.extra_body):
        takes = replace(
            takes, temperature=None, top_p=None
        )  # refused beside thinking, wherever else they are taken
    usual_cache = None if elsewhere else prompt_cache_of(model_id, preset)
    return ModelSpec(
        label=label,
        client=client,
        model_id=model_id,
        base_url=base_url.rstrip("/") if base_url else None,
        api_key_env=entry.api_key_env or preset.api_key_env or _own_key(preset, entry, env),
        model_type=entry.model_type,
        provider=entry.provider,
        context_window=entry.context_window,
        max_output_tokens=entry.max_output_tokens,
        description=entry.description,
        price=price,
        price_as_of=as_of,
        rates=rates,
        tells_cost=preset.tells_cost,
        prompt_cache=entry.capabilities.cache_over(usual_cache),
        features=preset.features,
        capabilities=takes,
        parameters={**preset.parameters, **entry.parameters.given()},
        extra_body={**preset.extra_body, **entry.extra_body},
        rate_limits=entry.rate_limits,
        adapter=entry.adapter,
        local=entry.local,
        transport=entry.transport or preset.transport,
        self_hosted=client != "mock" and elsewhere,
        rule=entry.rule,
        latency_s=entry.latency_s,
    )


def _thinks_not(entry: ModelEntry) -> bool:
    """Whether an entry turns reasoning off, in the words of chats or of the Responses API."""
    reasoning = entry.extra_body.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    return "none" in (effort, entry.extra_body.get("reasoning_effort"))


def _own_address(preset: Preset, env: Mapping[str, str]) -> str | None:
    """Return the address of a server of one's own that a variable holds. Raises ModelError for one that is none."""
    given = env.get(preset.address_env, "").strip() if preset.address_env else ""
    if not given:
        return None
    address = with_scheme_and_path(given)
    if problem := address_problem(address):
        raise ModelError(f"{preset.address_env}: {problem.replace('base_url', 'it', 1)}")
    return address


def _own_key(preset: Preset, entry: ModelEntry, env: Mapping[str, str]) -> str | None:
    """Return the variable of the key of a server of one's own, if it is set and no other server was named."""
    variable = preset.own_key_env
    return variable if variable and entry.base_url is None and find_key(variable, env) else None


def _price(entry: ModelEntry, client: str, model_id: str, elsewhere: bool) -> tuple[Price | None, str, str]:
    """Return a model's price, the date of its price list, empty for the user's own, and why it is no usual one."""
    if entry.price is not None or elsewhere:
        return entry.price, "", ""
    listed = price_of(client, model_id)
    if is_off_the_list({**entry.extra_body, "service_tier": None}) or listed is None:
        return None, "", ""
    tier = entry.extra_body.get("service_tier")
    if not tier:
        return *listed, ""
    rate = rate_of(client, str(tier))
    return (
        (None, "", "")
        if rate is None
        else (listed.price.times(rate.factor), listed.as_of, rate.note(f"as {tier}"))
    )


def _beside(folder: Path, file: str | None) -> str | None:
    """Complete a path of an entry: relative ones start at the folder of the file that names them."""
    return None if file is None else str(folder / Path(file).expanduser())


def _split_address(rest: str, name: str) -> tuple[str, str | None]:
    """Split `NAME@http://…`. An `@` without an address belongs to the name, as in names of Vertex."""
    model_id, at, url = rest.partition("@http")
    if not at:
        bare, _, tail = rest.rpartition("@")
        if bare and (":" in tail or "/" in tail):
            better = re.sub(r"^\w*:*/+", "", tail)
            raise ModelError(
                f"--model {name}: what follows @ must begin with http:// or https://, as in {bare}@http://{better}."
            )
        return rest, None
    problem = address_problem("http" + url) or (
        "" if model_id else "the model's name is missing before the @."
    )
    if problem:
        # Without the address, as it may hold a password.
        raise ModelError(f"--model {name.partition('@http')[0]}@…: {problem}")
    return model_id, "http" + url
