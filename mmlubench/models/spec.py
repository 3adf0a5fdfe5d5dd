"""The specification of a model: all that its provider needs except the API key, which is looked up at use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from mmlubench.models.features import UNKNOWN, Features
from mmlubench.models.local.options import USUAL, LocalOptions
from mmlubench.models.local.weights import digest_of_folder
from mmlubench.models.secrecy import veiled
from mmlubench.models.tls import USUAL_TLS, Tls
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
        """Return US dollars for these tokens; `cached_tokens` and `cache_write_tokens` are part of `input_tokens`."""
        usual = self.input_per_mtok
        cached = usual if self.cached_input_per_mtok is None else self.cached_input_per_mtok
        write = usual if self.cache_write_per_mtok is None else self.cache_write_per_mtok
        uncached = input_tokens - cached_tokens - cache_write_tokens
        input_cost = uncached * usual + cached_tokens * cached + cache_write_tokens * write
        return (input_cost + output_tokens * self.output_per_mtok) / 1_000_000

    def times(self, factor: float) -> Price:
        """Return the price of a way of asking that costs this factor of it, such as a batch."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return Price(**{name: value and value * factor for name, value in given.items()})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The name under which a model takes each sampling parameter; None if the model does not take it."""

    temperature: str | None = "temperature"
    max_tokens: str | None = "max_tokens"
    top_p: str | None = "top_p"
    seed: str | None = "seed"
    stop: str | None = "stop"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The rate limits of an account: requests and tokens per minute, None for no limit."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    rpm: int | None = field(default=None, metadata=at_least(1))
    tpm: int | None = field(default=None, metadata=at_least(1))


def thinks(extra_body: Mapping[str, Any]) -> bool:
    """Whether a request body turns thinking on in the words of Anthropic's API."""
    thinking = extra_body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


#: The largest minimum prefix (tokens) that Anthropic sets for caching; assumed for models whose minimum is not known.
CACHED_FROM_AT_MOST = 4096

NO_LIMITS = RateLimits()
TAKES_ALL = Capabilities()


@dataclass(frozen=True)
class ModelSpec:
    """The specification of one model."""

    label: str
    """The name of the model in case ids and files: a `safe_name`, with that of its adapter."""
    client: str
    """The client: a name of `PRESETS` (models/names/presets.py) or that of another package's provider."""
    model_id: str
    """The name of the model at the provider."""
    base_url: str | None = None
    api_key_env: str | None = None
    """The environment variable that holds the API key; None where no key is needed."""
    model_type: str | None = None
    provider: str | None = None
    context_window: int | None = None
    """In tokens, as is `max_output_tokens`."""
    max_output_tokens: int | None = None
    description: str = ""
    price: Price | None = None
    price_as_of: str = ""
    """The day on which `price` was taken from a price list; empty if the user gave it, or if there is no price."""
    rates: str = ""
    """Why `price` is not that of a usual request, such as `x 0.5 in a batch`; empty if it is."""
    tells_cost: bool = False
    """Whether each reply states its cost."""
    prompt_cache: int | None = None
    """The fewest tokens of a shared prefix that are cached on request; None where caching cannot be requested."""
    capabilities: Capabilities = TAKES_ALL
    features: Features = UNKNOWN
    """The features of its server."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters used where a request sets none, under the names of `schema.Params`."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Fields added unchanged to the body of every request; a value of None is left out."""
    rate_limits: RateLimits = NO_LIMITS
    is_bare: bool = False
    """Whether the model is asked without an adapter on purpose, beside one that its server may apply by itself."""
    adapter: str | None = None
    """The name of a LoRA adapter at the server; requests name it in place of the model."""
    adapter_path: str | None = None
    """The folder of that adapter: to load it at the server, to check it, or for a model in process."""
    local: LocalOptions = USUAL
    """How a model in process is loaded and run."""
    constraint: str | None = None
    """The server's parameter for constrained decoding (`models/constraint.py`); None if it has none or none is used."""
    transport: str | None = None
    """`sdk`, or `aiohttp` for plain HTTP (`models/http/direct.py`); None lets the client decide."""
    tls: Tls = USUAL_TLS
    """Whose certificates are trusted, and what its server is shown."""
    self_hosted: bool = False
    """Whether the server is another one than the vendor's own."""
    responses: str | None = None
    """Mock: the file with its replies."""
    rule: str | None = None
    """Mock: the rule that answers an id missing in `responses`: hash, echo or a letter."""
    fallback: str | None = None
    """The file of mock replies that is used when the API key is missing."""
    latency_s: float = 0.0
    """Mock: the seconds that every reply takes."""
    base_label: str = ""
    """The label without the adapter; empty where it is the same."""
    notice: str = ""
    """A remark on this model for the user before any request is sent, for example that it is a mock."""

    @property
    def is_mock(self) -> bool:
        """Whether the replies are mock replies."""
        return self.client == "mock"

    @property
    def is_unverified(self) -> bool:
        """Whether its server is asked over TLS without verifying the server's certificate."""
        return not self.tls.verify and (self.base_url or "").lower().startswith("https:")

    @property
    def scorings(self) -> tuple[Scoring, ...]:
        """The ways in which it may be scored by log-probability, best first; a server may know fewer."""
        is_barred = self.features.scores_with_temperature_only and self.capabilities.temperature is None
        return () if is_barred else self.features.scorings

    @property
    def asked_model(self) -> str:
        """The name that requests send: that of the adapter, if there is one and the body does not choose it."""
        return self.model_id if "lora" in self.extra_body else self.adapter or self.model_id

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the manifest, with no secret among them."""
        return {**asdict(self), "extra_body": veiled(self.extra_body)}

    def identity(self) -> dict[str, Any]:
        """Return everything that can change an answer, for the key of the store, with no secret among it.

        Every field is included unless it is known to concern only names, money or speed. The file of mock replies is
        represented by the hash of its content, not by its name, and so are an adapter and a model of one's own disk.
        """
        values = {name: value for name, value in self.to_dict().items() if name not in _INDIFFERENT}
        digests = {
            "responses": self.responses and _digest(self.responses),
            "adapter_path": self.adapter_path and digest_of_folder(self.adapter_path),
            "weights": digest_of_folder(self.model_id) if self.client == "transformers" else None,
        }
        # Left out where there is none, so that what was stored before there were any is still found.
        return values | {name: digest for name, digest in digests.items() if digest or name == "responses"}


#: Fields of a spec that change no answer. A new field is part of the identity until it is listed here: that only sends
#: some requests again, whereas a field wrongly left out would return the stored answers of another model.
_INDIFFERENT = frozenset(
    [
        *("label", "base_label", "description", "notice", "is_bare"),
        *("api_key_env", "transport", "tls", "self_hosted", "fallback"),
        *("price", "price_as_of", "rates", "tells_cost", "prompt_cache"),
        *("rate_limits", "context_window", "latency_s"),
        "features",  # what follows from them is in the request: its parameters, its prompt or messages, its choice
        *(
            "adapter_path",
            "local",
        ),  # their content is hashed, and how it is computed changes the last digits only
        "constraint",  # the choice itself is in the request, whatever the server's field for it
    ]
)


def _digest(file: str) -> str:
    """Return the SHA-256 of a file; empty if it cannot be read, which the mock itself reports when it is opened."""
    digest = sha256()
    try:
        with Path(file).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
