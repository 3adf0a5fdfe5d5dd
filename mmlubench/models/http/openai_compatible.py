"""OpenAI's Chat Completions protocol, for OpenAI, OpenRouter, vLLM, LM Studio, llama.cpp and compatible servers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mmlubench.errors import Rejected
from mmlubench.models import finish_reasons
from mmlubench.models.constraint import constrained_to
from mmlubench.models.http import chat_message, fields, openai_reply
from mmlubench.models.http.completions import Completions, Echo
from mmlubench.models.http.http_model import HttpModel, Prepared
from mmlubench.models.http.openai_reply import OpenAIServer
from mmlubench.schema import TOOL_CALLS, Completion, Params, Request, Usage


class OpenAICompatible(OpenAIServer):
    """A model behind `/chat/completions`, and behind `/completions` for raw prompts.

    Differences between servers are described by the spec, not here.
    """

    path = "/chat/completions"

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises ProviderError, with the parameters sent, if there is no usable reply."""
        if request.continuation:
            return await self._echo.generate(request)
        if request.prompt:
            return await self._raw.generate(request)
        return await super().generate(request)

    def prepared(self, request: Request) -> Prepared:
        """See `HttpModel`; the log-probability of a given continuation is asked for interactively only."""
        if request.continuation:
            raise Rejected(f"{self._spec.label}: no batch carries the requests of --scoring logprob:echo")
        return self._raw.prepared(request) if request.prompt else super().prepared(request)

    def reader(self, path: str) -> HttpModel:
        """See `HttpModel`."""
        return self._raw if path == self._raw.path else self

    def adapt(self, unsupported: Mapping[str, str | None]) -> None:
        """See `HttpModel`."""
        super().adapt(unsupported)
        self._raw.adapt(unsupported)

    @cached_property
    def _raw(self) -> Completions:
        return Completions(self._spec, key=self._failures.secret, transport=self._transport)

    @cached_property
    def _echo(self) -> Echo:
        return Echo(self._spec, key=self._failures.secret, transport=self._transport)

    def special(self, params: Params) -> dict[str, Any]:
        """See `HttpModel`."""
        top = params.logprobs
        wanted = {} if top is None else {"logprobs": True, "top_logprobs": top}
        if top is not None and self._spec.features.logprobs_are_counted:
            wanted = {"logprobs": top}
        return {**wanted, **constrained_to(params.choice, self._spec.constraint)}

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """See `HttpModel`; a last message of the role assistant is a prefill, which the model continues."""
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        is_begun = [m.role for m in request.messages[-1:]] == ["assistant"]
        return {**(self._spec.features.continued if is_begun else {}), **sent, "messages": messages}

    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        """See `HttpModel`."""
        choice = openai_reply.first_choice(payload, lambda each: chat_message.read(each).text)
        if self._failures.is_error(choice):  # from OpenRouter, if the provider behind it failed half way
            raise self._failures.of_payload(choice)
        said = chat_message.read(choice)
        found = openai_reply.counted(payload.get("usage"))
        beside = openai_reply.beside(payload)
        return Completion(
            said.text or said.refusal,
            _finish_reason(choice, said),
            self._usage(*found) if found else Usage(),
            fields.name(payload.get("model")),
            latency_s,
            sent,
            said.reasoning,
            {**beside, TOOL_CALLS: list(said.tools)} if said.tools else beside,
            # A refusal is a valid reply without log-probabilities.
            logprobs=self._likeliest(choice) if "logprobs" in sent and not said.refusal else (),
        )


def _finish_reason(choice: dict[str, Any], said: chat_message.Said) -> str:
    if said.refusal:
        return "refusal"
    reason = finish_reasons.known(choice.get("finish_reason"))
    # Some servers say `stop` where a tool is called and nothing is said.
    is_only_call = said.tools and not said.text.strip() and reason in ("stop", finish_reasons.UNKNOWN)
    return TOOL_CALLS if is_only_call else reason
