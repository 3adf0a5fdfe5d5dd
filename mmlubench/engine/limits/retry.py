"""Asking again: only what may help, a bounded number of times, never sooner than the server allows."""

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
    """How often a request is made, and how patiently; times in seconds."""

    attempts: int
    elapsed_s: float
    """Since its first failure."""
    longest_wait_s: float
    """The pauses double until they are this long."""


@dataclass(frozen=True)
class RetryPolicy:
    """How patient to be with what; times in seconds."""

    failing: Bounds = Bounds(8, 90.0, 15.0)
    """Without connection, or with a reply that makes no sense: outlives a restart of 30 seconds."""
    busy: Bounds = Bounds(10, 300.0, 60.0)
    """Turned down because there are too many: it will be our turn some time."""
    first_wait_s: float = 0.5
    jitter: float = 0.25
    """Each pause is up to this share longer or shorter, so that those who failed together do not return together."""
    longest_retry_after_s: float = LONGEST_PAUSE_S
    """A server that asks for a longer pause than this is given up on."""
    same_failures: int = 3
    """A server error in the same words so often in a row is the request's own fault."""

    def bounds(self, error: ProviderError) -> Bounds:
        """What applies to a request that failed like this."""
        return self.busy if asks_for_less(error) else self.failing


#: Server errors that say nothing of the request: time-outs, conflicts, gateways without a server behind, overload.
_PASSING = frozenset([408, 409, 502, 503, 504, 529])


class Retried:
    """A Model that asks again where that may help, and stops asking where nothing can; see `Breaker`."""

    def __init__(
        self, model: Model, policy: RetryPolicy = RetryPolicy(), limiter: Limiter | None = None
    ) -> None:
        """`limiter`, which `Limited` has as well, knows the time and is told who waits."""
        self._model = model
        self._policy = policy
        self._limiter = limiter or Limiter(1)
        self._breaker = Breaker(policy.longest_retry_after_s, self._limiter.clock)

    async def generate(self, request: Request) -> Completion:
        """Answer; raises the last attempt's ProviderError when all attempts failed."""
        self._breaker.check()
        try:
            # Almost every first attempt succeeds, and tenacity costs as much as the request: only failures meet it.
            completion = await self._attempt(request)
        except ProviderError as error:
            completion = await self._again(request, error)
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

    async def _again(self, request: Request, first: ProviderError) -> Completion:
        trial = _Trial(first, self._policy, self._breaker, self._limiter)
        retrying = AsyncRetrying(
            retry=trial.may_help, stop=trial.is_over, wait=trial.wait_s, sleep=trial.rest, reraise=True
        )
        try:
            async for attempt in retrying:
                with attempt:
                    number = attempt.retry_state.attempt_number
                    if number == 1:  # has been made already: it takes its place in the count
                        raise first
                    if self._breaker.cause is not None:
                        raise trial.error
                    return await self._attempt(replace(request, attempt=number))
        except ProviderError as error:
            self._breaker.request_failed(error)
            if self._breaker.cause is not None:
                self._limiter.turn_away(self._breaker.refusal)
            raise
        raise AssertionError("tenacity ends with a value or the last error")


class _Trial:
    """One request that has failed: since when, with what, and whether it is worth another try."""

    def __init__(self, first: ProviderError, policy: RetryPolicy, breaker: Breaker, limiter: Limiter) -> None:
        self.error = first
        """The last failure."""
        self._policy = policy
        self._breaker = breaker
        self._limiter = limiter
        self._failed_at = limiter.clock()
        self._same = 0

    def may_help(self, state: RetryCallState) -> bool:
        """Whether asking again can change anything."""
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, ProviderError):
            return False
        self._same = self._same + 1 if str(error) == str(self.error) else 1
        self.error = error
        if not error.retryable or self._breaker.cause is not None:
            return False
        if (error.retry_after_s or 0.0) > self._policy.longest_retry_after_s:
            return False
        return not (_is_fault(error) and self._same >= self._policy.same_failures)

    def wait_s(self, state: RetryCallState) -> float:
        """Seconds to wait: longer each time, differing by chance, never sooner than the server asked for."""
        policy, asked = self._policy, self.error.retry_after_s
        longest = policy.bounds(self.error).longest_wait_s
        pause = min(policy.first_wait_s * 2.0 ** (state.attempt_number - 1), longest)
        pause *= random.uniform(1 - policy.jitter, 1 + policy.jitter)
        return pause if asked is None else max(pause, asked + random.uniform(0.0, 0.1 + 0.1 * asked))

    def is_over(self, state: RetryCallState) -> bool:
        """Whether it was enough: of attempts, of waiting, or of a server that does not come back."""
        bounds, pause = self._policy.bounds(self.error), float(state.upcoming_sleep)
        if state.attempt_number >= bounds.attempts:
            return True
        if isinstance(self.error, Unreachable) and not self._breaker.is_worth_waiting(pause):
            return True
        return self._limiter.clock() + pause - self._failed_at > bounds.elapsed_s

    async def rest(self, seconds: float) -> None:
        """Wait, and be seen waiting."""
        await self._limiter.rest(seconds, _reason(self.error))


def _is_fault(error: ProviderError) -> bool:
    """Whether the server is at fault in a way that the request itself may have caused."""
    return not (isinstance(error, Unreachable | RateLimited) or error.status in _PASSING)


def _reason(error: ProviderError) -> str:
    if isinstance(error, Unreachable):
        return OUTAGE
    if not asks_for_less(error):
        return RETRY
    return RATE_LIMIT if isinstance(error, RateLimited) else OVERLOAD
