"""The limiter of a model: decides for all its requests which may be sent now and which have to wait."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from mmlubench.engine.limits.adaptive import AdaptiveLimit
from mmlubench.engine.limits.buckets import Bucket, Tokens
from mmlubench.errors import ProviderError, RateLimited
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request

#: Statuses of an overloaded server, besides 429.
_OVERLOADED = frozenset([503, 529])
#: The shortest timer: the event loop treats shorter times as zero and would wake up too early.
_TICK_S = 0.0001
#: Reasons for which requests wait, worded to follow "waiting for".
RATE_LIMIT, OVERLOAD, OUTAGE, RETRY = "rate limit", "overloaded server", "unreachable server", "another try"


def asks_for_less(error: ProviderError) -> bool:
    """Whether a server rejected a request because there are too many: 429, 503, 529."""
    return isinstance(error, RateLimited) or error.status in _OVERLOADED


class Ticket(NamedTuple):
    """The permission to send one request."""

    number: int
    """The number of the request, counted from 1 for each model."""
    tokens: float
    """The tokens booked for the request; 0 where tokens are not limited."""


class _Waiter(NamedTuple):
    future: asyncio.Future[Ticket]
    tokens: float


class Limiter:
    """Admits requests, first come, first served, within limits at once and per second, and none during a pause.

    `AdaptiveLimit` sets both numbers by what the server accepts. `rpm` and `tpm` are limits known beforehand: requests
    and tokens per minute. Where several processes share a limit, each is given its own part here. No event loop need be
    running before the first request that has to wait.
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
        self._most = concurrency
        self._adaptive = AdaptiveLimit(concurrency, inf if rpm is None else rpm / 60)
        self._requests = Bucket(keep_s=0.05)
        self._tokens = None if tpm is None else Tokens(tpm)
        self._has_limits = rpm is not None or tpm is not None
        self._is_shut = False
        self._in_flight = self._sent = 0
        self._queue: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reason = RATE_LIMIT
        self._resting: dict[asyncio.Future[None], str] = {}

    # -- what the progress line shows ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many requests wait because of the server, not merely for one of the places under `--concurrency`."""
        return self._held_back + len(self._resting)

    @property
    def why(self) -> str:
        """What most waiting requests wait for, such as `rate limit`; empty if none waits."""
        reasons = Counter(self._resting.values())
        reasons[self._reason] += self._held_back
        [(reason, number)] = reasons.most_common(1)
        return reason if number else ""

    @property
    def concurrency(self) -> int:
        """How many requests may be under way now."""
        return self._adaptive.places(self.clock())

    @property
    def rate(self) -> float:
        """How many requests a second may be sent now; infinite where nothing limits them."""
        return self._adaptive.rate(self.clock())

    @property
    def _held_back(self) -> int:
        if self._adaptive.is_free and not self._has_limits:
            return 0
        return sum(not waiter.future.done() for waiter in self._queue)

    # -- one request ---------------------------------------------------------------------------------------------

    def enter(self) -> int:
        """Take a place at once, where no limit is in force: the fast path. Returns the request's number, or 0."""
        if self._in_flight >= self._most or self._queue or self._has_limits or not self._adaptive.is_free:
            return 0
        self._in_flight += 1
        self._sent += 1
        if self._sent == 1 or not self._sent & 127:
            self._adaptive.sent(self._sent, self.clock())
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
        try:
            ticket = await waiter.future
            if self._is_shut:  # shut between admission and this line
                raise asyncio.CancelledError
            return ticket
        except asyncio.CancelledError:
            if _was_admitted(waiter):  # admitted just before it was cancelled
                self.leave()
            elif self._timer is not None:  # the next request in the queue may have to wait less long
                self._timer.cancel()
                self._admit()
            raise

    def answered(self, completion: Completion, ticket: Ticket, sent_at: float) -> None:
        """Record a reply; `sent_at` is a time of this object's clock."""
        if self._tokens is not None:
            self._tokens.settle(ticket.tokens, completion.usage)
        if not self._adaptive.is_free:
            self._adaptive.answered(ticket.number, sent_at, self.clock())
        if completion.pause_s:
            self._reason = RATE_LIMIT
            self._adaptive.pause(completion.pause_s, self._sent, self.clock())

    def failed(self, error: ProviderError, ticket: Ticket, sent_at: float) -> None:
        """Record a failure; `sent_at` as for `answered`."""
        if self._tokens is not None:
            self._tokens.settle(ticket.tokens, None)
        self._adaptive.lost(ticket.number)
        if asks_for_less(error):
            self._reason = RATE_LIMIT if isinstance(error, RateLimited) else OVERLOAD
            self._adaptive.rejected(
                ticket.number, sent_at, self._sent, self.clock(), error.retry_after_s or 0.0
            )
        elif error.retry_after_s:
            self._adaptive.pause(error.retry_after_s, self._sent, self.clock())

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

    async def rest(self, seconds: float, why: str) -> None:
        """Sleep before another try, outside the queue but counted in `waiting`. Raises CancelledError after `shut`."""
        if self._is_shut:
            raise asyncio.CancelledError
        sleep = asyncio.ensure_future(asyncio.sleep(seconds))
        self._resting[sleep] = why
        try:
            await sleep
        finally:
            del self._resting[sleep]

    # -- the queue -----------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Admit all requests that may be sent; set a timer for the next, unless it waits for a place to become free."""
        self._timer = None
        while self._queue:
            now = self.clock()
            waiter = self._queue[0]
            if waiter.future.done():  # cancelled or failed while it waited
                self._queue.popleft()
                continue
            if self._in_flight >= self._adaptive.places(now):
                return
            wait_s = self._wait_s(waiter.tokens, now)
            if wait_s > 0:
                self._timer = asyncio.get_running_loop().call_later(max(wait_s, _TICK_S), self._admit)
                return
            self._queue.popleft()
            waiter.future.set_result(self._book(waiter.tokens, now))

    def _wait_s(self, tokens: float, now: float) -> float:
        if now < self._adaptive.resume_at:
            self._requests.drain(self._adaptive.resume_at)
            return self._adaptive.resume_at - now
        rate = self._adaptive.rate(now)
        wait_s = 0.0 if rate == inf else self._requests.wait_s(1.0, rate, now)
        return wait_s if self._tokens is None else max(wait_s, self._tokens.wait_s(tokens, now))

    def _book(self, tokens: float, now: float) -> Ticket:
        self._in_flight += 1
        self._sent += 1
        if self._adaptive.rate(now) < inf:
            self._requests.spend(1.0)
        if self._tokens is not None:
            self._tokens.spend(tokens)
        self._adaptive.sent(self._sent, now)
        return Ticket(self._sent, tokens)


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
        ticket = Ticket(number, 0.0) if number else await limiter.turn(request)
        sent_at = limiter.clock()
        try:
            completion = await self._model.generate(request)
            limiter.answered(completion, ticket, sent_at)
        except ProviderError as error:
            limiter.failed(error, ticket, sent_at)
            raise
        finally:
            limiter.leave()
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()
