"""Anthropic's Messages API, at Anthropic or at a server with the same route (llama.cpp, vLLM)."""

from __future__ import annotations

from typing import Any

from mmlubench.models import finish_reasons
from mmlubench.models.http import fields
from mmlubench.models.http.cache_cut import cut_of
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.openai_reply import Tokens
from mmlubench.models.http.transport import SdkTransport, Timeouts, Transport
from mmlubench.schema import TOOL_CALLS, Completion, Message, Params, Request, Usage


class Anthropic(HttpModel):
    """A model behind `/v1/messages`."""

    path, listing = "/v1/messages", "/v1/models"

    @property
    def default_max_tokens(self) -> int:
        """The `max_tokens` that the API requires: the model's limit, or 4096, enough for a worked-out answer."""
        return self._spec.max_output_tokens or 4096

    def special(self, params: Params) -> dict[str, Any]:
        """See `HttpModel`; `max_tokens` has to be above the budget for thinking, and else comes on top of it."""
        budget = fields.tokens(fields.mapping(self._spec.extra_body.get("thinking")).get("budget_tokens"))
        own = self._spec.parameters.get("max_tokens")
        asked = params.max_tokens or own or self.default_max_tokens
        return {"max_tokens": budget + asked} if asked <= budget else {}

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
        content = payload["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(blocks, list):
            raise TypeError(f"content is {content!r:.40}")
        tools = [
            fields.name(b.get("name")) or "a tool" for b in _of_kind(blocks, "tool_use", "server_tool_use")
        ]
        details = _texts_in(payload.get("stop_details"))
        usage = _counted(payload.get("usage"))
        return Completion(
            text=_text_in(blocks),
            finish_reason=finish_reasons.known(payload.get("stop_reason")),
            usage=Usage() if usage is None else self._usage(usage, None),
            model=fields.name(payload.get("model")),
            latency_s=latency_s,
            sent=sent,
            reasoning="".join(fields.text(block.get("thinking")) for block in _of_kind(blocks, "thinking")),
            metadata={
                **({"stop_details": details} if details else {}),
                **({TOOL_CALLS: tools} if tools else {}),
            },
        )


def _of_kind(blocks: list[Any], *kinds: str) -> list[dict[str, Any]]:
    """Return the blocks of these kinds; whatever else stands among them is left out."""
    return [block for block in blocks if isinstance(block, dict) and block.get("type") in kinds]


def _text_in(blocks: list[Any]) -> str:
    """Return the text of all blocks of texts. Raises TypeError if there are blocks, and none is fit to be read."""
    fit = [block for block in blocks if isinstance(block, dict)]
    # A block whose kind is left out, or is no text, is known by what it holds.
    texts = [b.get("text") for b in fit if b.get("type") == "text" or not isinstance(b.get("type"), str)]
    if (blocks and not fit) or (texts and not any(isinstance(text, str) for text in texts)):
        raise TypeError(f"content is {blocks!r:.40}")
    return "".join(map(fields.text, texts))


def _texts_in(details: object) -> dict[str, str]:
    told = {fields.name(key): fields.name(value) for key, value in fields.mapping(details).items()}
    return {key: value for key, value in told.items() if key and value}


def _counted(usage: object) -> Tokens | None:
    """Return the tokens of a reply; None if the server counted nothing."""
    if not isinstance(usage, dict) or not usage:
        return None
    # Anthropic's `input_tokens` leave out tokens read from or written to the cache; our total includes both.
    cached = fields.tokens(usage.get("cache_read_input_tokens"))
    written = fields.tokens(usage.get("cache_creation_input_tokens"))
    input_tokens = fields.tokens(usage.get("input_tokens")) + cached + written
    output_tokens = fields.tokens(usage.get("output_tokens"))
    thought = fields.tokens(fields.mapping(usage.get("output_tokens_details")).get("thinking_tokens"))
    return (input_tokens, output_tokens, cached, thought, written) if input_tokens or output_tokens else None


def _blocks(text: str, shared: int) -> list[dict[str, Any]]:
    """Split a text into the shared prefix, which is cached for five minutes after its last use, and the rest."""
    first = {"type": "text", "text": text[:shared], "cache_control": {"type": "ephemeral"}}
    rest = {"type": "text", "text": text[shared:]}
    return [first, rest] if rest["text"] else [first]  # the API refuses a block without text
