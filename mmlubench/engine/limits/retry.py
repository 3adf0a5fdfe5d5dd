"""Retries: only of failures that may pass, until the request is to blame or its server is given up."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace

from mmlubench.engine.limits.adaptive import LONGEST_PAUSE_S
from mmlubench.engine.limits.blame import Attempts, Blame
from mmlubench.engine.limits.breaker import FIRST_SIGN_S, PATIENCE_S, Breaker
from mmlubench.engine.limits.limiter import Limiter
from mmlubench.engine.limits.refusals import is_refusal, reason
from mmlubench.errors import ProviderError
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """The retry policy; times in seconds. How fast all requests together are tried again is up to the `Limiter`."""

    first_wait_s: float = 0.05
    """The pause after the first failure of a request; it doubles with each further one."""
    longest_wait_s: float = 2.0
    longest_silent_wait_s: float = 4.0
    """The same while nothing is answered, for a failure that is no refusal: the limiter slows down for those only."""
    jitter: float = 0.25
    """Each pause is up to this fraction longer or shorter, so that requests that failed together return apart."""
    longest_retry_after_s: float = LONGEST_PAUSE_S
    """A request is not retried if the server asks for a longer pause than this."""
    patience_s: float = PATIENCE_S
    """The server is given up if it answers nothing for so long."""
    first_sign_s: float = FIRST_SIGN_S
    """The same if it was never reached."""
    away_s: float | None = None
    """The same once it has answered, while it cannot be reached or is not ready; None for `patience_s`."""

    @property
    def longest_pause_s(self) -> float:
        """The longest pause that the server may ask for: none that is longer than its time to answer."""
        return min(self.longest_retry_after_s, self.patience_s)

    def wait_s(self, error: ProviderError, failures: int, *, silent: bool = False) -> float:
        """Return the pause after so many failures: exponential, with jitter, at least what was asked for."""
        longest = self.longest_silent_wait_s if silent and not is_refusal(error) else self.longest_wait_s
        pause = min(self.first_wait_s * 2.0 ** min(failures - 1, 30), longest)
        pause *= random.uniform(1 - self.jitter, 1 + self.jitter)
        asked = error.retry_after_s
        return pause if asked is None else max(pause, asked + random.uniform(0.0, 0.1 + 0.1 * asked))


class Retried:
    """A Model that retries failed requests, and sends no more of them while its `Breaker` is open."""

    def __init__(
        self, model: Model, policy: RetryPolicy = RetryPolicy(), limiter: Limiter | None = None
    ) -> None:
        """`limiter` is the one that `Limited` uses: it has the clock, and counts the requests that wait to retry."""
        self._model = model
        self._policy = policy
        self._limiter = limiter or Limiter(1)
        self._breaker = Breaker(
            policy.longest_pause_s,
            policy.patience_s,
            self._limiter.clock,
            policy.first_sign_s,
            policy.away_s,
        )
        self._attempts = Attempts()

    async def generate(self, request: Request) -> Completion:
        """Answer. Raises the ProviderError of the last attempt when retrying is of no more use."""
        self._breaker.check()
        try:
            return await self._attempt(request)
        except ProviderError as error:
            return await self._retry(request, error)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _attempt(self, request: Request) -> Completion:
        started_at = self._limiter.clock()
        try:
            completion = await self._model.generate(request)
        except ProviderError as error:
            self._attempts.failed += error.retryable
            self._breaker.attempt_failed(error, started_at, request.id)
            raise
        self._attempts.was_answered()
        self._breaker.answered()
        return completion

    async def _retry(self, request: Request, error: ProviderError) -> Completion:
        blame = Blame(self._attempts, self._limiter.clock())
        while self._may_help(error, blame):
            pause_s = self._policy.wait_s(error, blame.failures, silent=not blame.others)
            _log.debug(
                "%s, try %d: rests %.2f s, waiting for %s", request.id, blame.failures, pause_s, reason(error)
            )
            await self._limiter.rest(pause_s, error)
            if self._breaker.cause is not None:
                break
            try:
                return await self._attempt(replace(request, attempt=blame.failures + 1))
            except ProviderError as latest:
                error = latest
                if error.retryable:
                    blame.add(error)
        is_over = self._breaker.cause is not None
        is_to_blame = error.retryable and not is_over and blame.is_proved(error, self._limiter.clock())
        self._attempts.lost += is_to_blame
        if is_to_blame and blame.others:
            error.add(
                f"given up after {blame.failures} attempts, while {blame.others:,} others were answered"
            )
        elif self._is_too_long(error):
            error.add(
                f"its server asks to wait {error.retry_after_s:,.0f} s, longer than the "
                f"{self._policy.longest_pause_s:,.0f} s that are waited for one request"
            )
        self._breaker.request_failed(error)
        if self._breaker.cause is not None:
            _log.debug("%s: asked no further, as are all others that wait: %s", request.id, error)
            self._limiter.turn_away(self._breaker.refusal)
        raise error

    def _is_too_long(self, error: ProviderError) -> bool:
        """Whether the server asks for a longer pause than one request is worth."""
        return (error.retry_after_s or 0.0) > self._policy.longest_pause_s

    def _may_help(self, error: ProviderError, blame: Blame) -> bool:
        """Whether another attempt may succeed."""
        if not error.retryable or self._breaker.is_over or self._breaker.cause is not None:
            return False
        if self._is_too_long(error):
            return False
        return not blame.is_proved(error, self._limiter.clock())
