"""One entry of models.yaml, validated: an unknown key or a wrong type is refused with one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from mmlubench.errors import ModelError
from mmlubench.models.local.options import USUAL, LocalOptions
from mmlubench.models.names.address import address_problem
from mmlubench.models.secrecy import note_in
from mmlubench.models.spec import CACHED_FROM_AT_MOST, NO_LIMITS, Capabilities, Price, RateLimits
from mmlubench.yaml_file import KNOWN_KEYS, at_least, check, key

_SENT_AS = key("true, false or the name to send it under")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The sampling parameters an entry may set, under the names of `schema.Params`."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    temperature: float | None = field(default=None, metadata=at_least(0, "a number"))
    max_tokens: int | None = field(default=None, metadata=at_least(1))
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Return the parameters that are set, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if name == "stop" else v for name, v in values.items() if v is not None}


@dataclass(frozen=True, slots=True)
class CapabilityOverrides:
    """Changes to a client's capabilities: false, true, or the name under which the parameter is sent."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    temperature: bool | str | None = field(default=None, metadata=_SENT_AS)
    max_tokens: bool | str | None = field(default=None, metadata=_SENT_AS)
    top_p: bool | str | None = field(default=None, metadata=_SENT_AS)
    seed: bool | str | None = field(default=None, metadata=_SENT_AS)
    stop: bool | str | None = field(default=None, metadata=_SENT_AS)
    prompt_cache: bool | int | None = field(
        default=None,
        # True is 1 to Python, False 0.
        metadata=key(
            "true, false or the fewest tokens that are cached, at least 1",
            lambda value: value is False or value >= 1,
        ),
    )
    """Not a parameter: whether the server caches the marked beginning of a prompt, and from how many tokens on."""

    def over(self, base: Capabilities) -> Capabilities:
        """Return `base` with the changes applied."""
        return Capabilities(**{f.name: _name(self, base, f.name) for f in fields(base)})

    def cache_over(self, base: int | None) -> int | None:
        """Return the fewest tokens that are cached, `base` with the change applied; None for no caching."""
        given = self.prompt_cache
        if given is None or given is False:
            return base if given is None else None
        return (base or CACHED_FROM_AT_MOST) if given is True else given


def _name(overrides: CapabilityOverrides, base: Capabilities, parameter: str) -> str | None:
    given = getattr(overrides, parameter)
    usual: str | None = getattr(base, parameter)
    if isinstance(given, str):
        return given
    if given is None:
        return usual
    return (usual or parameter) if given else None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """The keys of an entry. The first nine are a format that other tools use, too; the rest is ours."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    model_name: str
    model_type: str | None = None
    provider: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    context_window: int | None = field(default=None, metadata=at_least(1))
    max_output_tokens: int | None = field(default=None, metadata=at_least(1))
    description: str = ""
    name: str | None = None
    """Only in a file that is a list; in a mapping the key is the name."""
    price: Price | None = None
    capabilities: CapabilityOverrides = CapabilityOverrides()
    parameters: Parameters = Parameters()
    extra_body: dict[str, Any] = field(default_factory=dict)
    rate_limits: RateLimits = NO_LIMITS
    adapter: str | None = None
    adapter_path: str | None = None
    local: LocalOptions = USUAL
    transport: Literal["sdk", "aiohttp"] | None = None
    ca_file: str | None = None
    verify: bool = True
    client_cert: str | None = None
    client_key: str | None = None
    responses: str | None = None
    rule: str | None = None
    fallback: str | None = None
    latency_s: float = field(default=0.0, metadata=at_least(0, "a number"))


def read_entry(raw: object, where: str) -> ModelEntry:
    """Validate one entry as read from YAML. Raises ModelError that begins with `where` (file and entry)."""
    entry = check(ModelEntry, raw, where, ModelError)
    if entry.api_key_env and not re.fullmatch(r"[A-Za-z_]\w*", entry.api_key_env, re.ASCII):
        # The value is not shown, as it is most likely the key itself.
        raise ModelError(
            f"{where}: api_key_env must be the name of a variable, such as OPENAI_API_KEY, and never the key itself."
        )
    if entry.ca_file and not entry.verify:
        raise ModelError(f"{where}: ca_file has no meaning with verify: false; leave one of them out.")
    if entry.client_key and not entry.client_cert:
        raise ModelError(f"{where}: client_key is given without the client_cert that it belongs to.")
    if problem := address_problem(entry.base_url):
        raise ModelError(f"{where}: {problem}")
    note_in(entry.extra_body)
    return entry
