"""What replies of OpenAI's two protocols, chats and raw completions, have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import AioTransport, SdkTransport, Timeouts, Transport

#: Words of other servers for what we call stop, length and refusal; any other word is passed on as it is.
_FINISH = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refusal",
    None: "unknown",
}
#: What a provider tells beside the answer and a log should keep.
_KEPT = ("provider", "system_fingerprint")

#: Input, output, cached, reasoning and cache-write tokens.
Tokens = tuple[int, int, int, int, int]


def finish(choice: Mapping[str, Any]) -> str:
    """Return why a choice ended, in our words."""
    reason = choice.get("finish_reason")
    return _FINISH.get(reason, reason)  # type: ignore[return-value]  # a word that nobody knows is passed on


def beside(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a log should keep beside the answer."""
    return {name: payload[name] for name in _KEPT if payload.get(name)}


def counted(usage: Mapping[str, Any] | None) -> tuple[Tokens, float | None] | None:
    """Return the tokens and what the provider charged in US dollars, if it says so; None where nothing was counted."""
    if not usage:
        return None
    put_in, put_out = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    billed = _billed(usage)
    if billed is None and not put_in and not put_out:
        return None  # which is not the same as a reply for nothing
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") or 0 if details else 0
    written = details.get("cache_write_tokens") or 0 if details else 0
    details = usage.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") or 0 if details else 0
    return (put_in, put_out, cached, reasoning, written), billed


def _billed(usage: Mapping[str, Any]) -> float | None:
    """Return what OpenRouter charged, in US dollars; with one's own key behind it, also what the provider charged."""
    cost = usage.get("cost")
    if cost is None:
        return None
    upstream = (
        (usage.get("cost_details") or {}).get("upstream_inference_cost") if usage.get("is_byok") else None
    )
    return float(cost) + float(upstream or 0.0)


class OpenAIServer(HttpModel):
    """A model behind such a server; a subclass knows one of the two protocols."""

    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        """See `HttpModel`; which client of HTTP it is, the spec says."""
        base_url = self._spec.base_url or ""
        if self._spec.transport == "sdk":
            return SdkTransport("openai", base_url, key=key, pool=pool, timeouts=timeouts)
        return AioTransport(base_url, key=key, pool=pool, timeouts=timeouts)
