"""OpenAI's Completions protocol: the model continues a raw text, without a chat template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmlubench.models import finish_reasons
from mmlubench.models.constraint import constrained_to
from mmlubench.models.http import chat_message, fields, logprobs, openai_reply
from mmlubench.models.http.openai_reply import OpenAIServer
from mmlubench.schema import Completion, Params, Request, Usage


class Completions(OpenAIServer):
    """A model behind `/completions`; it shares the transport of the chat model it belongs to."""

    path = "/completions"

    def special(self, params: Params) -> dict[str, Any]:
        """See `HttpModel`."""
        wanted = {} if params.logprobs is None else {"logprobs": params.logprobs}
        return {**wanted, **constrained_to(params.choice, self._spec.constraint)}

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """See `HttpModel`."""
        return {**sent, "prompt": request.prompt}

    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        """See `HttpModel`."""
        choice = openai_reply.first_choice(payload, _text)
        if self._failures.is_error(choice):  # from OpenRouter, if the provider behind it failed half way
            raise self._failures.of_payload(choice)
        found = openai_reply.counted(payload.get("usage"))
        return Completion(
            _text(choice),
            finish_reasons.known(choice.get("finish_reason")),
            self._usage(*found) if found else Usage(),
            fields.name(payload.get("model")),
            latency_s,
            sent,
            metadata=openai_reply.beside(payload),
            logprobs=self._logprobs(choice, sent),
        )

    def _logprobs(self, choice: dict[str, Any], sent: dict[str, Any]) -> logprobs.LogProbs:
        return self._likeliest(choice) if "logprobs" in sent else ()


class Echo(Completions):
    """A model that scores a given continuation: the server echoes prompt and continuation with log-probabilities."""

    async def generate(self, request: Request) -> Completion:
        """Score `request.continuation`. Raises ProviderError if there is no usable reply."""
        completion = await super().generate(request)
        try:
            own = logprobs.covering(completion.logprobs, request.continuation)
        except ValueError as error:
            bad = self._failures.bad_reply(str(error))
            bad.sent = dict(completion.sent)
            raise bad from None
        # The echoed text is the request's own, so it is dropped.
        return replace(completion, text="", logprobs=own)

    def special(self, params: Params) -> dict[str, Any]:
        """See `HttpModel`."""
        # One token is generated and dropped, since not every server accepts a limit of 0.
        return {"echo": True, "max_tokens": 1, "logprobs": 1}

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """See `HttpModel`."""
        return {**sent, "prompt": request.prompt + request.continuation}

    def _logprobs(self, choice: dict[str, Any], sent: dict[str, Any]) -> logprobs.LogProbs:
        try:
            return logprobs.echoed(choice, generated=sent["max_tokens"])
        except ValueError as error:
            raise self._failures.without_logprobs(str(error)) from None


def _text(choice: Mapping[str, Any]) -> str:
    """Return the text of a choice, or of its message where a server answers as if it were a chat. Raises TypeError."""
    text = choice.get("text")
    if text is None:
        text = chat_message.read(choice).text
    if not isinstance(text, str):
        raise TypeError(f"text is {text!r:.40}")
    return text
