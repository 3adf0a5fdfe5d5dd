"""Constrained decoding: a reply that can be nothing but one of the given texts. Each server has its own word for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.features import GRAMMAR, STRUCTURED
from mmlubench.models.spec import ModelSpec

#: vLLM's word for `STRUCTURED` until it removed it in this version (major, minor).
GUIDED, _VLLM_WITHOUT_GUIDED = "guided_choice", (0, 12)
_PATIENCE_S = 5.0


def constrained(spec: ModelSpec) -> ModelSpec:
    """Return the spec with the word of its server for a choice of replies.

    A vLLM server is asked for its version, as an old one would pass over the new word in silence; one that does not
    tell is taken for a new one. Raises ModelError for a client that has no constrained decoding.
    """
    if spec.is_mock:
        return spec
    word = spec.features.constraint
    if word is not None:
        return replace(spec, constraint=_word_of(spec.base_url or "") if word == STRUCTURED else word)
    raise ModelError(
        f"--constrained: {spec.label} is asked through the client {spec.client}, which cannot hold a reply to the "
        "letters; leave --constrained out, or name the model vllm/… or llamacpp/… if such a server has it."
    )


def constrained_to(choice: Sequence[str], word: str | None) -> dict[str, Any]:
    """Return the field of a request body that allows only these replies; none without a choice or a word for it."""
    return _FIELDS[word](choice) if choice and word else {}


def grammar_of(choice: Sequence[str]) -> str:
    """Write llama.cpp's grammar (GBNF) of a choice of texts; its strings are written as JSON's."""
    return "root ::= " + " | ".join(json.dumps(text) for text in choice)


_FIELDS: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    STRUCTURED: lambda choice: {STRUCTURED: {"choice": list(choice)}},
    GUIDED: lambda choice: {GUIDED: list(choice)},
    GRAMMAR: lambda choice: {GRAMMAR: grammar_of(choice)},
}


def _word_of(base_url: str) -> str:
    numbers = re.match(r"(\d+)\.(\d+)", _version(base_url))
    old = numbers is not None and (int(numbers[1]), int(numbers[2])) < _VLLM_WITHOUT_GUIDED
    return GUIDED if old else STRUCTURED


def _version(base_url: str) -> str:
    """Ask a vLLM server for its version; empty if it does not say. The key stays here: this route needs none."""
    from urllib.request import urlopen  # here, as it is slow to import

    try:
        with urlopen(base_url.removesuffix("/v1") + "/version", timeout=_PATIENCE_S) as reply:
            return str(json.loads(reply.read(4096)).get("version") or "")
    except (OSError, ValueError, AttributeError):
        return ""
