"""Retries: only of failures that may pass, a bounded number of times, never sooner than the server allows."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, RetryCallState

from mmlubench.engine.limits.adaptive import LONGEST_PAUSE_S
from mmlubench.engine.limits.breaker import Breaker
from mmlubench.engine.limits.limiter import OUTAGE, OVERLOAD, RATE_LIMIT, RETRY, Limiter, asks_for_less
from mmlubench.errors import ProviderError, RateLimited, Unreachable
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request


@dataclass(frozen=True)
class Bounds:
    """The bounds of the retries of one request; times in seconds."""

    attempts: int
    """The most attempts, the first one included."""
    elapsed_s: float
    """The most time since the first failure."""
    longest_wait_s: float
    """The longest pause between two attempts; pauses double up to this."""


@dataclass(frozen=True)
class RetryPolicy:
    """The retry policy: bounds for each kind of failure, first pause, jitter; times in seconds."""

    failing: Bounds = Bounds(8, 90.0, 15.0)
    """For a server that is unreachable or sends invalid replies: long enough for a restart of 30 seconds."""
    busy: Bounds = Bounds(10, 300.0, 60.0)
    """For a rejection because of too many requests: more patient, since places become free."""
    first_wait_s: float = 0.5
    jitter: float = 0.25
    """Each pause is up to this fraction longer or shorter, so that requests that failed together return apart."""
    longest_retry_after_s: float = LONGEST_PAUSE_S
    """A request is not retried if the server asks for a longer pause than this."""
    same_failures: int = 3
    """The number of identical server errors in a row after which the request itself is the cause: no more retries."""

    def bounds(self, error: ProviderError) -> Bounds:
        """Return the bounds that apply to a request that failed with this error."""
        return self.busy if asks_for_less(error) else self.failing


#: Temporary server errors, which the request cannot have caused: time-outs, conflicts, gateways, overload.
_TEMPORARY = frozenset([408, 409, 502, 503, 504, 529])


class Retried:
    """A Model that retries failed requests, and sends no more of them while its `Breaker` is open."""

    def __init__(
        self, model: Model, policy: RetryPolicy = RetryPolicy(), limiter: Limiter | None = None
    ) -> None:
        """`limiter` is the one that `Limited` uses: it has the clock, and counts the requests that wait to retry."""
        self._model = model
        self._policy = policy
        self._limiter = limiter or Limiter(1)
        self._breaker = Breaker(policy.longest_retry_after_s, self._limiter.clock)

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises the ProviderError of the last attempt when all attempts failed."""
        self._breaker.check()
        try:
            # Outside tenacity: almost every first attempt succeeds, and tenacity would cost as much as the request.
            completion = await self._attempt(request)
        except ProviderError as error:
            completion = await self._retry(request, error)
        self._breaker.answered()
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _attempt(self, request: Request) -> Completion:
        started_at = self._limiter.clock()
        try:
            return await self._model.generate(request)
        except ProviderError as error:
            self._breaker.attempt_failed(error, started_at)
            raise

    async def _retry(self, request: Request, first: ProviderError) -> Completion:
        state = _RetryState(first, self._policy, self._breaker, self._limiter)
        retrying = AsyncRetrying(
            retry=state.may_help, stop=state.is_over, wait=state.wait_s, sleep=state.rest, reraise=True
        )
        try:
            async for attempt in retrying:
                with attempt:
                    number = attempt.retry_state.attempt_number
                    if number == 1:  # `generate` made the first attempt: tenacity only counts it
                        raise first
                    if self._breaker.cause is not None:
                        raise state.error
                    return await self._attempt(replace(request, attempt=number))
        except ProviderError as error:
            self._breaker.request_failed(error)
            if self._breaker.cause is not None:
                self._limiter.turn_away(self._breaker.refusal)
            raise
        raise AssertionError("tenacity ends with a value or the last error")


class _RetryState:
    """The retries of one failed request, as callbacks for tenacity: its last failure, and when to try again."""

    def __init__(self, first: ProviderError, policy: RetryPolicy, breaker: Breaker, limiter: Limiter) -> None:
        self.error = first
        """The last failure."""
        self._policy = policy
        self._breaker = breaker
        self._limiter = limiter
        self._failed_at = limiter.clock()
        self._same_in_a_row = 0

    def may_help(self, state: RetryCallState) -> bool:
        """Whether another attempt may succeed (tenacity's `retry`)."""
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, ProviderError):
            return False
        self._same_in_a_row = self._same_in_a_row + 1 if str(error) == str(self.error) else 1
        self.error = error
        if not error.retryable or self._breaker.cause is not None:
            return False
        if (error.retry_after_s or 0.0) > self._policy.longest_retry_after_s:
            return False
        return not (_may_be_caused_by_request(error) and self._same_in_a_row >= self._policy.same_failures)

    def wait_s(self, state: RetryCallState) -> float:
        """Return the pause in seconds: exponential backoff with jitter, never shorter than the server asked for."""
        policy, asked = self._policy, self.error.retry_after_s
        longest = policy.bounds(self.error).longest_wait_s
        pause = min(policy.first_wait_s * 2.0 ** (state.attempt_number - 1), longest)
        pause *= random.uniform(1 - policy.jitter, 1 + policy.jitter)
        return pause if asked is None else max(pause, asked + random.uniform(0.0, 0.1 + 0.1 * asked))

    def is_over(self, state: RetryCallState) -> bool:
        """Whether the attempts, the time, or the wait for an unreachable server are used up (tenacity's `stop`)."""
        bounds, pause = self._policy.bounds(self.error), float(state.upcoming_sleep)
        if state.attempt_number >= bounds.attempts:
            return True
        if isinstance(self.error, Unreachable) and not self._breaker.is_worth_waiting(pause):
            return True
        return self._limiter.clock() + pause - self._failed_at > bounds.elapsed_s

    async def rest(self, seconds: float) -> None:
        """Sleep before the next attempt; the limiter counts the request as waiting."""
        await self._limiter.rest(seconds, _reason(self.error))


def _may_be_caused_by_request(error: ProviderError) -> bool:
    """Whether the request itself may have caused a server error."""
    return not (isinstance(error, Unreachable | RateLimited) or error.status in _TEMPORARY)


def _reason(error: ProviderError) -> str:
    if isinstance(error, Unreachable):
        return OUTAGE
    if not asks_for_less(error):
        return RETRY
    return RATE_LIMIT if isinstance(error, RateLimited) else OVERLOAD
