"""The common part of OpenAI's two protocols, chats and raw completions: finish reasons, usage, transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import SdkTransport, Timeouts, Transport

#: Finish reasons of servers, mapped to ours (stop, length, refusal); any other is passed on unchanged.
_FINISH = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refusal",
    None: "unknown",
}
#: Fields of a reply, besides the answer, that are logged as metadata.
_METADATA = ("provider", "system_fingerprint")

#: Input, output, cached, reasoning and cache-write tokens.
Tokens = tuple[int, int, int, int, int]


def finish(choice: Mapping[str, Any]) -> str:
    """Return the finish reason of a choice, under our name."""
    reason = choice.get("finish_reason")
    return _FINISH.get(reason, reason)  # type: ignore[return-value]  # an unknown reason is passed on


def beside(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a reply: what is logged besides the answer."""
    return {name: payload[name] for name in _METADATA if payload.get(name)}


def counted(usage: Mapping[str, Any] | None) -> tuple[Tokens, float | None] | None:
    """Return the tokens and the US dollars charged (None if not stated); None if the server counted nothing."""
    if not usage:
        return None
    input_tokens, output_tokens = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    billed = _billed(usage)
    if billed is None and not input_tokens and not output_tokens:
        return None  # the usage is unknown, which is not a reply that cost nothing
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") or 0 if details else 0
    written = details.get("cache_write_tokens") or 0 if details else 0
    details = usage.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") or 0 if details else 0
    return (input_tokens, output_tokens, cached, reasoning, written), billed


def _billed(usage: Mapping[str, Any]) -> float | None:
    """Return what OpenRouter charged, in US dollars; with the user's own provider key, plus the provider's charge."""
    cost = usage.get("cost")
    if cost is None:
        return None
    upstream = (
        (usage.get("cost_details") or {}).get("upstream_inference_cost") if usage.get("is_byok") else None
    )
    return float(cost) + float(upstream or 0.0)


class OpenAIServer(HttpModel):
    """A model behind an OpenAI-compatible server; each subclass implements one of the two protocols."""

    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        """See `HttpModel`; the spec's `transport` chooses the HTTP client."""
        base_url = self._spec.base_url or ""
        if self._spec.transport == "sdk":
            return SdkTransport("openai", base_url, key=key, pool=pool, timeouts=timeouts, tls=self._spec.tls)
        # late: it imports httptools and ssl, and pytest loads this module in every run
        from mmlubench.models.http.direct import plain_transport

        return plain_transport(base_url, key=key, pool=pool, timeouts=timeouts, tls=self._spec.tls)
