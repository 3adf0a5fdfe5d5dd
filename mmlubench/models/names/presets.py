"""What is known of each client without being told: a table, so that a new server is a row and no code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from mmlubench.models.spec import CACHED_FROM_AT_MOST, TAKES_ALL, Capabilities

ENTRY_POINTS = "mmlubench.providers"


@dataclass(frozen=True, slots=True)
class Preset:
    """The defaults of one client."""

    base_url: str | None = None
    api_key_env: str | None = None
    """Needed at the vendor's own address only: a key is never sent to an address it was not made for."""
    transport: str | None = None
    """At the vendor's own address; aiohttp speaks to any other address of an OpenAI-compatible client."""
    capabilities: Capabilities = TAKES_ALL
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapters: bool = False
    """Whether the server can be asked for a LoRA adapter by name."""
    tells_cost: bool = False
    """Whether each reply says what it cost."""


#: vLLM takes its defaults from the model's generation_config.json (top_k 20, repetition_penalty 1.05 and
#: the like), which bend even greedy decoding; so each of them is sent, at the value that changes nothing.
_VLLM_NEUTRAL = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
#: Nothing else comes between a request and a server that would take its own: what the harness asks for by default.
_NEUTRAL = {"temperature": 0.0, "top_p": 1.0}

#: OpenRouter drops unsupported parameters silently and moves between providers unless told not to.
_OPENROUTER = {"provider": {"require_parameters": True, "allow_fallbacks": False}}

PRESETS: dict[str, Preset] = {
    "mock": Preset(adapters=True),
    "openai": Preset(
        "https://api.openai.com/v1", "OPENAI_API_KEY", "sdk", Capabilities(max_tokens="max_completion_tokens")
    ),
    "openrouter": Preset(
        "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "sdk", extra_body=_OPENROUTER, tells_cost=True
    ),
    "vllm": Preset(
        "http://localhost:8000/v1",
        transport="aiohttp",
        extra_body=_VLLM_NEUTRAL,
        parameters=_NEUTRAL,
        adapters=True,
    ),
    "lmstudio": Preset("http://localhost:1234/v1", transport="aiohttp"),
    "llamacpp": Preset("http://localhost:8080/v1", transport="aiohttp"),
    # The Messages API of 2026-10-21 answers 400 to temperature, top_p and top_k, even at their defaults.
    "anthropic": Preset(
        "https://api.anthropic.com",
        "ANTHROPIC_API_KEY",
        "sdk",
        Capabilities(temperature=None, top_p=None, seed=None, stop="stop_sequences"),
    ),
}

#: Any other server that speaks OpenAI's protocol: the old name of the token limit is the one they all know.
_SELF_HOSTED = Preset(transport="aiohttp", adapters=True)

#: Models that refuse what their client takes otherwise: client, pattern of the model id, parameters.
_REASONING = r"(o[1-9]|gpt-[5-9])(?!.*chat)"
_REFUSALS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("openai", _REASONING, ("temperature", "top_p", "stop")),
    ("openrouter", "openai/" + _REASONING, ("temperature", "top_p", "stop")),
    ("openrouter", r"anthropic/claude-(opus-4\.[7-9]|[a-z]+-[5-9])", ("temperature", "top_p", "seed")),
)

#: Fewest tokens that Anthropic caches, by pattern of the model id; what is shorter it leaves uncached in silence.
_CACHED_FROM: tuple[tuple[str, int], ...] = (
    (r"claude-(opus-5|fable-5|mythos-5|sonnet-5-5|haiku-5-5)", 512),
    (r"claude-(opus-4-8|sonnet-[45]|opus-4(-[01])?(-\d{8})?$|3-7-sonnet)", 1024),
    (r"claude-(opus-4-7|3-5-haiku)", 2048),
)


def preset_for(client: str, base_url: str | None) -> Preset:
    """Return the defaults of a client at an address; a custom one drops the vendor's key and peculiarities."""
    preset = PRESETS.get(client, Preset())
    if base_url is None or not is_elsewhere(client, base_url):
        return preset
    if client == "openai":
        return _SELF_HOSTED
    transport = "sdk" if client == "anthropic" else "aiohttp"
    return replace(preset, api_key_env=None, transport=transport, tells_cost=False)


def is_elsewhere(client: str, base_url: str | None) -> bool:
    """Whether the server is not the vendor's own: a local client, or a custom address."""
    preset = PRESETS.get(client)
    if preset is None or preset.api_key_env is None:
        return True
    return base_url is not None and site(base_url) != site(preset.base_url)


def capabilities_for(client: str, model_id: str, preset: Preset) -> Capabilities:
    """Return what this very model takes; at the vendor's own address some models refuse what their siblings take."""
    refused = [
        name
        for its_client, pattern, names in _REFUSALS
        if its_client == client and preset.transport == "sdk" and re.match(pattern, model_id)
        for name in names
    ]
    return replace(preset.capabilities, **dict.fromkeys(refused)) if refused else preset.capabilities


def prompt_cache_of(client: str, model_id: str) -> int | None:
    """Return the fewest tokens that are cached on request at the vendor's own address; None: it cannot be requested.

    OpenAI's servers cache of their own accord, as do vLLM and llama.cpp: there is nothing to request.
    """
    if client != "anthropic":
        return None
    known = (least for pattern, least in _CACHED_FROM if re.match(pattern, model_id))
    return next(known, CACHED_FROM_AT_MOST)


def client_of(model_name: str, provider: str | None, base_url: str | None) -> tuple[str, str]:
    """Split an entry's `model_name` into client and model id.

    The first part names the client. Two refinements: `openai` is also the name of a protocol, so `provider`
    (or OpenRouter's address) tells which server speaks it; and where the first part is no client at all,
    a `provider` that is one takes the whole name. A client that nobody knows comes back as it was given.
    """
    first, _, rest = model_name.partition("/")
    maker = re.sub(r"[^a-z0-9]", "", (provider or "").lower())  # "LM Studio", "llama.cpp"
    if maker == "mock":
        return "mock", rest or model_name
    if first == "openai" and site(base_url) == site(PRESETS["openrouter"].base_url):
        return "openrouter", rest
    if first == "openai" and maker in PRESETS and maker != "anthropic":
        return maker, rest
    if first not in PRESETS and maker in PRESETS:
        return maker, model_name
    return first, rest


def is_known(client: str) -> bool:
    """Whether a client can be named; the plugins are asked only where the table has no answer."""
    return client in PRESETS or client in known_clients()


def known_clients() -> list[str]:
    """Every client that can be named: the built-in ones and those of installed plugins."""
    from importlib.metadata import entry_points

    return sorted({*PRESETS, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def address_problem(url: str | None) -> str:
    """Why `url` cannot be a base_url, as a sentence; empty if it can, or if there is none."""
    if url is None:
        return ""
    if "@" in url:
        return "base_url must not hold a user name or password: name the key's variable in api_key_env."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, a bracket left open
        return f"base_url is {url!r}: that is no address; write it like http://localhost:8000/v1."
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"base_url is {url!r}: it must begin with http:// or https://, like http://localhost:8000/v1."
    if parts.query or parts.fragment:
        return f"base_url is {url!r}: it must end with its path, without ? or #."
    return ""


def site(url: str | None) -> str:
    """Return the last two parts of an address's host: regional hosts of a vendor are still the vendor."""
    name = (urlsplit(url or "").hostname or "").lower()
    return ".".join(name.split(".")[-2:])
