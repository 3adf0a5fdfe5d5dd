"""Anthropic's Messages API, at Anthropic or at a server with the same route (llama.cpp, vLLM)."""

from __future__ import annotations

from typing import Any

from mmlubench.models.http.cache_cut import cut_of
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import SdkTransport, Timeouts, Transport
from mmlubench.schema import Completion, Message, Request

_STOP = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    None: "unknown",
}


class Anthropic(HttpModel):
    """A model behind `/v1/messages`."""

    path, listing = "/v1/messages", "/v1/models"

    @property
    def default_max_tokens(self) -> int:
        """The `max_tokens` that the API requires: the model's limit, or 4096, enough for a worked-out answer."""
        return self._spec.max_output_tokens or 4096

    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        """See `HttpModel`."""
        # The SDK adds /v1 itself, but an address copied from an OpenAI-compatible server already ends with it.
        base_url = (self._spec.base_url or "https://api.anthropic.com").removesuffix("/v1")
        return SdkTransport("anthropic", base_url, key=key, pool=pool, timeouts=timeouts, tls=self._spec.tls)

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """See `HttpModel`; system messages have a field of their own."""
        system = [m.content for m in request.messages if m.role == "system"]
        body = {**sent, "messages": self._turns(request.messages)}
        return {**body, "system": "\n\n".join(system)} if system else body

    def _turns(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        least = self._spec.prompt_cache
        contents: list[Any] = [m.content for m in messages]
        if least is not None and (cut := cut_of(messages, least)) is not None:
            contents[cut.message] = _blocks(contents[cut.message], cut.chars)
        turns = zip(messages, contents, strict=True)
        return [{"role": m.role, "content": content} for m, content in turns if m.role != "system"]

    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        """See `HttpModel`."""
        blocks = payload["content"]
        usage = payload["usage"]
        # Anthropic's `input_tokens` leave out tokens read from or written to the cache; our total includes both.
        cached = usage.get("cache_read_input_tokens") or 0
        written = usage.get("cache_creation_input_tokens") or 0
        input_tokens = usage["input_tokens"] + cached + written
        thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
        reason = payload["stop_reason"]
        details = payload.get("stop_details")
        return Completion(
            text="".join(block["text"] for block in blocks if block["type"] == "text"),
            finish_reason=_STOP.get(reason, reason),
            usage=self._usage((input_tokens, usage["output_tokens"], cached, thought, written), None),
            model=payload["model"],
            latency_s=latency_s,
            sent=sent,
            reasoning="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
            metadata={"stop_details": details} if details else {},
        )


def _blocks(text: str, shared: int) -> list[dict[str, Any]]:
    """Split a text into the shared prefix, which is cached for five minutes after its last use, and the rest."""
    first = {"type": "text", "text": text[:shared], "cache_control": {"type": "ephemeral"}}
    rest = {"type": "text", "text": text[shared:]}
    return [first, rest] if rest["text"] else [first]  # the API refuses a block without text
