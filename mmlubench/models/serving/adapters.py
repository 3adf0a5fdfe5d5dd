"""Adapters at a server: listed, loaded and unloaded while it runs.

vLLM: `POST /v1/load_lora_adapter` and `/v1/unload_lora_adapter`, if it was started with --enable-lora and with
VLLM_ALLOW_RUNTIME_LORA_UPDATING=True (https://docs.vllm.ai/en/latest/features/lora/). llama.cpp: adapters are named
when the server is started; `GET` and `POST /lora-adapters` show and set how much of each counts (its scale).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mmlubench.errors import ModelError, ProviderError
from mmlubench.models.adapters.fit import misfit
from mmlubench.models.adapters.folder import CONFIG, AdapterFolder
from mmlubench.models.http.direct import plain_transport
from mmlubench.models.http.failures import Failures
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.transport import Timeouts
from mmlubench.models.serving.look import look
from mmlubench.models.serving.server import Kind, Server
from mmlubench.models.spec import ModelSpec

#: The seconds that loading may take: a large adapter is copied to all devices.
_LOADING = Timeouts(connect_s=3.0, total_s=300.0)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An adapter that a server has."""

    name: str
    base: str
    """The model that it changes, as the server names it."""
    path: str
    """Its folder or file at the server."""
    scale: float | None = None
    """llama.cpp: how much of it counts, from 0 to 1."""


async def listed(spec: ModelSpec, key: str | None) -> list[Loaded]:
    """Return the adapters of a model's server. Raises ProviderError if it cannot be asked."""
    server = await _reached(spec, key)
    if server.kind is Kind.LLAMACPP:
        return [
            Loaded(
                Path(str(one.get("path", ""))).stem, spec.model_id, str(one.get("path", "")), one.get("scale")
            )
            for one in await _scales(spec, key)
        ]
    return [Loaded(model.id, model.parent, model.root) for model in server.models or () if model.parent]


async def load(spec: ModelSpec, name: str, path: str | None, key: str | None) -> None:
    """Load an adapter at a vLLM server, or turn one on at a llama.cpp server.

    Where the folder can be read here, too, its adapter has to fit the model: vLLM loads any other without a word.
    Raises ModelError if vLLM is given no path, if it does not fit, or if the server cannot load it, with what to do.
    """
    server = await _reached(spec, key)
    if server.kind is Kind.LLAMACPP:
        await _set_scale(spec, name, 1.0, key)
        return
    if not path:
        raise ModelError(
            f"{spec.label}: vLLM at {spec.base_url} loads an adapter from a folder: give --path FOLDER, as the server "
            f"sees it, or its name on the hub, to load {name!r}."
        )
    base = server.listed(spec.model_id)
    check_fit(path, base.root if base is not None else "", f"the adapter {name}")
    body = {"lora_name": name, "lora_path": path}
    reply = await _post(spec, "/load_lora_adapter", body, key)
    if reply.status != 200 and "already been loaded" not in reply.content.decode(errors="replace"):
        advice = (
            "see the server's log" if reply.status >= 500 else "the path must be one that the server can read"
        )
        raise _refused(spec, f"cannot load the adapter {name} from {path}", reply, advice)


async def unload(spec: ModelSpec, name: str, key: str | None) -> None:
    """Unload an adapter of a vLLM server, or turn one off at a llama.cpp server. Raises ModelError."""
    server = await _reached(spec, key)
    if server.kind is Kind.LLAMACPP:
        await _set_scale(spec, name, 0.0, key)
        return
    reply = await _post(spec, "/unload_lora_adapter", {"lora_name": name}, key)
    if reply.status != 200:
        there = ", ".join(repr(model.id) for model in server.models or () if model.parent) or "none"
        raise _refused(spec, f"cannot unload the adapter {name}", reply, f"the adapters that it has: {there}")


def check_fit(path: str, root: str, what: str) -> None:
    """Raise ModelError if an adapter whose folder can be read here does not fit the base model.

    `root` is where the server has its base model from: a folder, which may be readable here, or a name.
    """
    folder = Path(path).expanduser()
    if not (folder / CONFIG).is_file():
        return  # on the server's disk, or a name of the hub
    base = Path(root).expanduser()
    is_folder = bool(root) and (base / "config.json").is_file()
    if why := misfit(AdapterFolder(folder), base if is_folder else None, root):
        raise ModelError(f"{what} ({path}) cannot be used: {why}.")


async def _reached(spec: ModelSpec, key: str | None) -> Server:
    server = await look(spec, key)
    if server.failure is not None:
        raise ModelError(str(server.failure)) from server.failure
    if server.kind not in (Kind.VLLM, Kind.LLAMACPP):
        raise ModelError(
            f"{spec.label}: the server at {spec.base_url} is neither vLLM nor llama.cpp, "
            "which are the ones that load adapters while they run."
        )
    return server


async def _scales(spec: ModelSpec, key: str | None) -> list[dict[str, Any]]:
    transport = plain_transport(_root(spec), key=key, pool=1, timeouts=_LOADING, tls=spec.tls)
    try:
        reply = await transport.get("/lora-adapters")
        found = orjson.loads(reply.content) if reply.status == 200 else []
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    except (ProviderError, orjson.JSONDecodeError):
        return []
    finally:
        await transport.aclose()


async def _set_scale(spec: ModelSpec, name: str, scale: float, key: str | None) -> None:
    adapters = await _scales(spec, key)
    found = next((one for one in adapters if Path(str(one.get("path", ""))).stem == name), None)
    if found is None:
        there = ", ".join(Path(str(one.get("path", ""))).stem for one in adapters) or "none"
        raise ModelError(
            f"{spec.label}: the llama.cpp server at {spec.base_url} has no adapter {name!r} (it has {there}); "
            "start it with --lora FILE.gguf."
        )
    body = [{"id": one["id"], "scale": scale if one is found else 0.0} for one in adapters]
    reply = await _post(spec, "/lora-adapters", body, key, root=True)
    if reply.status != 200:
        raise _refused(spec, f"cannot set the scale of the adapter {name}", reply, "see the server's log")


async def _post(spec: ModelSpec, path: str, body: Any, key: str | None, *, root: bool = False) -> Reply:
    assert spec.base_url is not None
    url = _root(spec) if root else spec.base_url
    transport = plain_transport(url, key=key, pool=1, timeouts=_LOADING, tls=spec.tls)
    try:
        return await transport.post(path, body)
    except ProviderError as error:
        raise ModelError(str(error)) from error
    finally:
        await transport.aclose()


def _refused(spec: ModelSpec, what: str, reply: Reply, otherwise: str) -> ModelError:
    """Return the error of a refusal, with what to do; `otherwise` is that where the reply does not tell."""
    failure = Failures(spec).of_reply(reply)
    error = ModelError(f"{failure}: the server at {spec.base_url} {what}; {_advice(reply) or otherwise}.")
    error.__cause__ = failure  # which says whether it may pass
    return error


def _advice(reply: Reply) -> str:
    said = reply.content.decode(errors="replace")
    if reply.status == 404 and "Not Found" in said and "lora" not in said.lower():
        return "start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment"
    if "not enabled" in said:
        return "start vLLM with --enable-lora"
    if "rank" in said.lower():
        return "start vLLM with a --max-lora-rank that is at least the adapter's r"
    return ""


def _root(spec: ModelSpec) -> str:
    assert spec.base_url is not None
    return spec.base_url.rstrip("/").removesuffix("/v1")
