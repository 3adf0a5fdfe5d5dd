"""Constrained decoding: a server can reply only one of the given texts. Each server has its own field for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.features import GRAMMAR, STRUCTURED
from mmlubench.models.spec import ModelSpec

#: vLLM's older field for `STRUCTURED`, and the version (major, minor) that removed it.
GUIDED, _VLLM_WITHOUT_GUIDED = "guided_choice", (0, 12)
#: Seconds to wait for the version of a vLLM server.
_TIMEOUT_S = 5.0


def constrained(spec: ModelSpec) -> ModelSpec:
    """Return the spec with its server's field for constrained decoding.

    A vLLM server is asked for its version, as an old server would silently ignore the new field; a server that does not
    name a version is assumed to be new. Raises ModelError for a client without constrained decoding.
    """
    if spec.is_mock:
        return spec
    field = spec.features.constraint
    if field is not None:
        return replace(spec, constraint=_vllm_field(spec.base_url or "") if field == STRUCTURED else field)
    raise ModelError(
        f"--constrained: {spec.label} is asked through the client {spec.client}, which has no constrained decoding; "
        "leave --constrained out, or name the model vllm/… or llamacpp/… if such a server has it."
    )


def constrained_to(choice: Sequence[str], field: str | None) -> dict[str, Any]:
    """Return the body field that allows only these replies; nothing without a choice or a field for it."""
    return _FIELDS[field](choice) if choice and field else {}


def grammar_of(choice: Sequence[str]) -> str:
    """Return llama.cpp's grammar (GBNF) for a choice of texts, whose strings are written as in JSON."""
    return "root ::= " + " | ".join(json.dumps(text) for text in choice)


_FIELDS: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    STRUCTURED: lambda choice: {STRUCTURED: {"choice": list(choice)}},
    GUIDED: lambda choice: {GUIDED: list(choice)},
    GRAMMAR: lambda choice: {GRAMMAR: grammar_of(choice)},
}


def _vllm_field(base_url: str) -> str:
    numbers = re.match(r"(\d+)\.(\d+)", _version(base_url))
    old = numbers is not None and (int(numbers[1]), int(numbers[2])) < _VLLM_WITHOUT_GUIDED
    return GUIDED if old else STRUCTURED


def _version(base_url: str) -> str:
    """Ask a vLLM server for its version; empty if it gives none. No key is sent, as this route needs none."""
    from http.client import HTTPException  # late: they are slow to import
    from urllib.request import urlopen

    try:
        with urlopen(base_url.removesuffix("/v1") + "/version", timeout=_TIMEOUT_S) as reply:
            return str(json.loads(reply.read(4096)).get("version") or "")
    except (OSError, HTTPException, ValueError, AttributeError, RecursionError):
        return ""
