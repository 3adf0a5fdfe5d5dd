"""When to stop asking: what made some requests fail would make all others fail as well."""

from __future__ import annotations

import time
from collections.abc import Callable

from mmlubench.errors import NOT_ASKED, BadReply, ProviderError, RateLimited, Rejected, Unreachable

#: So many requests in a row that failed for such a reason, and the rest is not asked any more.
_GIVE_UP_AFTER = 3
#: A server that was there is gone when nothing has come through for so many seconds...
_GONE_AFTER_S = 15.0
#: ...and is waited for so long, seconds again: time for a restart.
_WAIT_FOR_RESTART_S = 90.0
#: One that was never there most likely has another address, which is told soon.
_WAIT_FOR_FIRST_SIGN_S = 8.0
#: A limit that has let nothing through for so many seconds, while requests ran out of patience, is none that passes.
_SHUT_OUT_AFTER_S = 120.0
#: After giving up, one request every so many seconds may find out whether it was right.
_PROBE_EVERY_S = 15.0

#: No valid key, no money: the next request fails, too. Not 403, which is also what a content filter says of a single
#: question. 429 counts where it is final: then it is the account's quota.
_CONCERNS_ALL = frozenset([401, 402, 429])
_NOT_FOUND = 404


class Breaker:
    """Knows whether a model's server is there, and whether it has turned everybody down."""

    def __init__(self, longest_pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`longest_pause_s`: who asks for a longer pause than this has no use for anybody today."""
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._in_vain = 0
        self._answered_at = clock()
        self._has_answered = self._was_reached = False
        self._down_since: float | None = None
        self._probe_at = 0.0
        self.cause: ProviderError | None = None
        """Why nothing is asked any more; None as long as it is."""

    def check(self) -> None:
        """Raise the cause, if there is one, unless it is time for a probe."""
        if self.cause is None:
            return
        now = self._clock()
        if now < self._probe_at:
            raise self.refusal()
        self._probe_at = now + _PROBE_EVERY_S

    def refusal(self) -> ProviderError:
        """What a request is told that is not made any more."""
        assert self.cause is not None
        return type(self.cause)(f"{NOT_ASKED}{self.cause}", status=self.cause.status)

    def answered(self) -> None:
        """Note an answer: all is well."""
        self._in_vain, self._down_since, self.cause = 0, None, None
        self._answered_at = self._clock()
        self._has_answered = self._was_reached = True

    def attempt_failed(self, error: ProviderError, started_at: float) -> None:
        """Note a failure that may be followed by another try."""
        if not isinstance(error, Unreachable):
            self._was_reached, self._down_since = True, None
            if isinstance(self.cause, Unreachable):
                self.cause = None  # it is back, if in a bad mood
        elif self._down_since is None:
            # What was never reached may have cost a whole timeout already; to one that was, others got through.
            self._down_since = self._clock() if self._was_reached else started_at

    def request_failed(self, error: ProviderError) -> None:
        """Note that a request was given up."""
        if not self._concerns_all(error):
            self._in_vain = 0  # somebody answered, if only to refuse
            return
        self._in_vain += 1
        if self.cause is None and self._in_vain >= _GIVE_UP_AFTER and not self._may_come_back(error):
            self.cause, self._probe_at = error, self._clock() + _PROBE_EVERY_S

    def is_worth_waiting(self, seconds: float) -> bool:
        """Whether a server that cannot be reached shall be asked again in so many seconds."""
        if self._down_since is None:
            return True
        longest_s = _WAIT_FOR_RESTART_S if self._was_reached else _WAIT_FOR_FIRST_SIGN_S
        return self._clock() + seconds - self._down_since <= longest_s

    def _may_come_back(self, error: ProviderError) -> bool:
        """Whether a server that was there is out of reach for a moment only."""
        if not isinstance(error, Unreachable) or not self._was_reached:
            return False
        return self._down_since is None or self._clock() - self._down_since < _GONE_AFTER_S

    def _concerns_all(self, error: ProviderError) -> bool:
        if isinstance(error, RateLimited):
            shut_out = self._clock() - self._answered_at > _SHUT_OUT_AFTER_S
            return shut_out or (error.retry_after_s or 0.0) > self._longest_pause_s
        if isinstance(error, BadReply) or error.status == _NOT_FOUND:
            return (
                not self._has_answered
            )  # no such model, or no such server: else it would have answered somebody
        return isinstance(error, Unreachable) or (
            isinstance(error, Rejected) and error.status in _CONCERNS_ALL
        )
