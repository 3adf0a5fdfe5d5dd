"""Adaptive limits of concurrency and request rate, learnt from what a server accepts and what it rejects.

Nothing waits here and no clock is read; `limiter` does both.
"""

from __future__ import annotations

from math import inf, sqrt

from mmlubench.engine.limits.buckets import CubicLimit, Window

#: A longer pause than this (seconds) is refused: a run that sleeps until tomorrow looks like one that hangs.
LONGEST_PAUSE_S = 120.0

#: The lowest rate that a cut can set, in requests a second.
_LEAST_RATE = 0.1
#: The least time (seconds) and number of requests between two cuts: with less, a cut's effect cannot be seen.
_CUT_INTERVAL_S, _CUT_INTERVAL = 1.0, 10
#: The factors of a cut: of the concurrency, and of the rate that the server was seen to accept.
_CUT_CONCURRENCY, _CUT_RATE = 0.7, 0.95
#: After this many seconds without a cut, concurrency too is cut by `_CUT_RATE` only: both are close to the real limits.
_SETTLED_S = 3.0
#: The lowest factor of a cut that rests on an uncertain rate. A rate is uncertain while fewer than `_FEW_REPLIES` came
#: since the last cut: requests still under way count as accepted, but may yet be rejected.
_DEEPEST_CUT, _FEW_REPLIES = 0.3, 5
#: The recovery time after a cut: at least this many seconds, the time of this many requests, and this multiple of the
#: pause that the server asked for; never longer than the last value (seconds). Going beyond the server's limit costs a
#: rejection or two and perhaps a pause; a long recovery keeps both rare.
_RECOVERY_S, _RECOVERY_REQUESTS, _RECOVERY_PAUSES, _LONGEST_RECOVERY_S = 10.0, 150, 20, 150.0
#: The recovery time after a cut that rests on less than a second of traffic and may have been too deep.
_UNSURE_RECOVERY_S = 5.0
#: After a pause, the requests that waited for its end are spread over at least this many seconds.
_SPREAD_S = 0.25
#: Once the rate has grown to this multiple of the rate at the last rejection, that rejection was temporary.
_FORGET_ABOVE = 4.0
#: The weight of a new reply in the moving average of the latency.
_SMOOTHING = 0.1


class AdaptiveLimit:
    """The limits of one model: concurrent requests, requests a second, and a time before which none is sent.

    Concurrency and rate start at their maximum. A rejection cuts concurrency to 0.7 of its value, and the rate to a
    little below what the server was seen to accept; then both grow again, as `CubicLimit` describes. The server need
    not say which of the two it limits. Requests are numbered from 1, in the order in which they are sent.
    """

    def __init__(self, concurrency: int, most_per_s: float = inf) -> None:
        self._concurrency = CubicLimit(1.0, concurrency, step=0.5)
        self._rate = CubicLimit(min(_LEAST_RATE, most_per_s), most_per_s, step=0.02)
        self._window = Window()
        self._latency_s = 0.0
        self._recovery_s = _RECOVERY_S
        # Since the last cut: for how long the server got no requests, and since when it gets them.
        self._rest_s = 0.0
        self._active_from = self._next_cut_at = -inf
        # The last request sent before the last cut, and before the cut before that one; replies to requests sent since.
        self._last_before = self._last_before_that = 0
        self._answers = self._answers_before_that = 0
        self.resume_at = -inf
        """The time before which no request may be sent."""
        self.is_free = True
        """Whether no limit is cut and no pause is in force."""

    def places(self, now: float) -> int:
        """How many requests may be under way."""
        return int(self._concurrency.at(now))

    def rate(self, now: float) -> float:
        """How many requests a second may be sent; infinite where nothing limits them."""
        return self._rate.at(now)

    # -- what happens to requests --------------------------------------------------------------------------------

    def sent(self, number: int, now: float) -> None:
        """Record a request that was sent; while `is_free`, the first and a sample of the others are enough."""
        if number == 1:
            self._active_from = now
            self._window.restart(now, 0)
        self._window.roll(now, number)
        if not self.is_free and now >= self.resume_at:
            self._forget(now)

    def answered(self, number: int, sent_at: float, now: float) -> None:
        """Record a reply; while `is_free` no call is needed."""
        self._latency_s += _SMOOTHING * (now - sent_at - self._latency_s)
        if number > self._last_before:
            if not self._answers:
                self._end_rest(number, sent_at)
            self._answers += 1
            self._concurrency.grow(now)
            self._rate.grow(now)
        elif number > self._last_before_that:
            self._answers_before_that += 1

    def lost(self, number: int) -> None:
        """Record a request that failed, for whatever reason."""
        self._window.lose(number)

    def rejected(self, number: int, sent_at: float, last: int, now: float, pause_s: float = 0.0) -> None:
        """Record that a failed request was rejected because of too many requests; `pause_s` is the pause asked for.

        `last` is the number of the latest request. Requests sent before a cut say nothing about the limits after it, so
        their rejection cuts nothing.
        """
        if number > self._last_before and now >= self._next_cut_at:
            self._cut(number, sent_at, now, pause_s)
            self._next_cut_at = now + max(_CUT_INTERVAL_S, _CUT_INTERVAL / self._rate.at(now))
            self._active_from, self._rest_s = now, 0.0
            self._last_before_that, self._last_before = self._last_before, last
            self._answers_before_that, self._answers = self._answers, 0
            self._window.restart(now, last)
            self.is_free = False
        if pause_s:
            self.pause(pause_s, last, now)

    def pause(self, seconds: float, last: int, now: float) -> None:
        """Send nothing for so long, unless that exceeds `LONGEST_PAUSE_S`; `last` numbers the latest request."""
        until = now + seconds
        if seconds > LONGEST_PAUSE_S or until <= self.resume_at:
            return
        # Without a rate, all waiting requests would be sent in the same instant.
        if self._rate.at(now) == inf:
            rate = max(self._window.up_to(last, now).rate, self._concurrency.at(now) / _SPREAD_S)
            self._rate.cut(_CUT_RATE * rate, rate, _UNSURE_RECOVERY_S)
        self.resume_at = self._active_from = until
        self._rest_s = seconds
        self._last_before = last
        self._window.restart(until, last)
        self.is_free = False

    def _end_rest(self, number: int, sent_at: float) -> None:
        """Count the time before the first accepted request as rest, whether or not the server asked for a pause."""
        silent_s = sent_at - self._active_from
        if silent_s > 0:
            self._rest_s += silent_s
            self._active_from = sent_at
            self._window.restart(sent_at, number - 1)

    # -- what follows from it ------------------------------------------------------------------------------------

    def _cut(self, number: int, sent_at: float, now: float, pause_s: float) -> None:
        """Cut the concurrency, and the rate as well where the server has shown one that it accepts."""
        concurrency = self._concurrency.at(now)
        seen = self._window.up_to(number, sent_at)
        # A few requests accepted in the same instant look fast; concurrency / latency (Little's law) bounds the rate.
        rate = min(seen.rate, concurrency / max(now - sent_at, self._latency_s, 0.001))
        active_s = max(0.0, sent_at - self._active_from)
        was_answered = self._answers + self._answers_before_that > 0
        if seen.accepted and (was_answered or self._rate.at(now) == inf):
            self._cut_rate(rate, active_s, now, pause_s)
        is_settled = active_s >= _SETTLED_S and not self.is_free
        low = concurrency * (_CUT_RATE if is_settled else _CUT_CONCURRENCY)
        if was_answered:  # by Little's law, the concurrency that this rate needs
            low = max(low, min(concurrency, rate * self._latency_s))
        # Without a reply since the last cut the same overload goes on: the peak to recover to stays where it was.
        self._concurrency.cut(low, concurrency if was_answered else self._concurrency.peak, self._recovery_s)

    def _cut_rate(self, seen: float, active_s: float, now: float, pause_s: float) -> None:
        """Cut the rate to a little below the rate seen.

        A server that got no requests for a while may have saved up allowance (as a token bucket does), so the rate seen
        may exceed the one it allows in the long run. That one lies between the accepted requests over the active time
        and over active time and rest; the geometric mean of the two is taken.
        """
        current = self._rate.at(now)
        peak = min(seen, current)
        if self._answers < _FEW_REPLIES and current < inf:
            peak = max(peak, _DEEPEST_CUT * current)
        correction = max(_DEEPEST_CUT, sqrt(active_s / (active_s + self._rest_s))) if self._rest_s else 1.0
        sure_s = max(_RECOVERY_S, _RECOVERY_PAUSES * max(pause_s, self._rest_s))
        recovery_s = max(
            sure_s if active_s >= _CUT_INTERVAL_S else _UNSURE_RECOVERY_S,
            _RECOVERY_REQUESTS / max(peak, _LEAST_RATE),
        )
        self._recovery_s = min(recovery_s, _LONGEST_RECOVERY_S)
        self._rate.cut(_CUT_RATE * correction * peak, peak, self._recovery_s)

    def _forget(self, now: float) -> None:
        """Lift both limits once they have grown far enough beyond the last rejection."""
        is_high = self._rate.at(now) >= min(_FORGET_ABOVE * self._rate.peak, self._rate.most)
        if is_high and self._concurrency.at(now) >= self._concurrency.most:
            self._rate.lift()
            self._concurrency.lift()
            self.is_free = True
