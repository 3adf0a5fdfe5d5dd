"""The common part of OpenAI's protocols, chats, raw completions and responses: choices, usage, transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmlubench.models.http import fields
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import SdkTransport, Timeouts, Transport
from mmlubench.schema import FINGERPRINT

#: Fields of a reply, besides the answer, that are logged as metadata.
_METADATA = ("provider", FINGERPRINT)

#: Input, output, cached, reasoning and cache-write tokens.
Tokens = tuple[int, int, int, int, int]


def first_choice(payload: Any, text_of: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """Return the choice with the lowest index that has a text, else the one with the lowest index.

    `text_of` reads the text of a choice, and may raise TypeError for an odd one. Raises TypeError without any choice.
    """
    choices = payload["choices"]
    if type(choices) is list and len(choices) == 1 and type(choices[0]) is dict:
        return choices[0]  # nearly always
    listed = [choice for choice in fields.items(choices) if isinstance(choice, dict)]
    if not listed:
        raise TypeError(f"choices is {choices!r:.40}")
    if len(listed) > 1:
        listed.sort(key=lambda choice: fields.tokens(choice.get("index")))
        return next((choice for choice in listed if _has_text(choice, text_of)), listed[0])
    return listed[0]


def _has_text(choice: Mapping[str, Any], text_of: Callable[[Mapping[str, Any]], str]) -> bool:
    try:
        return bool(text_of(choice).strip())
    except TypeError:
        return False


def beside(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a reply: what is logged besides the answer."""
    return {name: told for name in _METADATA if name in payload and (told := fields.name(payload[name]))}


def counted(usage: object) -> tuple[Tokens, float | None] | None:
    """Return the tokens and the US dollars charged (None if not stated); None if the server counted nothing."""
    if not isinstance(usage, dict) or not usage:
        return None
    input_tokens = fields.tokens(usage.get("prompt_tokens") or usage.get("input_tokens"))
    output_tokens = fields.tokens(usage.get("completion_tokens") or usage.get("output_tokens"))
    billed = _billed(usage)
    if billed is None and not input_tokens and not output_tokens:
        return None  # the usage is unknown, which is not a reply that cost nothing
    cached = written = reasoning = 0
    if isinstance(details := usage.get("prompt_tokens_details") or usage.get("input_tokens_details"), dict):
        cached = fields.tokens(details.get("cached_tokens"))
        written = fields.tokens(details.get("cache_write_tokens"))
    if isinstance(
        details := usage.get("completion_tokens_details") or usage.get("output_tokens_details"), dict
    ):
        reasoning = fields.tokens(details.get("reasoning_tokens"))
    return (input_tokens, output_tokens, cached, reasoning, written), billed


def _billed(usage: Mapping[str, Any]) -> float | None:
    """Return what OpenRouter charged, in US dollars; with the user's own provider key, plus the provider's charge."""
    cost = fields.dollars(usage.get("cost"))
    if cost is None or not usage.get("is_byok"):
        return cost
    details = fields.mapping(usage.get("cost_details"))
    return cost + (fields.dollars(details.get("upstream_inference_cost")) or 0.0)


class OpenAIServer(HttpModel):
    """A model behind an OpenAI-compatible server; each subclass implements one of the protocols."""

    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        """See `HttpModel`; the spec's `transport` chooses the HTTP client."""
        base_url = self._spec.base_url or ""
        if self._spec.transport == "sdk":
            return SdkTransport("openai", base_url, key=key, pool=pool, timeouts=timeouts, tls=self._spec.tls)
        # late: it imports httptools and ssl, and pytest loads this module in every run
        from mmlubench.models.http.direct import plain_transport

        return plain_transport(base_url, key=key, pool=pool, timeouts=timeouts, tls=self._spec.tls)
