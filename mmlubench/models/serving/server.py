"""What a model server tells of itself, without a question and without cost: its kind, its version, its models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from mmlubench.errors import ProviderError
from mmlubench.models.http.direct import plain_transport
from mmlubench.models.http.served import entries_of
from mmlubench.models.http.transport import Timeouts, Transport
from mmlubench.models.spec import ModelSpec

#: The seconds that a look may take: to connect, and in all.
_LOOK = Timeouts(connect_s=3.0, total_s=8.0)


class Kind(str, Enum):
    """The software of a server, as it shows in its answers; the name in an entry of models.yaml may be another one."""

    VLLM = "vLLM"
    LLAMACPP = "llama.cpp"
    LMSTUDIO = "LM Studio"
    OLLAMA = "Ollama"
    OTHER = "unknown"

    def __str__(self) -> str:
        return self.value


#: What the lists of models say under `owned_by`.
_OWNERS = {
    "vllm": Kind.VLLM,
    "llamacpp": Kind.LLAMACPP,
    "organization_owner": Kind.LMSTUDIO,
    "library": Kind.OLLAMA,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A model, or an adapter, in a server's list."""

    id: str
    root: str = ""
    """Where its weights come from: a folder or a name of the hub; empty if the server does not say."""
    parent: str = ""
    """Of an adapter, the model that it changes."""
    max_model_len: int | None = None
    """The most tokens of prompt and reply together; None if the server does not say."""
    meta: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What llama.cpp tells of its weights."""


@dataclass(frozen=True)
class Server:
    """One server, as it was a moment ago."""

    kind: Kind = Kind.OTHER
    version: str = ""
    models: tuple[Listed, ...] | None = None
    """Its list of models; None if it has none at this address."""
    status: int | None = None
    """The HTTP status of its list."""
    failure: ProviderError | None = None
    """Why it did not answer at all; None if it did."""
    is_healthy: bool | None = None
    """What its `/health` says; None if it has none."""
    props: Mapping[str, Any] = field(default_factory=dict)
    """What llama.cpp tells of its model and its settings."""

    def listed(self, name: str) -> Listed | None:
        """Return the model of that name in the list."""
        return next((model for model in self.models or () if model.id == name), None)


async def look(spec: ModelSpec, key: str | None) -> Server:
    """Look at the server of a model. Raises nothing but ModelError, for a proxy or certificates that cannot be used."""
    assert spec.base_url is not None
    root = spec.base_url.rstrip("/").removesuffix("/v1")
    with_key = plain_transport(spec.base_url, key=key, pool=2, timeouts=_LOOK, tls=spec.tls)
    # The key is for the routes of the protocol; /health and /version need none.
    beside = plain_transport(root, key=None, pool=4, timeouts=_LOOK, tls=spec.tls)
    try:
        try:
            reply = await with_key.get("/models")
        except ProviderError as error:
            return Server(failure=error)
        if not spec.self_hosted:
            return Server(models=_models(_json(reply.content)), status=reply.status)
        paths = ("/health", "/version", "/props")
        health, version, props = await asyncio.gather(*(_got(beside, path) for path in paths))
        listed = _json(reply.content) if reply.status == 200 else None
        return Server(
            kind=_kind(listed, version, props),
            version=str(version.get("version") or props.get("build_info") or ""),
            models=_models(listed),
            status=reply.status,
            is_healthy=None if health.get("status_code") in (None, 404) else health["status_code"] == 200,
            props=props,
        )
    finally:
        await asyncio.gather(with_key.aclose(), beside.aclose())


async def get_beside(spec: ModelSpec, key: str | None, path: str) -> Any:
    """Return the JSON at a path beside the protocol's `/v1`; None where there is none.

    Raises ModelError for a proxy or certificates that cannot be used.
    """
    assert spec.base_url is not None
    root = spec.base_url.rstrip("/").removesuffix("/v1")
    transport = plain_transport(root, key=key, pool=1, timeouts=_LOOK, tls=spec.tls)
    try:
        reply = await transport.get(path)
    except ProviderError:
        return None
    finally:
        await transport.aclose()
    return _json(reply.content) if reply.status == 200 else None


async def _got(transport: Transport, path: str) -> dict[str, Any]:
    """Return the object at a path, with its status; nothing where there is none."""
    try:
        reply = await transport.get(path)
    except ProviderError:
        return {}
    found = _json(reply.content) if reply.status == 200 else None
    return {**(found if isinstance(found, dict) else {}), "status_code": reply.status}


def _kind(listed: Any, version: Mapping[str, Any], props: Mapping[str, Any]) -> Kind:
    owners = [entry.get("owned_by") for entry in entries_of(listed) or () if isinstance(entry, dict)]
    for owner in owners:
        if isinstance(owner, str) and owner in _OWNERS:
            return _OWNERS[owner]
    if "default_generation_settings" in props:
        return Kind.LLAMACPP
    # A server of vLLM behind a key does not show its list without it.
    return Kind.VLLM if set(version) == {"version", "status_code"} and not owners else Kind.OTHER


def _models(listed: Any) -> tuple[Listed, ...] | None:
    entries = entries_of(listed)
    if (
        not entries
    ):  # an empty list says nothing: some servers show one to those whom they answer all the same
        return None
    return tuple(
        Listed(
            entry["id"],
            _text(entry.get("root")),
            _text(entry.get("parent")),
            _length(entry),
            meta if isinstance(meta := entry.get("meta"), dict) else {},
        )
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )


def _length(entry: Mapping[str, Any]) -> int | None:
    """The context of a model, as vLLM, llama.cpp, LM Studio and OpenRouter call it."""
    meta = entry.get("meta")
    found = [entry.get(name) for name in ("max_model_len", "max_context_length", "context_length")]
    found.append(meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((size for size in found if isinstance(size, int) and size > 0), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
