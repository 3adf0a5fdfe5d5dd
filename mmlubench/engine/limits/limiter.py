"""The limiter of a model: decides for all its requests which may be sent now and which have to wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from math import ceil, inf
from typing import NamedTuple

from mmlubench.engine.limits.adaptive import AdaptiveLimit
from mmlubench.engine.limits.buckets import Bucket, Tokens
from mmlubench.engine.limits.refusals import asks_for_less, is_refusal
from mmlubench.engine.limits.waiting import History, Wait
from mmlubench.errors import ProviderError
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request

_log = logging.getLogger(__name__)
#: The shortest timer: the event loop treats shorter times as zero and would wake up too early.
_TICK_S = 0.0001
#: After so many failures in a row, no further requests are put at stake.
_ALL_FAIL = 20
#: The number of requests that rest and may be replaced by others, where the server may be away.
_A_FEW = 4
#: With this part of the places taken, more of them would be used: some are free at any moment.
_FULL = 0.9


class Ticket(NamedTuple):
    """The permission to send one request."""

    number: int
    """The number of the request, counted from 1 for each model."""
    tokens: float
    """The tokens booked for the request; 0 where tokens are not limited."""
    beside: int = 0
    """How many other requests were under way when it was sent."""


class _Waiter(NamedTuple):
    future: asyncio.Future[Ticket]
    tokens: float


class Limiter:
    """Admits requests, first come, first served, within limits at once and per second, and none during a pause.

    `AdaptiveLimit` sets both numbers by what the server accepts. `rpm` and `tpm` are limits known beforehand: requests
    and tokens per minute. Where several processes share a limit, each is given its own part here, which `allow` may
    change later. No event loop need be running before the first request that has to wait.
    """

    def __init__(
        self,
        concurrency: int,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.limits = AdaptiveLimit(concurrency, inf if rpm is None else rpm / 60)
        """The limits that are in force now."""
        self._most = concurrency
        self._requests = Bucket(keep_s=0.05)
        self._tokens = None if tpm is None else Tokens(tpm)
        self._has_limits = rpm is not None or tpm is not None
        self._is_shut = False
        self._in_flight = self._sent = 0
        self._queue: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._resting: set[asyncio.Future[None]] = set()
        self._history = History()
        self._replaced = 0
        self.on_rest: Callable[[int], object] = lambda _by: None
        """Called with 1 when a request rests that another may replace in the meantime, and with -1 when it ends."""

    # -- what the progress line shows ----------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """How many requests wait because of the server, not merely for one of the places under `--concurrency`."""
        return self._held_back + len(self._resting)

    def state(self) -> Wait | None:
        """Say what requests wait for, since when, and what happens next; None if the server answers all of them."""
        return self._history.state(self.waiting, self._in_flight, self.limits, self.clock())

    @property
    def _held_back(self) -> int:
        if self.limits.is_free and not self._has_limits:
            return 0
        return sum(not waiter.future.done() for waiter in self._queue)

    # -- a part of limits that changes ---------------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """How many requests were sent so far, each try counted."""
        return self._sent

    @property
    def tokens_used(self) -> int:
        """The tokens of all replies so far; 0 where tokens are not limited."""
        return 0 if self._tokens is None else self._tokens.used

    @property
    def queued(self) -> int:
        """How many requests wait for their turn, whatever the reason."""
        return sum(not waiter.future.done() for waiter in self._queue)

    def allow(self, concurrency: int | None, rpm: float | None, tpm: float | None) -> None:
        """Change the limits at once, up or down; None leaves one as it is. Requests under way go on.

        Where requests wait, this must be called on their event loop.
        """
        if self._is_shut:
            return
        now, rate = self.clock(), self.limits.rate
        if rate < inf:
            self._requests.wait_s(0.0, rate, now)  # until now the bucket filled at the rate before
        self._most = self._most if concurrency is None else concurrency
        self.limits.allow(self._most, self.limits.most_rate if rpm is None else rpm / 60)
        if tpm is not None and self._tokens is not None:
            self._tokens.allow(tpm, now)
        elif tpm is not None:
            self._tokens = Tokens(tpm)
        self._has_limits = self._has_limits or rpm is not None or tpm is not None
        if self._queue:
            self._admit()

    def short_of(self) -> str:
        """Return which limit keeps requests from being sent: `rpm`, `tpm`, `concurrency`; empty if it is none of them.

        The server may be the reason as well, which no higher limit would change.
        """
        now, limits = self.clock(), self.limits
        waiter = next((one for one in self._queue if not one.future.done()), None)
        if now < limits.resume_at or (waiter is None and not self._in_flight):
            return ""
        if waiter is None or self._in_flight >= limits.places:
            is_full = self._in_flight >= ceil(_FULL * limits.most_places)
            return "concurrency" if is_full and limits.places >= limits.most_places else ""
        tokens_s = 0.0 if self._tokens is None else self._tokens.wait_s(waiter.tokens, now)
        requests_s = 0.0 if limits.rate == inf else self._requests.wait_s(1.0, limits.rate, now)
        if tokens_s > 0 and tokens_s >= requests_s:
            return "tpm"
        return "rpm" if requests_s > 0 and not limits.is_cut else ""

    # -- one request ---------------------------------------------------------------------------------------------

    def enter(self) -> int:
        """Take a place at once, where no limit is in force: the fast path. Returns the request's number, or 0."""
        if self._in_flight >= self._most or self._queue or self._has_limits or not self.limits.is_free:
            return 0
        self._in_flight += 1
        self._sent += 1
        if self._sent == 1 or not self._sent & 127:
            self.limits.sent(self._sent, self._in_flight, self.clock())
        return self._sent

    async def turn(self, request: Request) -> Ticket:
        """Wait for a place. Raises CancelledError after `shut`, and the error that `turn_away` gives."""
        if self._is_shut:
            raise asyncio.CancelledError
        tokens = 0.0 if self._tokens is None else self._tokens.guess(request)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), tokens)
        self._queue.append(waiter)
        if self._timer is None:
            self._admit()
        if not waiter.future.done() and _log.isEnabledFor(logging.DEBUG):
            self._tell(request)
        try:
            ticket = await waiter.future
            if self._is_shut:  # shut between admission and this line
                raise asyncio.CancelledError
            return ticket
        except asyncio.CancelledError:
            if _was_admitted(waiter):  # admitted just before it was cancelled
                self.leave()
            elif self._timer is not None:  # the next request in the queue may have to wait less long
                self._admit()
            raise

    def _tell(self, request: Request) -> None:
        """Log what a request waits for before it is sent."""
        pause_s = self.limits.resume_at - self.clock()
        until = f"a pause of {pause_s:.2f} s" if pause_s > 0 else f"{self._in_flight:,} in flight"
        _log.debug("%s waits for its turn: %s, %d before it", request.id, until, len(self._queue) - 1)

    def answered(self, completion: Completion, ticket: Ticket, sent_at: float) -> None:
        """Record a reply; `sent_at` is a time of this object's clock."""
        self._history.answered += 1
        self._history.failed_in_a_row = 0
        if self._tokens is not None:
            self._tokens.settle(ticket.tokens, completion.usage)
        if not self.limits.is_free:
            was_closed = self.limits.closed_at is not None
            self.limits.answered(ticket.number, sent_at, self.clock())
            if was_closed and self._timer is not None:  # it was set for a probe, and may now be too late
                self._admit()
        if completion.pause_s:
            self.limits.pause(completion.pause_s, self._sent, self.clock())

    def failed(self, error: ProviderError, ticket: Ticket) -> None:
        """Record a failure."""
        if self._tokens is not None:
            self._tokens.settle(ticket.tokens, None)
        if not error.retryable:
            return
        now = self.clock()
        self._history.failed(error, now)
        # A server that has answered nothing yet and fails all requests is tried by single ones, too.
        if is_refusal(error) or not self._history.answered:
            asked_s = error.retry_after_s or 0.0
            self.limits.refused(ticket.number, ticket.beside, self._in_flight - 1, self._sent, now, asked_s)
        elif error.retry_after_s:
            self.limits.pause(error.retry_after_s, self._sent, now)

    def leave(self) -> None:
        """Give the place back, whether the request was answered or failed."""
        self._in_flight -= 1
        if self._queue and self._timer is None:
            self._admit()

    def shut(self) -> None:
        """Admit no more requests, since the run is being stopped: waiting ones are cancelled, sent ones may finish."""
        self._is_shut, self._most = True, 0
        for waiter in self._queue:
            waiter.future.cancel()
        for sleep in self._resting:
            sleep.cancel()

    def turn_away(self, refuse: Callable[[], ProviderError]) -> None:
        """Fail all waiting requests, each with an error of its own that `refuse` makes: the breaker is open."""
        for waiter in self._queue:
            if not waiter.future.done():
                waiter.future.set_exception(refuse())

    async def rest(self, seconds: float, error: ProviderError) -> None:
        """Sleep before another try, outside the queue but counted in `waiting`. Raises CancelledError after `shut`."""
        if self._is_shut:
            raise asyncio.CancelledError
        sleep = asyncio.ensure_future(asyncio.sleep(seconds))
        self._resting.add(sleep)
        by = 1 if self._may_be_replaced(error) else 0
        self._replaced += by
        self.on_rest(by)
        try:
            await sleep
        finally:
            self._resting.discard(sleep)
            self._replaced -= by
            self.on_rest(-by)

    def _may_be_replaced(self, error: ProviderError) -> bool:
        """Whether another request may begin while one rests: a few, so that bad ones do not hold up all the others.

        More of them if the server fails a share by chance, but none for a server that has too much to do, or fails all.
        """
        by_chance = self.limits.refuses_by_chance or not is_refusal(error)
        if self._history.failed_in_a_row > _ALL_FAIL or (asks_for_less(error) and not by_chance):
            return False
        return self._replaced < (self._most if by_chance else max(_A_FEW, self._most // 8))

    # -- the queue -----------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Admit all requests that may be sent; set a timer for the next, unless it waits for a place to become free."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            now = self.clock()
            waiter = self._queue[0]
            if waiter.future.done():  # cancelled or failed while it waited
                self._queue.popleft()
                continue
            if self._in_flight >= self.limits.places:
                return
            wait_s = self._wait_s(waiter.tokens, now)
            if wait_s > 0:
                if wait_s < inf:  # else until more is allowed
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(max(wait_s, _TICK_S), self._admit)
                return
            self._queue.popleft()
            waiter.future.set_result(self._book(waiter.tokens, now))

    def _wait_s(self, tokens: float, now: float) -> float:
        if now < self.limits.resume_at:
            self._requests.drain(self.limits.resume_at)
            return self.limits.resume_at - now
        rate = self.limits.rate
        wait_s = 0.0 if rate == inf else self._requests.wait_s(1.0, rate, now)
        return wait_s if self._tokens is None else max(wait_s, self._tokens.wait_s(tokens, now))

    def _book(self, tokens: float, now: float) -> Ticket:
        self._in_flight += 1
        self._sent += 1
        if self.limits.rate < inf:
            self._requests.spend(1.0)
        if self._tokens is not None:
            self._tokens.spend(tokens)
        self.limits.sent(self._sent, self._in_flight, now)
        return Ticket(self._sent, tokens, self._in_flight - 1)


def _was_admitted(waiter: _Waiter) -> bool:
    future = waiter.future
    return future.done() and not future.cancelled() and future.exception() is None


class Limited:
    """A Model that sends each attempt when its `Limiter` admits it, and reports the result to the limiter.

    It belongs inside `Retried`, so that a request that waits before another try leaves its place to others.
    """

    def __init__(self, model: Model, limiter: Limiter) -> None:
        self._model = model
        self._limiter = limiter

    async def generate(self, request: Request) -> Completion:
        """Answer, as soon as the request may be sent. Raises what the wrapped model raises."""
        limiter = self._limiter
        number = limiter.enter()
        ticket = Ticket(number, 0.0, limiter.in_flight - 1) if number else await limiter.turn(request)
        sent_at = limiter.clock()
        try:
            completion = await self._model.generate(request)
            limiter.answered(completion, ticket, sent_at)
        except ProviderError as error:
            limiter.failed(error, ticket)
            raise
        finally:
            limiter.leave()
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()
