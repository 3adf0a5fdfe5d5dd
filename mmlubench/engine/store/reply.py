"""A reply as the store keeps it: its key, its JSON form and its checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

import orjson

from mmlubench.jsonl import plain
from mmlubench.schema import Completion, Request, Usage

#: The version of the key: raise it when the same request starts to reach a model in another form.
KEYS = 1
#: Marks JSON that orjson cannot read back exactly (lone surrogates, integers beyond 64 bits): `json` must read it.
_INEXACT = b" "


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply and the effort it took: enough for a later run to write the same result as the run that requested it."""

    completion: Completion
    label: str
    """The label that the requesting run gave the model."""
    at: float
    """When the reply arrived, in Unix seconds."""
    attempts: int = 1
    """Requests sent for the reply, retries included."""
    latency_s: float = 0.0
    """Seconds spent waiting, all attempts added up."""


def request_key(identity: Mapping[str, Any], request: Request, repeat: int = 0) -> bytes:
    """Return the SHA-256 (32 bytes) of everything that can change an answer, as canonical JSON.

    `identity` is `ModelSpec.identity()`; `repeat` counts equal requests of one case: the five samples of
    self-consistency are five different answers. A retry is no new request, so `attempt` is left out.

    The question's id is part of the key, though a model never sees it. MMLU contains 105 questions twice; if equal
    prompts shared a reply, timing would decide whether the second request is sent, and a resumed run could differ from
    an uninterrupted one. Mock replies depend on the id as well.
    """
    messages = [(message.role, message.content) for message in request.messages]
    asked: list[Any] = [KEYS, identity, request.params.asked(), messages, request.id, repeat]
    # Added only where they are set, so that the keys of chats in older stores stay valid.
    if request.prompt or request.continuation:
        asked += [request.prompt, request.continuation]
    return _hash(asked)


def aside_key(key: bytes) -> bytes:
    """Return the key of a reply that came and was not taken, as those of the store are of another model."""
    return sha256(key + b"aside").digest()


def model_key(identity: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 (32 bytes) of `ModelSpec.identity()`, as canonical JSON."""
    return _hash([identity])


def _hash(values: list[Any]) -> bytes:
    try:
        canonical = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # orjson refuses half a surrogate pair, or a number as a key in a model's extra_body; json takes both.
        canonical = json.dumps(values, default=plain, sort_keys=True).encode()
    return sha256(canonical).digest()


def encode(reply: StoredReply) -> bytes:
    """Return a reply as JSON, without label and time, which have columns of their own."""
    values = {"completion": reply.completion, "attempts": reply.attempts, "latency_s": reply.latency_s}
    try:
        return orjson.dumps(values, default=plain)
    except TypeError:
        # A provider or a user's own model may attach any kind of value; the reply was paid for and is stored anyway.
        return _INEXACT + json.dumps(values, default=plain, skipkeys=True).encode()


def decode(label: str, at: float, reply: bytes) -> StoredReply:
    """Return the reply that `encode` was given. Raises ValueError, TypeError or LookupError for other bytes."""
    values = json.loads(reply) if reply.startswith(_INEXACT) else orjson.loads(reply)
    completion = values["completion"]
    completion["usage"] = Usage.from_dict(completion["usage"])
    completion["logprobs"] = tuple((token, value) for token, value in completion.get("logprobs", ()))
    return StoredReply(Completion(**completion), label, at, values["attempts"], values["latency_s"])


def check_sum(key: bytes, reply: bytes) -> int:
    """Return the CRC-32 of key and reply: SQLite does not notice a flipped bit, or a reply stored under a wrong key."""
    return crc32(reply, crc32(key))
