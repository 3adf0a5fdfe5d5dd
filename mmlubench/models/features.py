"""The features of a client's server, as far as they are known without asking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmlubench.schema import TOP_LOGPROBS, Scoring

#: The body fields for constrained decoding: that of vLLM, whose older servers have another name for it, and that of
#: llama.cpp.
STRUCTURED, GRAMMAR = "structured_outputs", "grammar"


@dataclass(frozen=True, slots=True)
class Features:
    """Abilities of a server, filled in from the preset of its client; the defaults are those of an unknown server."""

    scorings: tuple[Scoring, ...] = (Scoring.COMPLETIONS, Scoring.CHAT, Scoring.ECHO)
    """The ways to score by log-probability, best first."""
    scorings_are_certain: bool = False
    """Whether each of `scorings` is known to work; other servers get a request for one token before a run."""
    scores_with_temperature_only: bool = False
    """Whether the models that refuse a temperature, which are reasoning models, refuse log-probabilities as well."""
    top_logprobs: int = TOP_LOGPROBS
    """The number of likeliest tokens to ask for; with more of them fewer letters are missing."""
    logprobs_are_counted: bool = False
    """Whether a chat is asked for them by their number in `logprobs`, and not in `top_logprobs` (Together)."""
    raw_prompts: bool = True
    """Whether the server continues a raw prompt without a chat template."""
    constraint: str | None = None
    """The body field for constrained decoding: `STRUCTURED`, `GRAMMAR`, or None if the server has none."""
    adapters: bool = False
    """Whether the server can be asked for a LoRA adapter by name."""
    continued: Mapping[str, Any] = field(default_factory=dict)
    """The body fields that make the server continue a reply whose beginning is the last message."""


#: The features of a server of which nothing is known.
UNKNOWN = Features()
#: A protocol that takes a conversation and gives a text, and nothing else.
CHATS_ONLY = Features(scorings=(), raw_prompts=False)
