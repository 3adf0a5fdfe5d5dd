"""The weights behind a model's name: what a self-hosted server tells of them without a question, and what files tell.

The store keeps replies by address and name, and one address and name may serve other weights tomorrow. What is told
here decides whether stored replies are still those of the model (`engine/store/weights.py`). So it may change only with
the weights, and not when the same server is started again:

- `created` in a list of models is left out: vLLM 0.32 and llama.cpp write the time of each request into it.
- The version of the server is left out: a new one does not change the weights. Replies of two versions have two values
  of `system_fingerprint`, of which the summary tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from mmlubench.models.adapters.folder import CONFIG, AdapterFolder
from mmlubench.models.base import Told
from mmlubench.models.http.failures import Failures
from mmlubench.models.local.weights import digest_of, digest_of_model
from mmlubench.models.serving.look import get_beside
from mmlubench.models.serving.loras import name_of
from mmlubench.models.serving.server import Kind, Listed, Server
from mmlubench.models.spec import ModelSpec

_Parts = dict[str, dict[str, Any]]
#: What llama.cpp tells of a file of weights; its size in bytes differs between nearly all of them.
_META = ("n_vocab", "n_embd", "n_params", "size", "ftype")
#: What LM Studio tells of a model: https://lmstudio.ai/docs/api/rest-api
_LMSTUDIO = ("id", "publisher", "arch", "compatibility_type", "quantization")


async def told_by(spec: ModelSpec, server: Server, key: str | None) -> Told:
    """Return what tells the weights of a model from others; nothing for a vendor's server, or one that did not answer.

    May send a GET request more. Raises ModelError for a proxy or certificates that cannot be used.
    """
    if not spec.self_hosted or server.failure is not None:
        return {}
    if server.kind is Kind.LLAMACPP:
        told = _llamacpp(spec, server, await get_beside(spec, key, "/lora-adapters"))
    elif server.kind is Kind.LMSTUDIO:
        told = {"model": _lmstudio(spec, server, await get_beside(spec, key, "/api/v0/models"))}
    elif server.kind is Kind.OLLAMA:
        told = {"model": _ollama(spec, await get_beside(spec, key, "/api/tags"))}
    else:
        told = _listed(spec, server)
    # It goes into store and manifest, and a server may say anything, also the key that it was sent.
    safe: Told = orjson.loads(Failures(spec, key or "").without_key(orjson.dumps(told)))
    return {part: facts for part, facts in safe.items() if facts}


def told_here(spec: ModelSpec) -> Told:
    """Return what tells the weights of a model in this process from others: hashes of its files, and quantisation."""
    digest = digest_of_model(spec.model_id, spec.local.revision)
    told: _Parts = {"model": {"root": spec.model_id, **({"sha256": digest} if digest else {})}}
    if spec.adapter_path:
        told["adapter"] = _adapter("", spec.adapter_path)
    return {**told, "quantised": {"load_in_4bit": spec.local.load_in_4bit}}


def _listed(spec: ModelSpec, server: Server) -> _Parts:
    """Of vLLM and servers like it, `root` is what the weights were loaded from, and adapters have a `parent`."""
    base = server.listed(spec.model_id)
    told: _Parts = {"model": _only(spec, server) if base is None else _from_root(base, server.kind)}
    adapter = server.listed(spec.adapter) if spec.adapter is not None else None
    if adapter is not None and adapter.parent:
        told["adapter"] = _adapter(adapter.root, spec.adapter_path)
    return told


def _from_root(listed: Listed, kind: Kind) -> dict[str, Any]:
    # SGLang repeats the name as root, which tells nothing.
    if not listed.root or (listed.root == listed.id and kind is not Kind.VLLM):
        return {}
    return _with_content({"root": listed.root}, listed.root)


def _only(spec: ModelSpec, server: Server) -> dict[str, Any]:
    """Return the only model of a server that answers any name, such as a desktop program asked for `local-model`."""
    models = [model for model in server.models or () if not model.parent]
    return {"id": models[0].id} if len(models) == 1 and models[0].id != spec.model_id else {}


def _adapter(root: str, path: str | None) -> dict[str, Any]:
    """Return the facts of an adapter: where the server has it from, and the hash of the folder if it is readable."""
    facts: dict[str, Any] = {"root": root} if root else {}
    folder = Path(root or path or "").expanduser()
    # A path of the server's that begins in its own folder may be another one's here.
    is_readable = (folder.is_absolute() or root == (path or "") or not root) and (folder / CONFIG).is_file()
    return {**facts, "sha256": AdapterFolder(folder).digest} if is_readable else facts


def _llamacpp(spec: ModelSpec, server: Server, adapters: Any) -> _Parts:
    listed = server.listed(spec.model_id) or next(iter(server.models or ()), None)
    meta = {name: listed.meta[name] for name in _META if name in listed.meta} if listed is not None else {}
    path, template = server.props.get("model_path"), server.props.get("chat_template")
    root = path if isinstance(path, str) else ""
    told: _Parts = {"model": _with_content({**({"root": root} if root else {}), **meta}, root)}
    if isinstance(template, str) and template:
        told["chat_template"] = {"sha256": sha256(template.encode()).hexdigest()}
    if spec.adapter is not None or spec.is_bare:  # each request says which of them counts
        file = next((path for path in server.loras if name_of(path) == spec.adapter), "none")
        told["adapter"] = {"file": file}
    elif isinstance(
        adapters, list
    ):  # those that were named at its start count by their scale, which can be changed
        told["adapter"] = {"active": ", ".join(_scaled(adapters)) or "none"}
    return told


def _scaled(adapters: Iterable[Any]) -> list[str]:
    found = [one for one in adapters if isinstance(one, Mapping) and one.get("scale")]
    return sorted(f"{one.get('path', '')} x {one['scale']}" for one in found)


def _lmstudio(spec: ModelSpec, server: Server, found: Any) -> dict[str, Any]:
    """Return the facts of the model of that name, else of those that are loaded: one of them answers."""
    entries = [one for one in _entries(found, "data") if one.get("type") != "embeddings"]
    named = [one for one in entries if one.get("id") == spec.model_id]
    answering = named or [one for one in entries if one.get("state") == "loaded"]
    if len(answering) == 1:
        return {name: answering[0][name] for name in _LMSTUDIO if isinstance(answering[0].get(name), str)}
    if answering:
        return {"id": ", ".join(sorted(str(one.get("id")) for one in answering))}
    return _only(spec, server)


def _ollama(spec: ModelSpec, found: Any) -> dict[str, Any]:
    """Return the digest that Ollama gives a model: https://docs.ollama.com/api/tags."""
    names = (spec.model_id, f"{spec.model_id}:latest")
    digest = next((one.get("digest") for one in _entries(found, "models") if one.get("name") in names), None)
    return {"sha256": digest} if isinstance(digest, str) and digest else {}


def _entries(found: Any, name: str) -> list[Mapping[str, Any]]:
    listed = found.get(name) if isinstance(found, Mapping) else None
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []


def _with_content(facts: dict[str, Any], root: str) -> dict[str, Any]:
    """Add the hash of the file or folder, if its full path is one of this computer, too."""
    place = Path(root)
    digest = digest_of(place) if root and place.is_absolute() else ""
    return {**facts, "sha256": digest} if digest else facts
