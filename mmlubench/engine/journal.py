"""The journal of a case: every request sent and every reply received, with usage, cost and time.

Hundreds of cases run at once on one event loop, so a context variable tells which case a request belongs to.
Lines are encoded here, once, in the process that made the request: xdist's controller receives a journal as bytes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from mmlubench.errors import ProviderError
from mmlubench.jsonl import encoded
from mmlubench.models.base import Model
from mmlubench.models.sound import sound
from mmlubench.records import BENCHMARK
from mmlubench.schema import BATCH, FINGERPRINT, NOT_SENT, Completion, Request, Usage

#: What joins the names of several providers.
_AND = " + "


@dataclass(slots=True)
class Journal:
    """Everything that was asked and answered for one case, in the order it happened."""

    requests: list[bytes] = field(default_factory=list)
    """Lines of `requests.jsonl`, one per request sent."""
    responses: list[bytes] = field(default_factory=list)
    """Lines of `responses.jsonl`, one per reply or failure."""
    usage: Usage = field(default_factory=Usage)
    sent: int = 0
    """Requests sent, retries included; a reply from the store counts the attempts that were made for it originally."""
    stored: int = 0
    """The number of requests in `sent` that were answered from the store."""
    batched: int = 0
    """The number of replies that came by a batch."""
    spent_usd: float = 0.0
    """The cost of the other requests in US dollars, as far as it is known."""
    latency_s: float = 0.0
    """Seconds spent waiting, all attempts added up."""
    served_model: str = ""
    """The model that the server names in its replies."""
    fingerprint: str = ""
    """The `system_fingerprint` in its replies: the server's software and settings, where it tells any."""
    served_provider: str = ""
    """Who is behind the router that was asked, as its replies name it: all of them, joined by ` + `."""
    not_sent: dict[str, int] = field(default_factory=dict)
    """The number of replies by the parameters that were asked for and that the server does not take."""
    asked: dict[bytes, int] = field(default_factory=dict)
    """The number of times that each request was made, by its key in the store."""
    counts: Counter[Hashable] = field(default_factory=Counter)
    """The number of calls of `count` for each key, with which `Numbered` numbers the requests."""

    def count(self, what: Hashable) -> int:
        """Add 1 to the counter of `what` and return its value before."""
        self.counts[what] += 1
        return self.counts[what] - 1

    def answered(
        self, label: str, request: Request, completion: Completion, queued_s: float | None = None
    ) -> None:
        """Record a reply that has just arrived. `label` is what this run calls the model.

        `queued_s` is how long the request had waited in this process before it was sent, in seconds; None if unknown.
        """
        self._note(
            _request_line(label, request, completion.sent, **_queued(queued_s)), label, request, completion
        )
        self.sent += 1
        self.spent_usd += completion.usage.cost_usd or 0.0
        self.latency_s += completion.latency_s

    def recalled(
        self, label: str, request: Request, completion: Completion, *, attempts: int, latency_s: float
    ) -> None:
        """Record a reply from the store, with the original attempts and latency; its lines say `"stored": true`."""
        request = replace(request, attempt=attempts)
        asked = _request_line(label, request, completion.sent, stored=True)
        self._note(asked, label, request, completion, stored=True)
        self.sent += attempts
        self.stored += attempts
        self.latency_s += latency_s

    def failed(
        self,
        label: str,
        request: Request,
        error: ProviderError,
        seconds: float,
        queued_s: float | None = None,
    ) -> None:
        """Record an attempt that ended without a usable reply after this many seconds; `queued_s` as for `answered`."""
        seconds = seconds if error.latency_s is None else error.latency_s
        self.requests.append(_request_line(label, request, error.sent, **_queued(queued_s)))
        line = _line_of(label, request)
        line |= {"error": str(error), "status": error.status, "latency_s": round(seconds, 4)}
        self.responses.append(_line(line))
        self.sent += 1
        self.latency_s += seconds

    def cancelled(self, label: str, request: Request, queued_s: float | None = None) -> None:
        """Record a request that was under way when the run was stopped; whether it was answered is unknown."""
        self.requests.append(_request_line(label, request, {}, **_queued(queued_s), cancelled=True))
        self.sent += 1

    def absorb(self, other: Journal) -> None:
        """Add everything that another journal holds to this one."""
        self.requests += other.requests
        self.responses += other.responses
        self.usage = self.usage + other.usage
        self.sent += other.sent
        self.stored += other.stored
        self.batched += other.batched
        self.spent_usd += other.spent_usd
        self.latency_s += other.latency_s
        self.served_model = other.served_model or self.served_model
        self.fingerprint = other.fingerprint or self.fingerprint
        self._add_provider(other.served_provider)
        self._leave_out(other.not_sent)

    def _note(self, asked: bytes, label: str, request: Request, completion: Completion, **more: Any) -> None:
        self.requests.append(asked)
        self.responses.append(_response_line(label, request, completion, **more))
        self.usage = self.usage + completion.usage
        self.served_model = completion.model
        if completion.metadata:
            self.fingerprint = str(completion.metadata.get(FINGERPRINT) or "")
            self.batched += BATCH in completion.metadata
            self._add_provider(completion.metadata.get("provider"))
            if left_out := completion.metadata.get(NOT_SENT):
                self._leave_out(dict.fromkeys(set(request.params.asked()).intersection(left_out), 1))

    def _leave_out(self, names: Mapping[str, int]) -> None:
        for name, count in names.items():
            self.not_sent[name] = self.not_sent.get(name, 0) + count

    def _add_provider(self, name: object) -> None:
        if not name or name == self.served_provider or not isinstance(name, str):
            return
        known = self.served_provider.split(_AND) if self.served_provider else []
        self.served_provider = _AND.join(dict.fromkeys([*known, *name.split(_AND)]))


current_journal: ContextVar[Journal | None] = ContextVar("current_journal", default=None)
#: The time of `perf_counter` since which the request of an asyncio task waits to be sent: since it was made, or since
#: its last attempt failed. None where no `Numbered` model was asked.
_waiting_since: ContextVar[float | None] = ContextVar("waiting_since", default=None)


class Journaled:
    """A Model that writes every attempt into the journal of the case it belongs to."""

    def __init__(self, model: Model, label: str) -> None:
        self._model = model
        self._label = label

    async def generate(self, request: Request) -> Completion:
        """Answer, and record what was sent and received. Raises what the wrapped model raises."""
        journal = current_journal.get()
        if journal is None:
            return sound(await self._model.generate(request))
        started, since = perf_counter(), _waiting_since.get()
        queued_s = None if since is None else started - since
        try:
            completion = sound(await self._model.generate(request))
        except ProviderError as error:
            failed = perf_counter()
            if since is not None:
                _waiting_since.set(failed)
            journal.failed(self._label, request, error, failed - started, queued_s)
            raise
        except asyncio.CancelledError:
            journal.cancelled(self._label, request, queued_s)
            raise
        journal.answered(self._label, request, completion, queued_s)
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()


def _line_of(label: str, request: Request) -> dict[str, Any]:
    """The fields that every line begins with; epoch and turn are left out while they are 0."""
    line = {"id": request.id, "attempt": request.attempt, "model": label}
    numbers = {"epoch": request.epoch, "turn": request.turn}
    return line | {name: number for name, number in numbers.items() if number}


def _queued(seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else {"queued_s": round(seconds, 4)}


def _request_line(label: str, request: Request, sent: Any, **more: Any) -> bytes:
    raw = {"prompt": request.prompt, "continuation": request.continuation}
    return _line(
        {
            "kind": BENCHMARK,
            **_line_of(label, request),
            # Field by field: `Message.shared`, which only guides the prompt cache, is not sent and not logged.
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            **{name: text for name, text in raw.items() if text},
            "parameters_asked": request.params.asked(),
            "parameters_sent": sent,
            **more,
        }
    )


def _response_line(label: str, request: Request, completion: Completion, **more: Any) -> bytes:
    line = {
        **_line_of(label, request),
        "completion": completion.text,
        "finish_reason": completion.finish_reason,
        "usage": completion.usage,
        "latency_s": round(completion.latency_s, 4),
        "served_model": completion.model,
    }
    if completion.reasoning:
        line["reasoning"] = completion.reasoning
    if completion.metadata:
        line["metadata"] = completion.metadata
    if completion.logprobs:
        line["logprobs"] = completion.logprobs
    if request.continuation:  # tells which continuation the log-probabilities belong to
        line["continuation"] = request.continuation
    return _line({**line, **more})


def _line(values: dict[str, Any]) -> bytes:
    return encoded(values) + b"\n"


#: The epoch (repetition of the case) that the requests of an asyncio task belong to.
current_epoch: ContextVar[int] = ContextVar("current_epoch", default=0)


class Numbered:
    """A Model that numbers the requests of a case (`Request.turn`) in the order made: the outermost layer."""

    def __init__(self, model: Model, label: str) -> None:
        self._model = model
        self._label = label

    async def generate(self, request: Request) -> Completion:
        """Number the request and answer it. Raises what the wrapped model raises."""
        journal = current_journal.get()
        if journal is not None:
            _waiting_since.set(perf_counter())
            epoch = current_epoch.get()
            turn = journal.count(("turn", self._label, request.id, epoch))
            if epoch or turn:
                request = replace(request, epoch=epoch, turn=turn)
        return await self._model.generate(request)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()
