"""Circuit breaker: requests stop once what made some of them fail would make all others fail as well."""

from __future__ import annotations

import time
from collections.abc import Callable

from mmlubench.errors import NOT_ASKED, BadReply, ProviderError, RateLimited, Rejected, Unreachable

#: The number of requests in a row that must fail for a reason common to all before the breaker opens.
_GIVE_UP_AFTER = 3
#: A server that was reached before counts as gone after this many seconds without a connection.
_GONE_AFTER_S = 15.0
#: Requests wait this long (seconds) for a server that was reached before: time for a restart.
_WAIT_FOR_RESTART_S = 90.0
#: They wait this long for a server that was never reached: its address is most likely wrong, and the user should know.
_WAIT_FOR_FIRST_SIGN_S = 8.0
#: A rate limit that has let no request through for this many seconds, despite all retries, counts as permanent.
_SHUT_OUT_AFTER_S = 120.0
#: While the breaker is open, one request in this many seconds probes whether the server answers again.
_PROBE_EVERY_S = 15.0

#: Statuses that concern all requests: no valid key, no money, or (429 where it is final) the account's quota is used
#: up. Not 403, which a content filter also gives for a single question.
_CONCERNS_ALL = frozenset([401, 402, 429])
_NOT_FOUND = 404


class Breaker:
    """The circuit breaker of a model's server: open while the server is gone or rejects every request."""

    def __init__(self, longest_pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`longest_pause_s`: a rate limit that asks for a longer pause than this concerns all requests."""
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._failed_in_a_row = 0
        self._answered_at = clock()
        self._has_answered = self._was_reached = False
        self._down_since: float | None = None
        self._probe_at = 0.0
        self.cause: ProviderError | None = None
        """Why the breaker is open; None while it is closed and requests are sent."""

    def check(self) -> None:
        """Raise `refusal` while the breaker is open, unless it is time for a probe."""
        if self.cause is None:
            return
        now = self._clock()
        if now < self._probe_at:
            raise self.refusal()
        self._probe_at = now + _PROBE_EVERY_S

    def refusal(self) -> ProviderError:
        """Return the error of a request that is not sent because the breaker is open."""
        assert self.cause is not None
        return type(self.cause)(f"{NOT_ASKED}{self.cause}", status=self.cause.status)

    def answered(self) -> None:
        """Record a reply, which closes the breaker."""
        self._failed_in_a_row, self._down_since, self.cause = 0, None, None
        self._answered_at = self._clock()
        self._has_answered = self._was_reached = True

    def attempt_failed(self, error: ProviderError, started_at: float) -> None:
        """Record a failed attempt that may be retried."""
        if not isinstance(error, Unreachable):
            self._was_reached, self._down_since = True, None
            if isinstance(self.cause, Unreachable):
                self.cause = None  # the server is back, even if it answers with an error
        elif self._down_since is None:
            # A server that was never reached has been down at least since this attempt started, perhaps a whole
            # timeout ago. One that was reached may have answered other requests meanwhile, so it is down from now on.
            self._down_since = self._clock() if self._was_reached else started_at

    def request_failed(self, error: ProviderError) -> None:
        """Record a request that failed for good, all retries included."""
        if not self._concerns_all(error):
            self._failed_in_a_row = 0  # the server treats requests one by one, even if it refused this one
            return
        self._failed_in_a_row += 1
        if self.cause is None and self._failed_in_a_row >= _GIVE_UP_AFTER and not self._may_come_back(error):
            self.cause, self._probe_at = error, self._clock() + _PROBE_EVERY_S

    def is_worth_waiting(self, seconds: float) -> bool:
        """Whether another try after this number of seconds is within the time that an unreachable server is given."""
        if self._down_since is None:
            return True
        longest_s = _WAIT_FOR_RESTART_S if self._was_reached else _WAIT_FOR_FIRST_SIGN_S
        return self._clock() + seconds - self._down_since <= longest_s

    def _may_come_back(self, error: ProviderError) -> bool:
        """Whether a server that was reached before may be out of reach for a moment only."""
        if not isinstance(error, Unreachable) or not self._was_reached:
            return False
        return self._down_since is None or self._clock() - self._down_since < _GONE_AFTER_S

    def _concerns_all(self, error: ProviderError) -> bool:
        """Whether the cause of a failure would make every other request fail, too."""
        if isinstance(error, RateLimited):
            shut_out = self._clock() - self._answered_at > _SHUT_OUT_AFTER_S
            return shut_out or (error.retry_after_s or 0.0) > self._longest_pause_s
        if isinstance(error, BadReply) or error.status == _NOT_FOUND:
            # A wrong model name or a wrong address, unless the server has answered a request before.
            return not self._has_answered
        return isinstance(error, Unreachable) or (
            isinstance(error, Rejected) and error.status in _CONCERNS_ALL
        )
