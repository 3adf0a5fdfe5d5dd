"""Circuit breaker: requests stop once what made some of them fail would make all others fail as well."""

from __future__ import annotations

import time
from collections.abc import Callable

from mmlubench.engine.limits.refusals import is_away, is_refusal
from mmlubench.errors import (
    NOT_ASKED,
    BadReply,
    OutOfSockets,
    Overloaded,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)

#: The default number of seconds that a server may leave every request unanswered before the run ends.
PATIENCE_S = 300.0
#: The same for a server that was never reached: its address is most likely wrong, and the user should know.
FIRST_SIGN_S = 8.0
#: The same for a server that has failed all requests, and refused none: it is most likely the wrong model or path.
_FIRST_REPLY_S = 12.0
#: The number of requests in a row that must fail for good, for a reason common to all, before the breaker opens.
_GIVE_UP_AFTER = 3
#: The number of requests in a row that a server must refuse with one status, having answered none, before the breaker
#: opens: each of them might be at fault itself, but hardly so many.
_ALL_REFUSED = 64
#: Statuses that concern all requests: no valid key, no money, no password for the proxy, or (429 where it is final) the
#: account's quota is used up. Not 403, which a content filter also gives for a single question.
_CONCERNS_ALL = frozenset([401, 402, 407, 429])
_NOT_FOUND = 404


class Breaker:
    """The circuit breaker of a model's server: open once the server is gone or rejects every request."""

    def __init__(
        self,
        longest_pause_s: float,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        first_sign_s: float = FIRST_SIGN_S,
        away_s: float | None = None,
    ) -> None:
        """`longest_pause_s`: a rate limit that asks for a longer pause than this concerns all requests.

        `away_s` is the patience with a server that is away, `patience_s` by default.
        """
        self._longest_pause_s, self._patience_s = longest_pause_s, patience_s
        self._away_s = patience_s if away_s is None else away_s
        self._first_sign_s = first_sign_s
        self._clock = clock
        self._failed_in_a_row = 0
        self._refused_with: int | None = None
        self._refused_in_a_row = 0
        self._has_answered = self._was_reached = False
        # The time of the first failure of another kind than a refusal, since the last reply or refusal.
        self._broken_since: float | None = None
        self._failing: set[str] = set()
        self.is_over = False
        """Whether the server has left every request unanswered for too long."""
        self.failing_since: float | None = None
        """The time of the first failure since the last reply; None after a reply."""
        self.cause: ProviderError | None = None
        """Why the breaker is open; None while it is closed and requests are sent."""

    def check(self) -> None:
        """Raise an error while the breaker is open."""
        if self.cause is not None:
            raise self.refusal()

    def refusal(self) -> ProviderError:
        """Return the error of a request that is not sent because the breaker is open."""
        assert self.cause is not None
        return type(self.cause)(f"{NOT_ASKED}{self.cause}", status=self.cause.status)

    def answered(self) -> None:
        """Record a reply, which closes the breaker."""
        self._failed_in_a_row, self.failing_since, self._broken_since, self.cause = 0, None, None, None
        self._has_answered = self._was_reached = True
        self.is_over = False
        self._failing.clear()

    def attempt_failed(self, error: ProviderError, started_at: float, request: str = "") -> None:
        """Record a failed attempt that may be retried; too long a time without any reply opens the breaker.

        It stays closed if `request`, by its id, is the only one that failed: another one may be answered.
        """
        now = self._clock()
        if self.failing_since is None:
            # A server that was never reached has failed at least since this attempt started, perhaps a whole timeout
            # ago. One that was reached may have answered other requests meanwhile.
            self.failing_since = now if self._was_reached else started_at
        if not isinstance(error, Unreachable | OutOfSockets):
            self._was_reached = True
        if is_refusal(error):
            self._broken_since = None
        elif error.retryable and self._broken_since is None:
            self._broken_since = now
        self._failing.add(request)
        self.is_over = error.retryable and self._is_over(now, error)
        if self.is_over and self.cause is None and (len(self._failing) > 1 or not self._has_answered):
            self.cause = error

    def _is_over(self, now: float, error: ProviderError) -> bool:
        """Whether the server has left every request unanswered for too long; `error` is the latest failure."""
        assert self.failing_since is not None
        if now - self.failing_since >= (self._away_s if is_away(error) else self._patience_s):
            return True
        if isinstance(error, OutOfSockets):  # this machine is the cause
            return False
        if not self._was_reached:
            return now - self.failing_since >= self._first_sign_s
        if self._has_answered or self._broken_since is None:
            return False
        return now - self._broken_since >= _FIRST_REPLY_S

    def request_failed(self, error: ProviderError) -> None:
        """Record a request that failed for good, all retries included."""
        if self.is_over and self.cause is None:
            # It was the only one that failed for all that time, so the next one gets as much.
            self.is_over, self.failing_since, self._broken_since = False, None, None
        self._count_refusal(error)
        if not self._concerns_all(error):
            self._failed_in_a_row = 0  # the server treats requests one by one, even if it refused this one
            return
        self._failed_in_a_row += 1
        if self.cause is None and self._failed_in_a_row >= _GIVE_UP_AFTER:
            self.cause = error

    def _count_refusal(self, error: ProviderError) -> None:
        """Open the breaker for a server that has answered nothing and refuses request after request in one way."""
        status = error.status if isinstance(error, Rejected) else None
        self._refused_in_a_row = self._refused_in_a_row + 1 if status == self._refused_with else 1
        self._refused_with = status
        if status is None or self._has_answered or self._refused_in_a_row < _ALL_REFUSED:
            return
        if self.cause is None:
            self.cause = Rejected(str(error), status=status)
            self.cause.add(
                f"{self._refused_in_a_row} requests in a row were refused so, and none has been answered"
            )

    def _concerns_all(self, error: ProviderError) -> bool:
        """Whether the cause of a failure would make every other request fail, too."""
        if isinstance(error, RateLimited):
            return (error.retry_after_s or 0.0) > self._longest_pause_s
        if isinstance(error, BadReply | Overloaded) or error.status == _NOT_FOUND:
            # A wrong model name or a wrong address, unless the server has answered a request before.
            return not self._has_answered
        return isinstance(error, Rejected) and error.status in _CONCERNS_ALL
