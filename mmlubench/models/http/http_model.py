"""The base class of models behind HTTP: it settles the parameters, posts the request and reads the reply."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

from mmlubench.errors import ProviderError
from mmlubench.models import finish_reasons
from mmlubench.models.http import payload as json_payload
from mmlubench.models.http.failures import Failures, one_line
from mmlubench.models.http.logprobs import LogProbs, first_token
from mmlubench.models.http.rate_headers import pause_s
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.served import Served, look
from mmlubench.models.http.transport import USUAL_TIMEOUTS, Timeouts, Transport
from mmlubench.models.http.unsupported import without
from mmlubench.models.secrecy import secrets_in, veiled
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import NOT_SENT, Completion, Params, Request, Usage

_USUAL = frozenset(["stop", "length", "refusal", finish_reasons.UNKNOWN])
_log = logging.getLogger(__name__)


def settle(spec: ModelSpec, params: Params, default_max_tokens: int | None = None) -> dict[str, Any]:
    """Make the body without its messages: the parameters that the model takes, under the provider's names.

    Keys in the user's own fields are masked, as the body is logged and stored; `HttpModel` adds them when it sends.
    The spec's own `parameters` apply where the request sets none; `max_tokens` is capped at the model's limit.
    """
    wanted = {"max_tokens": default_max_tokens, **spec.parameters, **params.asked()}
    if spec.max_output_tokens is not None and wanted["max_tokens"] is not None:
        wanted["max_tokens"] = min(wanted["max_tokens"], spec.max_output_tokens)
    named = {
        its_name: value  # without parameters that this model does not take, and those that `special` adds
        for name, value in wanted.items()
        if value not in (None, []) and (its_name := getattr(spec.capabilities, name, None)) is not None
    }
    extra = {name: veiled(value, name) for name, value in spec.extra_body.items() if value is not None}
    return {"model": spec.asked_model, **named, **extra}


class Prepared(NamedTuple):
    """One request as `HttpModel.generate` would send it, for others to carry: a batch."""

    path: str
    """Behind the address of the server, such as `/chat/completions`."""
    body: dict[str, Any]
    """Without the user's own fields that hold a key: `HttpModel.secret_fields` has them."""
    sent: dict[str, Any]
    """The parameters in it, under the provider's names."""


class HttpModel(ABC):
    """A `Model` over a `Transport`; each subclass implements one protocol."""

    path: ClassVar[str]
    listing: ClassVar[str] = "/models"
    """The path of the server's list of models, looked up if it says 404."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        key: str | None = None,
        pool: int = 64,
        timeouts: Timeouts = USUAL_TIMEOUTS,
        transport: Transport | None = None,
    ) -> None:
        """`pool` is how many requests may be in flight; `transport` is used in place of a new one."""
        self._spec = spec
        self._transport = transport or self.connect(key, pool, timeouts)
        self._failures = Failures(spec, key or "")
        # Cached, since a run has thousands of requests, but only one or two sets of parameters.
        self._settled: dict[Params, dict[str, Any]] = {}
        self._refused: dict[str, str | None] = {}
        """The parameters that the server has refused, with the names that it wants instead, if any."""
        self._looking: asyncio.Task[Served] | None = None
        own = spec.extra_body.items()
        self._secret = {name: value for name, value in own if any(secrets_in(value, name))}
        """The user's own fields that hold a key, which is masked in what is settled."""

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises ProviderError, with the parameters sent, if there is no usable reply.

        A sampling parameter that the server does not take is left out, or gets the name that the server wants, in this
        and all further requests; the reply's metadata tell what was left out.
        """
        while True:
            sent = self._settled.get(request.params) or self._settle(request.params)
            try:
                completion = await self._ask(request, sent)
            except ProviderError as error:
                if not (error.unsupported and self._adapts(error.unsupported, sent)):
                    raise
                if _log.isEnabledFor(logging.DEBUG):
                    self._tell(request, f"asked again without {', '.join(error.unsupported)}")
                continue
            return self._noting(completion) if self._refused else completion

    def _settle(self, params: Params) -> dict[str, Any]:
        sent = settle(self._spec, params, self.default_max_tokens) | self.special(params)
        self._settled[params] = without(sent, self._refused)
        return self._settled[params]

    def _adapts(self, unsupported: Mapping[str, str | None], sent: dict[str, Any]) -> bool:
        """Take back what the server refuses; return whether the request is another one then."""
        own = self._spec.extra_body
        refused = {name: new for name, new in unsupported.items() if name in sent and name not in own}
        if not refused.keys() <= self._refused.keys():
            self._refused |= refused
            self._settled.clear()
        return bool(refused)

    def _noting(self, completion: Completion) -> Completion:
        """Return a reply whose metadata tell which parameters were asked for and left out."""
        left_out = [name for name, new in self._refused.items() if new is None]
        return replace(completion, metadata={**completion.metadata, NOT_SENT: left_out})

    async def _ask(self, request: Request, sent: dict[str, Any]) -> Completion:
        is_told = _log.isEnabledFor(logging.DEBUG)
        if is_told:
            self._tell_request(request, sent)
        started, latency_s, reply = perf_counter(), None, None
        try:
            reply = await self._transport.post(self.path, self.body(request, sent) | self._secret)
            latency_s = perf_counter() - started if reply.latency_s is None else reply.latency_s
            if is_told:
                size = len(reply.content)
                self._tell(request, f"HTTP {reply.status} after {latency_s:.3f} s, {size:,} bytes")
            served = await self._served() if reply.status == 404 else None
            return self._read(reply, sent, latency_s, served)
        except ProviderError as error:
            error.sent, error.latency_s = dict(sent), latency_s
            if is_told:
                self._tell(request, f"failed after {perf_counter() - started:.3f} s: {error}")
            # The frames of its traceback hold the whole reply, and an error may wait for long to be tried again.
            reply = error.__context__ = None
            raise error.with_traceback(None) from None

    def prepared(self, request: Request) -> Prepared:
        """Return what `generate` would send, without sending it. Raises Rejected for what no batch carries."""
        sent = self._settled.get(request.params) or self._settle(request.params)
        return Prepared(self.path, self.body(request, sent), sent)

    def reader(self, path: str) -> HttpModel:
        """Return the model that reads the replies of a path of `prepared`."""
        return self

    def read(self, reply: Reply, sent: dict[str, Any]) -> Completion:
        """Read a reply that others have carried, as `generate` reads its own. Raises ProviderError."""
        try:
            completion = self._read(reply, sent, 0.0)
        except ProviderError as error:
            error.sent = dict(sent)
            raise
        return self._noting(completion) if self._refused else completion

    def adapt(self, unsupported: Mapping[str, str | None]) -> None:
        """Leave out from now on what a server has refused, or send it under its new name, as `generate` learns it."""
        own = self._spec.extra_body
        self._refused |= {name: new for name, new in unsupported.items() if name not in own}
        self._settled.clear()

    @property
    def secret_fields(self) -> Mapping[str, Any]:
        """The user's own fields that hold a key, for whoever sends what was `prepared`."""
        return self._secret

    async def told(self, path: str) -> Reply:
        """Return what the server tells at a path, with the key masked; the model is not asked, and nothing is paid.

        Raises the errors of `Transport`.
        """
        reply = await self._transport.get(path)
        return reply._replace(content=self._failures.without_key(reply.content))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._looking is not None:
            self._looking.cancel()
        await self._transport.aclose()

    @property
    def default_max_tokens(self) -> int | None:
        """The `max_tokens` that is sent where neither request nor spec sets any; None to send none."""
        return None

    def special(self, params: Params) -> dict[str, Any]:
        """Return the body's fields for log-probabilities and constrained decoding; none if the protocol has neither."""
        return {}

    @abstractmethod
    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        """Make the transport to the model's server; it connects at the first request."""

    @abstractmethod
    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Return the whole body: `sent` and the messages."""

    @abstractmethod
    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        """Read a body. The errors of a missing or mistyped field (KeyError, TypeError, …) become BadReply."""

    async def _served(self) -> Served | None:
        """Look up what the server serves, once for all requests; None for a vendor, whose address is right."""
        if not self._spec.self_hosted:
            return None
        if self._looking is None:
            looking = look(self._transport, self.listing, self._spec.base_url or "")
            self._looking = asyncio.ensure_future(looking)
        return await asyncio.shield(
            self._looking
        )  # one request may be cancelled, and others wait for it, too

    def _read(
        self, reply: Reply, sent: dict[str, Any], latency_s: float, served: Served | None = None
    ) -> Completion:
        reply = reply._replace(content=self._failures.without_key(reply.content))
        if reply.status != 200:
            if refusal := self._failures.refusal(reply.status, reply.content):
                return Completion(
                    "", "refusal", latency_s=latency_s, sent=sent, metadata={"refusal": refusal}
                )
            raise self._failures.of_reply(reply, self.path, served)
        try:
            payload = json_payload.parse(reply.content, reply.headers.get("content-type", ""))
        except ValueError as error:
            raise self._failures.no_json(reply.content, error) from None
        if self._failures.is_error(payload):
            raise self._failures.of_payload(payload)
        try:
            completion = self.completion(payload, sent, latency_s)
        except ProviderError:
            raise
        except Exception as error:  # whatever a server says, it ends no more than this request
            problem = f"the reply does not follow the protocol ({type(error).__name__}: {error})"
            raise self._failures.bad_reply(f"{problem}: {one_line(payload)[:120]}") from None
        if completion.finish_reason not in _USUAL and finish_reasons.is_failure(completion.finish_reason):
            raise self._failures.of_finish(completion)
        pause = pause_s(reply.headers)
        return replace(completion, pause_s=pause) if pause else completion

    def _tell_request(self, request: Request, sent: dict[str, Any]) -> None:
        """Log where a request goes, its parameters (without the user's own fields) and its size, but not its prompt."""
        own = self._spec.extra_body
        parameters = ", ".join(f"{name} {value!r}" for name, value in sent.items() if name not in own)
        size = len(request.prompt) + sum(len(message.content) for message in request.messages)
        where = f"{self._spec.base_url or self._spec.client}{self.path}"
        self._tell(request, f"POST {where} with {parameters}, {size:,} characters")

    def _tell(self, request: Request, what: str) -> None:
        _log.debug("%s, try %d: %s", request.id, request.attempt, self._failures.mask.text(what))

    def _likeliest(self, choice: dict[str, Any]) -> LogProbs:
        """Return the likeliest first tokens of a reply. Raises BadReply if it has none, though they were asked for."""
        try:
            return first_token(choice)
        except ValueError as error:
            raise self._failures.without_logprobs(str(error)) from None

    def _usage(self, tokens: tuple[int, int, int, int, int], cost: float | None) -> Usage:
        """Make a Usage from input, output, cached, reasoning and cache-write tokens.

        Its cost is the one that the provider states, else the one by our price, else None. Tokens read from the prompt
        cache or written to it count as part of the input only as far as there is so much of it.
        """
        input_tokens, output_tokens, cached, reasoning, written = tokens
        cached = min(cached, input_tokens)
        written = min(written, input_tokens - cached)
        if cost is None and self._spec.price is not None:
            cost = self._spec.price.cost(input_tokens, cached, output_tokens, written)
        return Usage(input_tokens, output_tokens, cached, reasoning, cost, written)
