"""What the store keeps of a reply, and the key it is kept under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

import orjson

from mmlubench.engine.journal import plain
from mmlubench.schema import Completion, Request, Usage

#: The version of the key: one more when a request that looks the same is put to a model in another way.
KEYS = 1
#: Begins the JSON that orjson cannot read back as it was: lone surrogates, integers beyond 64 bits.
_INEXACT = b" "


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply, and what buying it took: enough for a later run to write the same result as the one that bought it."""

    completion: Completion
    label: str
    """The model, as the run that asked it called it."""
    at: float
    """When it was bought, in Unix seconds."""
    attempts: int = 1
    """Requests sent for it, retries included."""
    latency_s: float = 0.0
    """Seconds spent waiting, all attempts together."""


def request_key(identity: Mapping[str, Any], request: Request, repeat: int = 0) -> bytes:
    """Return the SHA-256 (32 bytes) of everything that can change an answer, as canonical JSON.

    `identity` is `ModelSpec.identity()`; `repeat` counts equal requests of one case: the five votes of a
    self-consistency are five different answers. A retry is no new request, so `attempt` is left out.

    The question's id is part of it, though a model never sees it: 105 questions of MMLU are asked twice, and if equal
    prompts shared an answer, it would hang on timing whether the second is asked; a resumed run would not be the
    undisturbed one. Mock replies go by the id as well.
    """
    said = [(message.role, message.content) for message in request.messages]
    asked: list[Any] = [KEYS, identity, request.params.asked(), said, request.id, repeat]
    if (
        request.prompt or request.continuation
    ):  # added only where there is one, so that keys of chats stay as they were
        asked += [request.prompt, request.continuation]
    try:
        canonical = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Half a surrogate pair, or a number as a name in a model's extra_body: slower, and no less exact.
        canonical = json.dumps(asked, default=plain, sort_keys=True).encode()
    return sha256(canonical).digest()


def encode(kept: StoredReply) -> bytes:
    """Return a reply as JSON, without label and time."""
    values = {"completion": kept.completion, "attempts": kept.attempts, "latency_s": kept.latency_s}
    try:
        return orjson.dumps(values, default=plain)
    except TypeError:
        # What a provider or a user's own model attaches may be anything; the reply was paid for all the same.
        return _INEXACT + json.dumps(values, default=plain, skipkeys=True).encode()


def decode(label: str, at: float, reply: bytes) -> StoredReply:
    """Return what `encode` was given. Raises ValueError, TypeError or LookupError for anything else."""
    values = json.loads(reply) if reply.startswith(_INEXACT) else orjson.loads(reply)
    completion = values["completion"]
    completion["usage"] = Usage.from_dict(completion["usage"])
    completion["logprobs"] = tuple((token, value) for token, value in completion.get("logprobs", ()))
    return StoredReply(Completion(**completion), label, at, values["attempts"], values["latency_s"])


def check_sum(key: bytes, reply: bytes) -> int:
    """Return what tells that a reply is whole, and that it is this key's: SQLite itself notices no flipped bit."""
    return crc32(reply, crc32(key))
