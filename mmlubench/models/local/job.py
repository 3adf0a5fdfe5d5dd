"""One request to a model in process, as tokens, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mmlubench.schema import Params


class Kind(NamedTuple):
    """What requests of one batch have in common."""

    does: str
    """`generate` a text, `score` the first token, or score given tokens (`echo`)."""
    adapter: str | None
    params: Params


@dataclass(frozen=True, slots=True)
class Job:
    """One request as tokens."""

    kind: Kind
    prompt: tuple[int, ...]
    continuation: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job."""

    text: str = ""
    finish_reason: str = "stop"
    output_tokens: int = 0
    logprobs: tuple[tuple[str, float], ...] = ()
    """As in `schema.Completion`."""
