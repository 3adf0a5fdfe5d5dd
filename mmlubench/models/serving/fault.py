"""What is wrong with a model at its server, in one sentence, told before the first question."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from mmlubench.models.serving.loras import names_of
from mmlubench.models.serving.server import Kind, Listed, Server
from mmlubench.models.spec import ModelSpec

#: Names that stand for whatever model a desktop server has loaded.
ANY_MODEL = frozenset(["default", "local", "local-model", "model"])
#: The number of models that a sentence names.
_NAMED = 6
#: Servers that answer any name, with the model that they have loaded.
_ANSWER_ANY = frozenset([Kind.LLAMACPP, Kind.LMSTUDIO])

#: What a refused key may be worth all the same: gateways keep their lists for other keys than their chats.
_ONLY_LIST = "; if the server refuses it for its list of models alone, give --no-preflight"


def fault(spec: ModelSpec, server: Server) -> str:
    """Say why the model cannot be asked at this server; empty if nothing speaks against it."""
    if server.failure is not None:
        return str(server.failure)
    if server.refuses_key:
        return _key_fault(spec)
    if server.is_healthy is False:
        return (
            f"{spec.label}: the server at {spec.base_url} is not ready yet (its /health says so): wait until it has "
            "loaded its model, or give --wait-for-server SECONDS."
        )
    if server.folder:
        return f"{spec.label}: base_url must be {spec.base_url}{server.folder}: there the server lists its models."
    if server.kind is Kind.OTHER:
        return ""
    return _model_fault(spec, server) or _adapter_fault(spec, server)


def doubt(spec: ModelSpec, server: Server) -> str:
    """Say what about the model at a vendor or gateway may be wrong, though nothing speaks against asking; mostly empty.

    Their lists lack names that they take, such as those without a date, or those behind a wildcard.
    """
    names = [model.id for model in server.models or ()]
    if server.kind is not Kind.OTHER or not names or {spec.model_id, spec.asked_model} & {*names}:
        return ""
    who = f"the server at {spec.base_url}" if spec.self_hosted else spec.client
    return (
        f"{spec.label}: {who} lists no model {spec.model_id!r}{_close(spec.model_id, names)}; "
        "it is asked all the same, as such a list need not be complete"
    )


def _key_fault(spec: ModelSpec) -> str:
    otherwise = _ONLY_LIST if spec.self_hosted else ""
    if spec.api_key_env is None:
        return (
            f"{spec.label}: the server at {spec.base_url} wants a key (HTTP 401): give the entry an api_key_env, "
            f"the name of the variable that holds it{otherwise}."
        )
    return (
        f"{spec.label}: the server at {spec.base_url} refuses the key in {spec.api_key_env} (HTTP 401): "
        f"check its value, and that it is one for this server{otherwise}."
    )


def _model_fault(spec: ModelSpec, server: Server) -> str:
    found = server.listed(spec.model_id)
    if found is not None and found.parent:
        base = _base_of(found, server)
        return (
            f"{spec.label}: {found.id!r} is an adapter of {base!r} at {spec.base_url}: ask it with "
            f"--model {spec.client}/{base}@{spec.base_url} --adapter {found.id}."
        )
    names = [model.id for model in server.models or () if not model.parent]
    if (
        {spec.model_id, f"{spec.model_id}:latest"} & {*names}  # the second as Ollama completes names
        or not names
        or (server.kind in _ANSWER_ANY and _stands_for(spec.model_id, names))
    ):
        return ""
    otherwise = f"; {server.kind} would answer with another model" if server.kind in _ANSWER_ANY else ""
    return (
        f"{spec.label}: the server at {spec.base_url} has no model {spec.model_id!r}{_close(spec.model_id, names)}"
        f"{otherwise}; it serves {_list(names)}."
    )


def _base_of(adapter: Listed, server: Server) -> str:
    """Return the name of the model that an adapter changes; its parent may be called by where its weights are."""
    names = [model.id for model in server.models or () if not model.parent and model.root == adapter.parent]
    return adapter.parent if server.listed(adapter.parent) or not names else names[0]


def _belongs(adapter: Listed, name: str, server: Server) -> bool:
    """Whether an adapter changes the model of that name, which may have several names."""
    base, asked = server.listed(_base_of(adapter, server)), server.listed(name)
    if base is None or asked is None:
        return adapter.parent == name
    return base.id == asked.id or (not asked.parent and bool(base.root) and base.root == asked.root)


def _stands_for(name: str, served: list[str]) -> bool:
    """Whether a name means the one model of a desktop server: a general one, or its file without folder and ending."""
    return name.lower() in ANY_MODEL or any(_short(name) == _short(one) for one in served)


def _short(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".gguf")


def _adapter_fault(spec: ModelSpec, server: Server) -> str:
    if spec.adapter is None:
        return ""
    if server.kind is Kind.LLAMACPP:
        return _lora_fault(spec, server, spec.adapter)
    if server.kind in _ANSWER_ANY:
        return (
            f"{spec.label}: {server.kind} at {spec.base_url} cannot be asked for an adapter, and would answer with its "
            "model: serve the merged model under a name of its own, and leave --adapter out."
        )
    if server.kind is not Kind.VLLM or server.models is None:
        return ""
    adapters = [model.id for model in server.models or () if model.parent]
    found = server.listed(spec.adapter)
    if found is None:
        load = f"`mmlubench adapters load {spec.adapter} --model … --path FOLDER`"
        there = f"it has {_list(adapters)}" if adapters else "it has none"
        return (
            f"{spec.label}: the server at {spec.base_url} has no adapter {spec.adapter!r}"
            f"{_close(spec.adapter, adapters)}; {there}: load it with {load}, or start vLLM with --enable-lora "
            f"--lora-modules {spec.adapter}=FOLDER."
        )
    if not found.parent:
        return f"{spec.label}: {spec.adapter!r} is a model of the server at {spec.base_url} and no adapter."
    if not _belongs(found, spec.model_id, server):
        return (
            f"{spec.label}: the adapter {spec.adapter!r} of the server at {spec.base_url} belongs to "
            f"{found.parent!r}, and the entry asks {spec.model_id!r}: name the model that it belongs to."
        )
    if spec.adapter_path and _differ(spec.adapter_path, found.root):
        return (
            f"{spec.label}: the server at {spec.base_url} has the adapter {spec.adapter!r} from {found.root}, and not "
            f"from {spec.adapter_path}: `mmlubench adapters unload {spec.adapter} --model …` makes room for it, or "
            "give it another name with --adapter."
        )
    return ""


def _differ(one: str, other: str) -> bool:
    """Whether two paths are two folders; a name of the hub, and a path that is not absolute, may be any."""
    first, second = Path(one).expanduser(), Path(other).expanduser()
    if not (first.is_absolute() and second.is_absolute()) or first == second:
        return False
    try:
        return not first.samefile(second)
    except OSError:  # at least one is on the server's disk alone
        return True


def _lora_fault(spec: ModelSpec, server: Server, adapter: str) -> str:
    names = names_of(server)
    if names.count(adapter) == 1:
        return ""
    if adapter in names:
        return f"{spec.label}: two adapters of the server at {spec.base_url} are called {adapter!r}: rename a file."
    there = f"it has {_list(names)}" if names else "it has none"
    return (
        f"{spec.label}: the llama.cpp server at {spec.base_url} has no adapter {adapter!r}{_close(adapter, names)}; "
        f"{there}: start it with --lora {adapter}.gguf."
    )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more


def _close(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
