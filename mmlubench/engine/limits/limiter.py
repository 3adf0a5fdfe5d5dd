"""Who may ask now, and who has to wait: the one limiter of a model, shared by all its requests."""

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

#: Statuses of a server that has too much to do, beside 429.
_OVERLOADED = frozenset([503, 529])
#: The event loop takes shorter times for none at all, and would be woken in vain.
_TICK_S = 0.0001
#: What requests may be waiting for, in words that follow "waiting for".
RATE_LIMIT, OVERLOAD, OUTAGE, RETRY = "rate limit", "overloaded server", "unreachable server", "another try"


def asks_for_less(error: ProviderError) -> bool:
    """Whether a server turned a request down because there are too many: 429, 503, 529."""
    return isinstance(error, RateLimited) or error.status in _OVERLOADED


class Ticket(NamedTuple):
    """Leave to send one request."""

    number: int
    """Counts the requests of this model from 1."""
    tokens: float
    """Booked for it; 0 where tokens are not limited."""


class _Waiter(NamedTuple):
    future: asyncio.Future[Ticket]
    tokens: float


class Limiter:
    """Lets requests in, first come, first served: so many at once, so many a second, and none during a pause.

    How many follows from what the server takes; see `AdaptiveLimit`. `rpm` and `tpm` are limits that are known
    beforehand: requests and tokens per minute. Several processes share a limit by taking a part each: what is given
    here is this process's own. Nothing needs a running loop before the first request that has to wait.
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

    # -- what can be seen of it ----------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many requests wait for the server's sake, and not only until one before them has ended."""
        return self._held_back + len(self._resting)

    @property
    def why(self) -> str:
        """What most of them wait for, such as `rate limit`; empty if none waits."""
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
        """Take a place, if it is to be had at once and without booking. Returns the request's number, 0 for none."""
        if self._in_flight >= self._most or self._queue or self._has_limits or not self._adaptive.is_free:
            return 0
        self._in_flight += 1
        self._sent += 1
        if self._sent == 1 or not self._sent & 127:
            self._adaptive.sent(self._sent, self.clock())
        return self._sent

    async def turn(self, request: Request) -> Ticket:
        """Wait for a place. Raises CancelledError after `shut`, and what `turn_away` makes."""
        if self._is_shut:
            raise asyncio.CancelledError
        tokens = 0.0 if self._tokens is None else self._tokens.guess(request)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), tokens)
        self._queue.append(waiter)
        if self._timer is None:
            self._let_in()
        try:
            ticket = await waiter.future
            if self._is_shut:  # since it was let in
                raise asyncio.CancelledError
            return ticket
        except asyncio.CancelledError:
            if _was_let_in(waiter):  # just before
                self.leave()
            elif self._timer is not None:  # the next one may have less to wait for
                self._timer.cancel()
                self._let_in()
            raise

    def answered(self, completion: Completion, ticket: Ticket, sent_at: float) -> None:
        """Note a reply; `sent_at` is by this object's clock."""
        if self._tokens is not None:
            self._tokens.settle(ticket.tokens, completion.usage)
        if not self._adaptive.is_free:
            self._adaptive.answered(ticket.number, sent_at, self.clock())
        if completion.pause_s:
            self._reason = RATE_LIMIT
            self._adaptive.pause(completion.pause_s, self._sent, self.clock())

    def failed(self, error: ProviderError, ticket: Ticket, sent_at: float) -> None:
        """Note a failure; see `answered`."""
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
        """Give the place back, whatever came of it."""
        self._in_flight -= 1
        if self._queue and self._timer is None:
            self._let_in()

    def shut(self) -> None:
        """Let nobody in any more, since the run is being stopped: who waits is cancelled, who is in may finish."""
        self._is_shut, self._most = True, 0
        for waiter in self._queue:
            waiter.future.cancel()
        for sleep in self._resting:
            sleep.cancel()

    def turn_away(self, refuse: Callable[[], ProviderError]) -> None:
        """Let all who wait go away with an error, each with its own: there is nothing to be had any more."""
        for waiter in self._queue:
            if not waiter.future.done():
                waiter.future.set_exception(refuse())

    async def rest(self, seconds: float, why: str) -> None:
        """Wait by oneself, before another try, and be seen among those that wait. Raises CancelledError as `turn`."""
        if self._is_shut:
            raise asyncio.CancelledError
        sleep = asyncio.ensure_future(asyncio.sleep(seconds))
        self._resting[sleep] = why
        try:
            await sleep
        finally:
            del self._resting[sleep]

    # -- the queue -----------------------------------------------------------------------------------------------

    def _let_in(self) -> None:
        """Let in all who may; set an alarm for the next one, unless somebody has to leave first."""
        self._timer = None
        while self._queue:
            now = self.clock()
            waiter = self._queue[0]
            if waiter.future.done():  # it went away
                self._queue.popleft()
                continue
            if self._in_flight >= self._adaptive.places(now):
                return
            wait_s = self._wait_s(waiter.tokens, now)
            if wait_s > 0:
                self._timer = asyncio.get_running_loop().call_later(max(wait_s, _TICK_S), self._let_in)
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


def _was_let_in(waiter: _Waiter) -> bool:
    future = waiter.future
    return future.done() and not future.cancelled() and future.exception() is None


class Limited:
    """A Model that sends each attempt when its `Limiter` lets it, and tells the limiter what became of it.

    It belongs inside `Retried`: a request that waits before another try leaves its place to others.
    """

    def __init__(self, model: Model, limiter: Limiter) -> None:
        self._model = model
        self._limiter = limiter

    async def generate(self, request: Request) -> Completion:
        """Answer as soon as it may be asked. Raises what the wrapped model raises."""
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
