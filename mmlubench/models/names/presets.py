"""The presets of clients: their defaults and features in one table, so that a new server is a new row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.base import Model
from mmlubench.models.features import CHATS_ONLY, GRAMMAR, STRUCTURED, UNKNOWN, Features
from mmlubench.models.names.address import site
from mmlubench.models.spec import CACHED_FROM_AT_MOST, TAKES_ALL, Capabilities
from mmlubench.registry import Registry
from mmlubench.schema import Scoring

#: The class for OpenAI's protocol, which most servers use.
OPENAI_PROTOCOL = "mmlubench.models.http.openai_compatible:OpenAICompatible"
#: A pattern of the model id, and the parameters that such models refuse.
Refusal = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preset:
    """The defaults and features of one client."""

    base_url: str | None = None
    api_key_env: str | None = None
    """The variable of the API key, for the vendor's own address only: a key is never sent to any other address."""
    transport: str | None = "aiohttp"
    """`sdk` or `aiohttp`, for this address; any other address uses aiohttp, unless the client is `sdk_only`."""
    capabilities: Capabilities = TAKES_ALL
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    features: Features = UNKNOWN
    opens: str | Callable[..., Model] = OPENAI_PROTOCOL
    """What speaks to it: `module:attribute`, or a callable `(spec, *, key, pool) -> Model`.

    A subclass of `HttpModel` is given its `timeouts`, too, as --request-timeout says.

    For another protocol than OpenAI's, `features` has to say what it can do, mostly `CHATS_ONLY`.
    """
    refusals: tuple[Refusal, ...] = ()
    """The models that refuse, at the vendor's own address, parameters that its other models take."""
    tells_cost: bool = False
    """Whether each reply says what it cost."""
    sdk_only: bool = False
    """Whether the client works only with the vendor's SDK as its transport."""
    cached_from: tuple[tuple[str, int], ...] | None = None
    """The fewest tokens that are cached on request, by pattern of the model id; None if caching cannot be requested.

    OpenAI's servers, vLLM and llama.cpp cache without a request.
    """
    key_path: str | None = None
    """Where the vendor tells at no cost whether a key is valid, if its list of models is shown without one."""
    elsewhere: Preset | None = None
    """The preset for any address but the vendor's own; None for this one without its key, costs and refusals."""
    address_env: str | None = None
    """The variable that may hold another `base_url`, for a server of one's own; one without a path gets /v1."""
    own_key_env: str | None = None
    """The variable of a key that such a server may want: sent if it is set, to `base_url` or to `address_env` alone."""
    prices_of: str | None = None
    """The client whose price list holds at the vendor's address; None for this one."""
    other_sites: tuple[str, ...] = ()
    """Further domains of the vendor, as `address.site` writes them."""
    batches: str = ""
    """The kind of its batch API (`batch/services/catalog.py`), such as `openai` for all who copied OpenAI's."""


#: Neutral values of parameters that vLLM would otherwise take from the model's generation_config.json (top_k 20,
#: repetition_penalty 1.05 and the like), which change even greedy decoding.
_VLLM_NEUTRAL = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
#: Defaults that are sent to vLLM, which would otherwise use those of the model.
_NEUTRAL = {"temperature": 0.0, "top_p": 1.0}
#: Fields that make vLLM continue the beginning of a reply instead of starting a new one; other servers need none.
_CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}

#: Without these fields OpenRouter drops unsupported parameters silently and switches between providers.
_OPENROUTER = {"provider": {"require_parameters": True, "allow_fallbacks": False}}
_REASONING, _REFUSED = r"(o[1-9]|gpt-[5-9])(?!.*chat)", ("temperature", "top_p", "stop")
_NEW_CLAUDES = r"anthropic/claude-(opus-4\.[7-9]|[a-z]+-[5-9])"
#: Chats alone, whose log-probabilities are found out by a request for one token before they are used.
_CHATS = Features((Scoring.CHAT,), raw_prompts=False)
_BOTH_ROUTES = Features((Scoring.COMPLETIONS, Scoring.CHAT))
_NEW_LIMIT, _NO_SEED = Capabilities(max_tokens="max_completion_tokens"), Capabilities(seed=None)

#: The fewest tokens that Anthropic caches; it silently does not cache shorter prompts.
_CLAUDES_CACHED_FROM: tuple[tuple[str, int], ...] = (
    (r"claude-(opus-5|fable-5|mythos-5|sonnet-5-5|haiku-5-5)", 512),
    (r"claude-(opus-4-8|sonnet-[45]|opus-4(-[01])?(-\d{8})?$|3-7-sonnet)", 1024),
    (r"claude-(opus-4-7|3-5-haiku)", 2048),
)

PRESETS: dict[str, Preset] = {
    "mock": Preset(
        transport=None,
        features=Features(scorings_are_certain=True, adapters=True),
        opens="mmlubench.models.mock:Mock",
    ),
    "openai": Preset(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "sdk",
        Capabilities(max_tokens="max_completion_tokens"),
        features=Features(
            (Scoring.CHAT,),
            scorings_are_certain=True,
            scores_with_temperature_only=True,
            raw_prompts=False,
        ),
        refusals=((_REASONING, _REFUSED),),
        batches="openai",
        # Other servers of the protocol all know the old name of the token limit, max_tokens.
        elsewhere=Preset(features=Features(adapters=True)),
    ),
    # OpenAI's newer protocol, with which its reasoning models are spoken to; nothing is kept at OpenAI.
    "responses": Preset(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "sdk",
        Capabilities(max_tokens="max_output_tokens", seed=None, stop=None),
        extra_body={"store": False},
        features=Features(
            (Scoring.CHAT,),
            scorings_are_certain=True,
            scores_with_temperature_only=True,
            raw_prompts=False,
        ),
        opens="mmlubench.models.http.openai_responses:OpenAIResponses",
        refusals=((_REASONING, _REFUSED),),
        prices_of="openai",
        batches="openai",
        elsewhere=Preset(
            capabilities=Capabilities(max_tokens="max_output_tokens", seed=None, stop=None),
            features=replace(_CHATS, adapters=True),
            opens="mmlubench.models.http.openai_responses:OpenAIResponses",
        ),
    ),
    "openrouter": Preset(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "sdk",
        extra_body=_OPENROUTER,
        features=Features((Scoring.CHAT,)),
        refusals=(("openai/" + _REASONING, _REFUSED), (_NEW_CLAUDES, ("temperature", "top_p", "seed"))),
        tells_cost=True,
        key_path="/key",
        batches="openrouter",
    ),
    "vllm": Preset(
        "http://localhost:8000/v1",
        extra_body=_VLLM_NEUTRAL,
        parameters=_NEUTRAL,
        features=Features(constraint=STRUCTURED, adapters=True, continued=_CONTINUED),
    ),
    # SGLang takes the model's own defaults as vLLM does.
    "sglang": Preset("http://localhost:30000/v1", extra_body=_VLLM_NEUTRAL, parameters=_NEUTRAL),
    "lmstudio": Preset(
        "http://localhost:1234/v1", address_env="LMSTUDIO_ENDPOINT", own_key_env="LMSTUDIO_API_KEY"
    ),
    "ollama": Preset("http://localhost:11434/v1"),
    "llamacpp": Preset(
        "http://localhost:8080/v1",
        # The paper of MMLU had this number of tokens from GPT-3; the server has no limit.
        features=Features(
            (Scoring.COMPLETIONS, Scoring.CHAT), top_logprobs=100, constraint=GRAMMAR, adapters=True
        ),
    ),
    # Models in this process: the id is a folder, or the name of a repository on the hub.
    "transformers": Preset(
        transport=None,
        capabilities=Capabilities(seed=None),
        features=Features(
            (Scoring.COMPLETIONS, Scoring.CHAT, Scoring.ECHO),
            scorings_are_certain=True,
            top_logprobs=200,  # all are computed anyway; more would only make the logs longer
            adapters=True,
        ),
        opens="mmlubench.models.local.in_process:InProcess",
    ),
    # The Messages API of 2026-10-21 answers 400 to temperature, top_p and top_k, even at their defaults.
    "anthropic": Preset(
        "https://api.anthropic.com",
        "ANTHROPIC_API_KEY",
        "sdk",
        Capabilities(temperature=None, top_p=None, seed=None, stop="stop_sequences"),
        features=CHATS_ONLY,
        opens="mmlubench.models.http.anthropic:Anthropic",
        sdk_only=True,
        cached_from=_CLAUDES_CACHED_FROM,
        batches="anthropic",
    ),
    # Vendors of OpenAI's protocol, as their API references had it in November 2026. Where no log-probabilities are
    # named, the vendor refuses or ignores the request for them.
    "baseten": Preset("https://inference.baseten.co/v1", "BASETEN_API_KEY", features=_CHATS),
    "cerebras": Preset(
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        capabilities=_NEW_LIMIT,
        features=Features((Scoring.CHAT,)),
    ),
    "deepinfra": Preset("https://api.deepinfra.com/v1/openai", "DEEPINFRA_TOKEN", features=_BOTH_ROUTES),
    "deepseek": Preset(
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        capabilities=_NO_SEED,
        features=replace(_CHATS, scores_with_temperature_only=True),
        refusals=((r"deepseek-reasoner", ("temperature", "top_p")),),  # taken, and without effect
    ),
    "fireworks": Preset(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", features=Features(top_logprobs=5)
    ),
    # Its route for this protocol answers 400 to a field that it does not know.
    "gemini": Preset(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        capabilities=_NO_SEED,
        features=CHATS_ONLY,
    ),
    "groq": Preset(
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        capabilities=_NEW_LIMIT,
        features=CHATS_ONLY,
        batches="openai",
    ),
    "huggingface": Preset(
        "https://router.huggingface.co/v1", "HF_TOKEN", features=replace(_CHATS, top_logprobs=5)
    ),
    # It answers 422 to a field that it does not know.
    "mistral": Preset(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        capabilities=Capabilities(seed="random_seed"),
        features=CHATS_ONLY,
        batches="mistral",
    ),
    "nebius": Preset("https://api.tokenfactory.nebius.com/v1", "NEBIUS_API_KEY", features=_BOTH_ROUTES),
    "nvidia": Preset("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", features=_BOTH_ROUTES),
    "sambanova": Preset("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", features=CHATS_ONLY),
    "together": Preset(
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY",
        features=Features(logprobs_are_counted=True),
        other_sites=("together.xyz",),
        batches="together",
    ),
    "xai": Preset(
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        capabilities=_NEW_LIMIT,
        features=replace(_CHATS, top_logprobs=8),
        refusals=((r"grok-(3-mini|[4-9]|code|build)(?!.*non-reasoning)", ("stop",)),),
    ),
}


#: How else people write the name of a client under `provider`, in small letters and digits.
_MAKERS = {
    "togetherai": "together",
    "fireworksai": "fireworks",
    "google": "gemini",
    "googleai": "gemini",
    "mistralai": "mistral",
    "nvidianim": "nvidia",
    "hf": "huggingface",
}


def _as_preset(thing: Any) -> Preset | None:
    """A stranger's client is a preset, or the callable alone, which then has chats only and may name any adapter."""
    if isinstance(thing, Preset):
        return thing
    # A raw prompt would reach its server as an empty conversation.
    features = replace(CHATS_ONLY, adapters=True)
    return Preset(transport=None, features=features, opens=thing) if callable(thing) else None


CLIENTS: Registry[Preset] = Registry(
    "provider",
    PRESETS,
    _as_preset,
    must_be="a Preset, or a callable (spec, *, key, pool) -> Model",
    what="client",
    error=ModelError,
)


def preset_for(client: str, base_url: str | None) -> Preset:
    """Return the preset of a client at an address; at a custom address, without the vendor's key, costs and refusals.

    Raises ModelError for an unknown client.
    """
    preset = CLIENTS.find(client)
    if base_url is None or not is_elsewhere(client, base_url):
        return preset
    transport = "sdk" if preset.sdk_only else "aiohttp"
    usual = replace(preset, api_key_env=None, transport=transport, tells_cost=False, refusals=())
    return preset.elsewhere or usual


def is_elsewhere(client: str, base_url: str | None) -> bool:
    """Whether the server is not the vendor's own: a local client, or a custom address.

    Raises ModelError for an unknown client.
    """
    preset = CLIENTS.find(client)
    if preset.api_key_env is None:
        return True
    return base_url is not None and not _is_home(preset, base_url)


def _is_home(preset: Preset, base_url: str | None) -> bool:
    return site(base_url) in (site(preset.base_url), *preset.other_sites)


def capabilities_for(model_id: str, preset: Preset) -> Capabilities:
    """Return the capabilities of one model: those of the preset without the parameters that this model refuses."""
    refused = [name for pattern, names in preset.refusals if re.match(pattern, model_id) for name in names]
    return replace(preset.capabilities, **dict.fromkeys(refused)) if refused else preset.capabilities


def prompt_cache_of(model_id: str, preset: Preset) -> int | None:
    """Return the fewest tokens that the vendor caches on request; None if caching cannot be requested."""
    if preset.cached_from is None:
        return None
    known = (least for pattern, least in preset.cached_from if re.match(pattern, model_id))
    return next(known, CACHED_FROM_AT_MOST)


def client_of(model_name: str, provider: str | None, base_url: str | None) -> tuple[str, str]:
    """Split an entry's `model_name` into client and model id.

    The first part names the client, with two exceptions. `openai` is also the name of a protocol, so a vendor's address
    or `provider` may name another client of that protocol. If the first part is no client but `provider` is one, the
    whole name is the model id. At the address of another server than the vendor's, a vendor in `provider` is only the
    maker of the model. An unknown client is returned as given.
    """
    first, _, rest = model_name.partition("/")
    maker = re.sub(r"[^a-z0-9]", "", (provider or "").lower())  # "LM Studio", "llama.cpp"
    maker = _MAKERS.get(maker, maker)
    if (
        base_url is not None
        and maker in PRESETS
        and PRESETS[maker].api_key_env
        and is_elsewhere(maker, base_url)
    ):
        maker = ""
    if maker == "mock":
        return "mock", rest or model_name
    if first == "openai":
        for server in (_vendor_at(base_url), maker):
            if server in PRESETS and PRESETS[server].opens == OPENAI_PROTOCOL:
                return server, rest
    if first not in PRESETS and maker in PRESETS:
        return maker, model_name
    return first, rest


def _vendor_at(base_url: str | None) -> str:
    """Return the vendor of an address, other than OpenAI; empty if there is none."""
    vendors = (name for name, preset in PRESETS.items() if preset.api_key_env and name != "openai")
    return next((name for name in vendors if _is_home(PRESETS[name], base_url)), "")
