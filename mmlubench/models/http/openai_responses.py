"""OpenAI's Responses API, at OpenAI or at a server with the same route (vLLM, LM Studio)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmlubench.models import finish_reasons
from mmlubench.models.http import fields, openai_reply
from mmlubench.models.http.logprobs import LogProbs
from mmlubench.models.http.openai_reply import OpenAIServer
from mmlubench.schema import TOOL_CALLS, Completion, Params, Request, Usage

#: The fewest tokens that the API allows for a reply.
_LEAST_TOKENS = 16
_LOGPROBS = "message.output_text.logprobs"
_CALLS = ("function_call", "custom_tool_call", "mcp_call", "web_search_call", "code_interpreter_call")
#: The statuses of a response that has yet to be made.
_PENDING = ("queued", "in_progress")
#: The `phase` of a message that is not the answer.
_ASIDE = "commentary"


class OpenAIResponses(OpenAIServer):
    """A model behind `/responses`."""

    path = "/responses"

    def special(self, params: Params) -> dict[str, Any]:
        """See `HttpModel`."""
        top, most = params.logprobs, params.max_tokens
        wanted: dict[str, Any] = {} if top is None else {"top_logprobs": top, "include": [_LOGPROBS]}
        if most is not None and most < _LEAST_TOKENS:
            wanted["max_output_tokens"] = _LEAST_TOKENS
        return wanted

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """See `HttpModel`."""
        return {**sent, "input": [{"role": m.role, "content": m.content} for m in request.messages]}

    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        """See `HttpModel`."""
        output = payload["output"]
        if not isinstance(output, list):
            raise TypeError(f"output is {output!r:.40}")
        items = [item for item in output if isinstance(item, dict)]
        parts = list(_parts(items))
        text = "".join(fields.text(part.get("text")) for part in parts if part.get("type") == "output_text")
        refusal = "".join(fields.text(part.get("refusal")) for part in parts if part.get("type") == "refusal")
        tools = [fields.name(i.get("name")) or "a tool" for i in items if i.get("type") in _CALLS]
        if not (text or refusal or tools) and payload.get("status") in _PENDING:
            raise self._failures.bad_reply(f"the response is {payload['status']} and has no output yet")
        found = openai_reply.counted(payload.get("usage"))
        return Completion(
            text or refusal,
            _finish_reason(payload, text, refusal, tools),
            self._usage(*found) if found else Usage(),
            fields.name(payload.get("model")),
            latency_s,
            sent,
            "".join(_thoughts(items)),
            {**openai_reply.beside(payload), **({TOOL_CALLS: tools} if tools else {})},
            logprobs=self._first(parts) if "top_logprobs" in sent and not refusal else (),
        )

    def _first(self, parts: list[dict[str, Any]]) -> LogProbs:
        """Return the likeliest first tokens of the text; they have the form that chats have. Raises BadReply."""
        told = next((part["logprobs"] for part in parts if part.get("logprobs")), None)
        return self._likeliest({"logprobs": {"content": told}})


def _parts(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the parts of the answer: those of all messages, without commentary where there is anything else."""
    messages = [item for item in items if item.get("type") == "message"]
    answers = [message for message in messages if message.get("phase") != _ASIDE]
    for message in answers or messages:
        yield from (part for part in fields.items(message.get("content")) if isinstance(part, dict))


def _thoughts(items: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the thinking: the text itself where a server gives it, else its summary."""
    for item in items:
        if item.get("type") == "reasoning":
            told = fields.items(item.get("content")) or fields.items(item.get("summary"))
            yield from (fields.text(fields.mapping(part).get("text")) for part in told)


def _finish_reason(payload: dict[str, Any], text: str, refusal: str, tools: list[str]) -> str:
    if refusal:
        return "refusal"
    if tools and not text.strip():
        return TOOL_CALLS
    why = fields.mapping(payload.get("incomplete_details")).get("reason")
    return finish_reasons.known(why or payload.get("status"))
