"""Finish reasons: the words with which servers say why a reply ended, mapped to ours.

Sources: the API references of OpenAI, Anthropic, Google, Mistral, DeepSeek, Cohere, Amazon Bedrock, watsonx and Zhipu,
and the code of vLLM, SGLang, TGI, llama.cpp and LM Studio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from mmlubench.printable import on_one_line

#: For a server that gives no reason.
UNKNOWN = "unknown"
#: The longest reason that is kept, in characters.
_CHARS = 80

_STOP = (
    *("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed", "normal", "finished"),
    *("end_id", "stop_words", "endoftext", "eos_found", "stop_string_found", "word"),
)
_LENGTH = (
    *("length", "max_tokens", "max_output_tokens", "max_new_tokens", "max_completion_tokens", "max_length"),
    *("model_length", "model_context_window_exceeded", "context_length", "context_length_exceeded"),
    *(
        "context_length_reached",
        "max_predicted_tokens_reached",
        "token_limit",
        "token_limit_reached",
        "limit",
    ),
)
_REFUSAL = (
    *(
        "refusal",
        "refused",
        "content_filter",
        "content_filtered",
        "safety",
        "prohibited_content",
        "blocklist",
    ),
    *("recitation", "spii", "model_armor", "image_safety", "guardrail_intervened", "guardrails", "sensitive"),
    *("error_toxic", "language", "moderation", "blocked", "content_policy", "content_policy_violation"),
)
#: The reply is not the model's doing: its server failed, ran out of room, or stopped it.
_FAILURE = (
    *("error", "abort", "aborted", "failed", "failure", "internal_error", "server_error", "engine_error"),
    *("network_error", "insufficient_system_resource", "overloaded", "timeout", "time_limit", "error_limit"),
    *("cancel", "cancelled", "canceled", "user_cancel", "user_stopped", "model_unloaded", "unload", "load"),
    *("malformed_response", "malformed_model_output", "not_finished"),
)
_UNSTATED = ("", "none", "null", "unknown", "unspecified", "finish_reason_unspecified")


def _plain(reason: str) -> str:
    """Return a reason without case and signs: `FinishReason.MAX_TOKENS` and `maxTokens` are one word."""
    word = re.sub(r"[^a-z]", "", reason.lower().rpartition(".")[2])
    return word.removeprefix("finishreason") or word


def _by_word(ours: str, words: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(map(_plain, words), ours)


_OURS = {
    **_by_word("stop", _STOP),
    **_by_word("length", _LENGTH),
    **_by_word("refusal", _REFUSAL),
    **_by_word(UNKNOWN, _UNSTATED),
}
_FAILURES = frozenset(map(_plain, _FAILURE))


def known(reason: object) -> str:
    """Return a server's finish reason as `stop`, `length`, `refusal` or `unknown`; any other text as it is.

    Other values than a text are unknown, apart from an object that has the text under `type` or `reason`.
    """
    if isinstance(reason, Mapping):
        reason = reason.get("type") or reason.get("reason")
    return _known(reason) if isinstance(reason, str) else UNKNOWN


def is_failure(reason: str) -> bool:
    """Whether a reason says that the server failed, so that the text is not the model's answer."""
    return _plain(reason) in _FAILURES


@lru_cache(maxsize=256)
def _known(reason: str) -> str:
    return _OURS.get(_plain(reason)) or on_one_line(reason)[:_CHARS]
