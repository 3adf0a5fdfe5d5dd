"""LoRA adapters of a llama.cpp server: named at its start by --lora FILE, and chosen by each request.

`GET /lora-adapters` lists them, and the field `lora` of a request says how much each counts for it, from 0 to 1:
https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mmlubench.models.serving.server import Server

#: The field of a request.
FIELD = "lora"


def files_of(listed: Any) -> tuple[str, ...]:
    """Return the files of `GET /lora-adapters`, in the order of their ids; nothing if it is no such list."""
    entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    numbered = [(one["id"], str(one.get("path", ""))) for one in entries if isinstance(one.get("id"), int)]
    return tuple(path for _, path in sorted(numbered))


def name_of(path: str) -> str:
    """Return what an adapter is called: its file, without folder and ending."""
    return PurePosixPath(path.replace("\\", "/")).stem


def names_of(server: Server) -> list[str]:
    """Return what the adapters of a server are called."""
    return [name_of(path) for path in server.loras]


def chosen(server: Server, adapter: str | None) -> dict[str, Any]:
    """Return the body fields with which this adapter alone counts, or none of them; no field without adapters.

    Without `cache_prompt: false` the server goes on from what it computed of the same prompt with another adapter (seen
    with xllamacpp 2026.10): its answer is then neither one's nor the other's.
    """
    names = names_of(server)
    scales = [{"id": n, "scale": float(name == adapter)} for n, name in enumerate(names)]
    return {FIELD: scales, "cache_prompt": False} if scales else {}
