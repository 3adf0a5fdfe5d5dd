"""One entry of models.yaml, checked: unknown keys and wrong types are refused in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mmlubench.errors import ModelError
from mmlubench.models.names.address import address_problem
from mmlubench.models.spec import CACHED_FROM_AT_MOST, NO_LIMITS, STRICT, Capabilities, Price, RateLimits

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Parameters:
    """The sampling parameters an entry may set, under the names of `schema.Params`."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Those that were set."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if name == "stop" else v for name, v in values.items() if v is not None}


@dataclass(frozen=True, slots=True)
class CapabilityOverrides:
    """Changes to a client's capabilities: false, true, or the name under which the parameter is sent."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    temperature: bool | str | None = None
    max_tokens: bool | str | None = None
    top_p: bool | str | None = None
    seed: bool | str | None = None
    stop: bool | str | None = None
    prompt_cache: bool | int | None = None
    """No parameter: whether, and from how many tokens on, the server caches a beginning that is marked."""

    def over(self, base: Capabilities) -> Capabilities:
        """Make the changes to `base`."""
        return Capabilities(**{f.name: _name(self, base, f.name) for f in fields(base)})

    def cache_over(self, base: int | None) -> int | None:
        """Make the change to the fewest tokens that are cached; None: none are."""
        said = self.prompt_cache
        if said is None or said is False:
            return base if said is None else None
        return (base or CACHED_FROM_AT_MOST) if said is True else said


def _name(takes: CapabilityOverrides, base: Capabilities, parameter: str) -> str | None:
    said = getattr(takes, parameter)
    usual: str | None = getattr(base, parameter)
    if isinstance(said, str):
        return said
    if said is None:
        return usual
    return (usual or parameter) if said else None


@dataclass(frozen=True, slots=True)
class Entry:
    """The keys of an entry. The first nine are a format that others use already; the rest is ours."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    model_name: str
    model_type: str | None = None
    provider: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    description: str = ""
    name: str | None = None
    """Only in a file that is a list; in a mapping the key is the name."""
    price: Price | None = None
    capabilities: CapabilityOverrides = CapabilityOverrides()
    parameters: Parameters = Parameters()
    extra_body: dict[str, Any] = field(default_factory=dict)
    rate_limits: RateLimits = NO_LIMITS
    adapter: str | None = None
    transport: Literal["sdk", "aiohttp"] | None = None
    responses: str | None = None
    rule: str | None = None
    fallback: str | None = None
    latency_s: float = 0.0


@cache
def _adapter() -> TypeAdapter[Entry]:
    from pydantic import TypeAdapter  # late: it takes longer to import than all of this package

    return TypeAdapter(Entry)


def read_entry(raw: object, where: str) -> Entry:
    """Check one entry as YAML gave it. Raises ModelError that begins with `where` (file and entry)."""
    from pydantic import ValidationError

    # A key with nothing behind it is YAML's way to leave it open.
    given = {k: v for k, v in raw.items() if v is not None} if isinstance(raw, dict) else raw
    try:
        entry = _adapter().validate_python(given)
    except ValidationError as error:
        raise ModelError(f"{where}: {_sentence(error.errors(include_url=False)[0])}") from None
    problem = _problem(entry)
    if problem:
        raise ModelError(f"{where}: {problem}")
    return entry


def _problem(entry: Entry) -> str:
    """Check what types cannot say; a sentence, or nothing."""
    least = {
        "context_window": (entry.context_window, 1),
        "max_output_tokens": (entry.max_output_tokens, 1),
        "parameters.max_tokens": (entry.parameters.max_tokens, 1),
        "parameters.temperature": (entry.parameters.temperature, 0),
        "rate_limits.rpm": (entry.rate_limits.rpm, 1),
        "rate_limits.tpm": (entry.rate_limits.tpm, 1),
        "latency_s": (entry.latency_s, 0),
        "capabilities.prompt_cache": (entry.capabilities.cache_over(None), 1),
        **(
            {f"price.{f.name}": (getattr(entry.price, f.name), 0) for f in fields(Price)}
            if entry.price
            else {}
        ),
    }
    for path, (value, bound) in least.items():
        if value is not None and value < bound:
            return f"{path} is {value}: it must be at least {bound}."
    if entry.api_key_env and not re.fullmatch(r"[A-Za-z_]\w*", entry.api_key_env, re.ASCII):
        # The value is not shown: whoever gets this wrong has most likely put the key itself there.
        return "api_key_env must be the name of a variable, such as OPENAI_API_KEY, and never the key itself."
    return address_problem(entry.base_url)


def _sentence(error: ErrorDetails) -> str:
    """Say the first thing that is wrong with an entry."""
    *parents, key = [str(part) for part in error["loc"]] or ["entry"]
    if key == "bool":  # pydantic names the branch of a union that failed first
        other = {"prompt_cache": "the fewest tokens that are cached"}.get(
            parents[-1], "the name to send it under"
        )
        return f"{'.'.join(parents)} is {error['input']!r}: give true, false or {other}."
    path = ".".join([*parents, key])
    if error["type"] == "unexpected_keyword_argument":
        return f"unknown key {path!r}; allowed here: {', '.join(_allowed(parents))}."
    if error["type"] == "missing":
        return f"{path} is missing."
    if error["type"] == "dataclass_type":
        return f"{path} must be a mapping of keys to values, not {error['input']!r}."
    said = error["msg"][:1].lower() + error["msg"][1:]
    return f"{path} is {error['input']!r}: {said}."


def _allowed(parents: list[str]) -> list[str]:
    inner = {
        "price": Price,
        "capabilities": CapabilityOverrides,
        "parameters": Parameters,
        "rate_limits": RateLimits,
    }
    owner = inner.get(parents[0], Entry) if parents else Entry
    return [f.name for f in fields(owner)]
