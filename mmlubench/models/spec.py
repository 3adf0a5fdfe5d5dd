"""What is known about one model: all that a provider needs but the key, which is looked up when it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from mmlubench.models.features import UNKNOWN, Features
from mmlubench.schema import Scoring
from mmlubench.yaml_file import KNOWN_KEYS, at_least


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    input_per_mtok: float = field(metadata=at_least(0, "a number"))
    output_per_mtok: float = field(metadata=at_least(0, "a number"))
    cached_input_per_mtok: float | None = field(default=None, metadata=at_least(0, "a number"))
    """Price of input that came out of the prompt cache; None: as dear as any other input."""
    cache_write_per_mtok: float | None = field(default=None, metadata=at_least(0, "a number"))
    """Price of input that was written to the prompt cache; None: as dear as any other input."""

    def cost(
        self, input_tokens: int, cached_tokens: int, output_tokens: int, cache_write_tokens: int = 0
    ) -> float:
        """US dollars for these tokens; `cached_tokens` and `cache_write_tokens` are shares of `input_tokens`."""
        usual = self.input_per_mtok
        cached = usual if self.cached_input_per_mtok is None else self.cached_input_per_mtok
        write = usual if self.cache_write_per_mtok is None else self.cache_write_per_mtok
        fresh = input_tokens - cached_tokens - cache_write_tokens
        put_in = fresh * usual + cached_tokens * cached + cache_write_tokens * write
        return (put_in + output_tokens * self.output_per_mtok) / 1_000_000


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Under which name a model takes each sampling parameter; None where it does not take it."""

    temperature: str | None = "temperature"
    max_tokens: str | None = "max_tokens"
    top_p: str | None = "top_p"
    seed: str | None = "seed"
    stop: str | None = "stop"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the account may use: requests and tokens per minute, None for no limit."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    rpm: int | None = field(default=None, metadata=at_least(1))
    tpm: int | None = field(default=None, metadata=at_least(1))


#: No Anthropic model needs more tokens than this before it caches them; goes for those that nobody told us about.
CACHED_FROM_AT_MOST = 4096

NO_LIMITS = RateLimits()
TAKES_ALL = Capabilities()


@dataclass(frozen=True)
class ModelSpec:
    """One model, ready to be opened."""

    label: str
    """Names the model in case ids and files: only letters, digits, dot, hyphen and underscore."""
    client: str
    """Who is spoken to: a name of `PRESETS` (models/names/presets.py) or that of another package's provider."""
    model_id: str
    """The model as the client names it."""
    base_url: str | None = None
    api_key_env: str | None = None
    """The variable that holds the key; None where no key is needed."""
    model_type: str | None = None
    provider: str | None = None
    context_window: int | None = None
    """In tokens, as is `max_output_tokens`."""
    max_output_tokens: int | None = None
    description: str = ""
    price: Price | None = None
    price_as_of: str = ""
    """The day on which `price` was read off a list; empty where the user gave it, or where there is none."""
    tells_cost: bool = False
    """Whether each reply says what it cost."""
    prompt_cache: int | None = None
    """The fewest tokens of a shared beginning that are cached on request; None where that cannot be requested."""
    capabilities: Capabilities = TAKES_ALL
    features: Features = UNKNOWN
    """What its server can do."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters used where none were asked for, under the names of `schema.Params`."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Sent with every request as it stands; a value of None is left out."""
    rate_limits: RateLimits = NO_LIMITS
    adapter: str | None = None
    """LoRA adapter, as the server names it; it is asked for in place of the model."""
    constraint: str | None = None
    """The server's word for a choice of replies (`models/constraint.py`); None where it has none or none is asked."""
    transport: str | None = None
    """`sdk` or `aiohttp`; None lets the client decide."""
    self_hosted: bool = False
    """Served from somewhere else than the vendor's own address."""
    responses: str | None = None
    """Mock: the file its replies come from."""
    rule: str | None = None
    """Mock: what answers an id that is not in `responses`: hash, echo or a letter."""
    fallback: str | None = None
    """The mock file that stands in when the key is missing."""
    latency_s: float = 0.0
    """Mock: seconds every reply takes."""
    notice: str = ""
    """What a user must be told about this model before anything is asked, for example that it is a mock."""

    @property
    def is_mock(self) -> bool:
        """Whether the replies are made up."""
        return self.client == "mock"

    @property
    def scorings(self) -> tuple[Scoring, ...]:
        """The ways in which it may be scored by log-probability, best first; a server may know fewer."""
        is_barred = self.features.scores_with_temperature_only and self.capabilities.temperature is None
        return () if is_barred else self.features.scorings

    @property
    def asked_model(self) -> str:
        """The name that goes into a request."""
        return self.adapter or self.model_id

    def to_dict(self) -> dict[str, Any]:
        """For the manifest: plain values, no secret among them."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """Everything that can change an answer, for the key of the store; no secret among it.

        A field is part of it unless it is known to concern only names, money or pace. For a mock's replies it is the
        file's content that counts, not its name.
        """
        values = {name: value for name, value in asdict(self).items() if name not in _INDIFFERENT}
        return {**values, "responses": self.responses and _digest(self.responses)}


#: File systems take 255 bytes for a name, in which a benchmark, a time and an ending must have their place.
_LABEL_CHARS = 120
#: Fields of a spec that change no answer. A new field counts until it is named here: an answer too few can be
#: asked for again, a wrong one cannot be told from a right one.
_INDIFFERENT = frozenset(
    [
        *("label", "description", "notice"),
        *("api_key_env", "transport", "self_hosted", "fallback"),
        *("price", "price_as_of", "tells_cost", "prompt_cache"),
        *("rate_limits", "context_window", "latency_s"),
        "features",  # what follows from them is in the request: its parameters, its prompt or messages, its choice
        "constraint",  # the choice itself is in the request, whatever the server's word for it
    ]
)


def _digest(file: str) -> str:
    """SHA-256 of a file; empty if it cannot be read, which the model that needs it will tell."""
    digest = sha256()
    try:
        with Path(file).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def label_of(name: str) -> str:
    """Make a name fit for case ids and files: `vllm/Qwen/Qwen2.5-7B` becomes `vllm-Qwen-Qwen2.5-7B`."""
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
    if len(label) <= _LABEL_CHARS:
        return label
    end = f"-{sha256(name.encode()).hexdigest()[:8]}"  # two long names of one beginning stay two names
    return label[: _LABEL_CHARS - len(end)] + end
