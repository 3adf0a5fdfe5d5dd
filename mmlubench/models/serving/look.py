"""The look at a model server: what it tells of itself, asked for without a question and without cost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import orjson

from mmlubench.errors import ProviderError, Unreachable
from mmlubench.models.http.direct import plain_transport
from mmlubench.models.http.failures import read_error
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.served import entries_of
from mmlubench.models.http.transport import Timeouts, Transport
from mmlubench.models.names.presets import CLIENTS
from mmlubench.models.serving.loras import files_of
from mmlubench.models.serving.server import NO_KEY, Kind, Listed, Server
from mmlubench.models.spec import ModelSpec
from mmlubench.registry import imported

#: The seconds that a look may take: to connect, and in all.
_LOOK = Timeouts(connect_s=3.0, total_s=6.0)
#: A failure within this time (seconds) is no slow server, and a second try costs no time.
_AT_ONCE_S = 1.0
_OK, _NOT_FOUND, _NOT_READY = 200, 404, 503
#: The folder of the routes of OpenAI's protocol.
_FOLDER = "/v1"
#: What the lists of models say under `owned_by`.
_OWNERS = {
    "vllm": Kind.VLLM,
    "llamacpp": Kind.LLAMACPP,
    "organization_owner": Kind.LMSTUDIO,
    "library": Kind.OLLAMA,
}
#: The servers whose /health is known to ask no model.
_TELL_HEALTH = frozenset([Kind.VLLM, Kind.LLAMACPP])


def has_look(spec: ModelSpec) -> bool:
    """Whether a model has a server that tells of itself: it is asked over HTTP, in any of the protocols."""
    return spec.base_url is not None and not spec.is_mock and _provider(spec) is not None


def _provider(spec: ModelSpec) -> type[HttpModel] | None:
    opens = CLIENTS.find(spec.client).opens
    provider = imported(opens) if isinstance(opens, str) else opens
    return provider if isinstance(provider, type) and issubclass(provider, HttpModel) else None


async def look(spec: ModelSpec, key: str | None) -> Server:
    """Look at the server of a model, where `has_look`. Raises ModelError for a proxy or certificates of no use."""
    provider = _provider(spec)
    assert provider is not None
    model = provider(spec, key=key, pool=2, timeouts=_LOOK)
    try:
        begun = perf_counter()
        try:
            replies = await _told(model, spec)
            folder = await _missing_folder(model, spec) if replies[0].status == _NOT_FOUND else ""
        except ProviderError as error:
            # To connect has a shorter limit, so that a server that took all of the time was reached.
            is_late = perf_counter() - begun >= _LOOK.total_s
            is_slow = is_late and isinstance(error, Unreachable) and error.timed_out
            return Server(failure=None if is_slow else error)
    finally:
        await model.aclose()
    reply = next((one for one in replies if one.status == NO_KEY), replies[0])
    said = "" if reply.status == _OK else read_error(reply.content).message
    listed = _json(replies[0].content) if replies[0].status == _OK else None
    server = Server(models=_models(listed), folder=folder, status=reply.status, said=said)
    if not spec.self_hosted:
        return server
    server = await _with_kind(spec, listed, server)
    if server.kind is not Kind.LLAMACPP:
        return server
    return replace(server, loras=files_of(await get_beside(spec, key, "/lora-adapters")))


async def _told(model: HttpModel, spec: ModelSpec) -> list[Reply]:
    """Return the list of models, and what the vendor says of the key where the list does not. Raises ProviderError.

    Whatever may pass at once, such as a connection that was reset, is tried a second time.
    """
    key_path = None if spec.self_hosted else CLIENTS.find(spec.client).key_path
    paths = [model.listing, *([key_path] if key_path else ())]
    begun = perf_counter()
    try:
        return list(await asyncio.gather(*map(model.told, paths)))
    except ProviderError as error:
        if not error.retryable or perf_counter() - begun > _AT_ONCE_S:
            raise
    return list(await asyncio.gather(*map(model.told, paths)))


async def _missing_folder(model: HttpModel, spec: ModelSpec) -> str:
    """Return `/v1` if the list that is not at the address is there. Raises ProviderError."""
    if not spec.self_hosted or model.listing.startswith(_FOLDER) or (spec.base_url or "").endswith(_FOLDER):
        return ""
    found = await model.told(f"{_FOLDER}{model.listing}")
    return _FOLDER if found.status == _OK and _models(_json(found.content)) is not None else ""


async def _with_kind(spec: ModelSpec, listed: Any, server: Server) -> Server:
    """Return the server with its kind, and what servers of that kind tell besides.

    The key is for the routes of the protocol; these need none. Only vLLM and llama.cpp are asked for their health: a
    gateway such as LiteLLM would ask all of its models a question for it.
    """
    assert spec.base_url is not None
    root = spec.base_url.rstrip("/").removesuffix(_FOLDER)
    beside = plain_transport(root, key=None, pool=4, timeouts=_LOOK, tls=spec.tls)
    try:
        version, props = await asyncio.gather(_got(beside, "/version"), _got(beside, "/props"))
        kind = _kind(listed, version, props)
        health = await _got(beside, "/health") if kind in _TELL_HEALTH else {}
        has_lora = kind is Kind.VLLM and await _has_lora(beside)
    finally:
        await beside.aclose()
    return replace(
        server,
        kind=kind,
        version=str(version.get("version") or props.get("build_info") or ""),
        is_healthy={_OK: True, _NOT_READY: False}.get(health.get("status_code", 0)),
        props=props,
        has_lora=has_lora,
    )


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
    return _json(reply.content) if reply.status == _OK else None


async def _has_lora(transport: Transport) -> bool:
    """Whether the metrics of a vLLM have that of LoRA, which is there only with --enable-lora."""
    try:
        reply = await transport.get("/metrics")
    except ProviderError:
        return False
    return reply.status == _OK and b"vllm:lora_requests_info" in reply.content


async def _got(transport: Transport, path: str) -> dict[str, Any]:
    """Return the object at a path, with its status; nothing where there is none."""
    try:
        reply = await transport.get(path)
    except ProviderError:
        return {}
    found = _json(reply.content) if reply.status == _OK else None
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
    if isinstance(listed, dict) and listed.get("has_more"):  # one page of several, as Anthropic sends them
        return None
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
            entry["created"] if isinstance(entry.get("created"), int) else None,
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
