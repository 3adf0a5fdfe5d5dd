"""The class of a model, base, instruct or reasoning, and the most tokens that its replies may have by default."""

from __future__ import annotations

import re
from enum import Enum

from mmlubench.models.spec import ModelSpec, thinks

#: The tokens of a reply that thinks first: of 8,192 and less, every second one was empty on MMLU-Pro.
REASONING_TOKENS = 16_384
#: Ids of models that think before each reply, unless they are told not to.
_THINKERS = re.compile(
    r"(^|/)(o[1-9]|gpt-[5-9](?!.*chat)|gpt-oss|qwq|magistral|grok-(3-mini|[4-9])(?!.*non-reasoning)"
    r"|deepseek-(r\d|reasoner)|gemini-(2\.5-pro|[3-9])|qwen3(\.\d)?-(?!.*(instruct|base|coder)))"
    r"|(?<!non)[-_:/](thinking|think|reasoning|reasoner)($|[-_:/.])",
    re.IGNORECASE,
)
#: Ids of models that nobody but their vendor runs: at another address they are behind a gateway.
_VENDORS_OWN = re.compile(r"(^|/)(o[1-9]|gpt-[5-9]|grok-|gemini-|claude-|deepseek-reasoner)", re.IGNORECASE)
_BASES = re.compile(r"[-_](base|pt|pretrained)($|[-_:/.@])", re.IGNORECASE)
#: Words in an entry's `model_type`.
_TYPES = (("reason|think", "reasoning"), ("base|pretrain|completion", "base"), (".", "instruct"))


class ModelClass(str, Enum):
    """What was made of a model after its pretraining."""

    BASE = "base"
    INSTRUCT = "instruct"
    REASONING = "reasoning"

    def __str__(self) -> str:
        return self.value


def class_of(spec: ModelSpec) -> ModelClass:
    """Return the class of a model: that of `model_type` in its entry, else what its name says, else instruct."""
    for words, found in _TYPES if spec.model_type else ():
        if re.search(words, spec.model_type or "", re.IGNORECASE):
            return ModelClass(found)
    effort = _effort(spec)
    if effort != "none" and (effort or thinks(spec.extra_body) or _THINKERS.search(spec.model_id)):
        return ModelClass.REASONING
    return ModelClass.BASE if _BASES.search(spec.model_id) else ModelClass.INSTRUCT


def reply_limit(spec: ModelSpec, usual: int | None) -> int | None:
    """Return the most tokens of a reply, where `usual` is that of the recipe (None for no limit).

    A reasoning model gets `REASONING_TOKENS`. A server of one's own refuses requests beyond its context window, so
    there it gets at most half of the `context_window`, and no more than usual where that is not known (`is_cramped`).
    """
    if usual is None or spec.is_mock or class_of(spec) is not ModelClass.REASONING:
        return usual
    room = REASONING_TOKENS
    if spec.self_hosted and (spec.context_window or is_cramped(spec)):
        room = (spec.context_window or 0) // 2
    return max(usual, min(REASONING_TOKENS, room))


def is_cramped(spec: ModelSpec) -> bool:
    """Whether a model thinks, and is given no room for it by default, as its context window is not known."""
    if spec.is_mock or not spec.self_hosted or spec.context_window or _VENDORS_OWN.search(spec.model_id):
        return False
    return class_of(spec) is ModelClass.REASONING


def _effort(spec: ModelSpec) -> object:
    """Return how hard an entry wants its model to reason, in the words of chats or of the Responses API."""
    reasoning = spec.extra_body.get("reasoning")
    told = reasoning.get("effort") or reasoning if isinstance(reasoning, dict) else reasoning
    return spec.extra_body.get("reasoning_effort") or told
