"""What the server of a client can do, as far as it is known without asking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmlubench.schema import TOP_LOGPROBS, Scoring

#: Body fields that constrain a reply to given texts: vLLM's, which older servers call otherwise, and llama.cpp's.
STRUCTURED, GRAMMAR = "structured_outputs", "grammar"


@dataclass(frozen=True, slots=True)
class Features:
    """Abilities of a server, filled in from the preset of its client; the defaults are those of an unknown server."""

    scorings: tuple[Scoring, ...] = (Scoring.COMPLETIONS, Scoring.CHAT, Scoring.ECHO)
    """The ways to score by log-probability, best first."""
    scorings_are_certain: bool = False
    """Whether each of `scorings` is known to work; other servers are asked a question of one token before a run."""
    scores_with_temperature_only: bool = False
    """Whether the models that refuse a temperature, which are reasoning models, refuse log-probabilities as well."""
    top_logprobs: int = TOP_LOGPROBS
    """How many of the likeliest tokens to ask for: the more, the fewer letters are missing."""
    raw_prompts: bool = True
    """Whether a text may be continued as it stands; false where there are chats only."""
    constraint: str | None = None
    """How a reply is constrained to given texts: `STRUCTURED`, `GRAMMAR`, or None where it cannot be."""
    adapters: bool = False
    """Whether the server can be asked for a LoRA adapter by name."""
    continued: Mapping[str, Any] = field(default_factory=dict)
    """Body fields without which the server would not continue a reply that is begun in the last message."""


UNKNOWN = Features()
#: A protocol that takes a conversation and gives a text, and nothing else.
CHATS_ONLY = Features(scorings=(), raw_prompts=False)
