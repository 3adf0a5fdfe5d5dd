"""How much a server may be asked: learnt from what it takes and what it turns down.

Nothing waits here and no clock is read; that is the affair of `limiter`.
"""

from __future__ import annotations

from math import inf, sqrt

from mmlubench.engine.limits.buckets import Ceiling, Window

#: A pause longer than this (seconds) is not made: a run that sleeps until tomorrow looks like one that hangs.
LONGEST_PAUSE_S = 120.0

#: The slowest that it gets, in requests a second.
_SLOWEST = 0.1
#: Between two cuts lie at least so many seconds, and so many requests: less says nothing.
_CUT_EVERY_S, _CUT_EVERY = 1.0, 10
#: A cut leaves so much of the requests at once, and so much of the rate that the server was seen to take.
_CUT_PLACES, _CUT_RATE = 0.7, 0.95
#: After so many seconds without one the limits have been found, and a small step back will do for both.
_SETTLED_S = 3.0
#: What is uncertain does not cut deeper than this; so few answers since the last cut are: what is under way counts as
#: taken, and may yet be turned down.
_DEEPEST_CUT, _FEW = 0.3, 5
#: After a cut it takes so many seconds to be back, time for so many requests, and so many times a pause that the
#: server asked for. To go higher costs a rejection or two and perhaps a pause: this keeps both rare.
_SPAN_S, _SPAN, _SPAN_PAUSES, _LONGEST_SPAN_S = 10.0, 150, 20, 150.0
#: It is less after a cut that had to be made on the strength of less than a second, which may have been too deep.
_UNSURE_SPAN_S = 5.0
#: All who waited for the end of a pause begin within so many seconds at the earliest.
_SPREAD_S = 0.25
#: So many times above the last rejection, and it was a passing trouble.
_FORGET_ABOVE = 4.0
#: The weight of one more reply in the mean time that replies take.
_NEWS = 0.1


class AdaptiveLimit:
    """The limits of one model: requests at once, requests a second, and no request before a certain time.

    The first two start at the most. A rejection cuts the requests at once to 0.7, and the rate to a little below what
    the server was seen to take; then both grow again, along the curve of `Ceiling`. Which of the two the server has a
    limit for, it need not tell. Requests are numbered from 1, in the order in which they are sent.
    """

    def __init__(self, concurrency: int, most_per_s: float = inf) -> None:
        self._places = Ceiling(1.0, concurrency, step=0.5)
        self._rate = Ceiling(min(_SLOWEST, most_per_s), most_per_s, step=0.02)
        self._window = Window()
        self._latency_s = 0.0
        self._span_s = _SPAN_S
        # Since the last cut: how long the server rested, and since when it does not; which requests tell of it.
        self._rest_s = 0.0
        self._active_from = self._next_cut_at = -inf
        self._last_before = self._last_before_that = 0
        self._answers = self._answers_before_that = 0
        self.resume_at = -inf
        """No request is wanted before."""
        self.is_free = True
        """Whether nothing is cut and no pause was asked for."""

    def places(self, now: float) -> int:
        """How many requests may be under way."""
        return int(self._places.at(now))

    def rate(self, now: float) -> float:
        """How many requests a second may be sent; infinite where nothing limits them."""
        return self._rate.at(now)

    # -- what happens to requests --------------------------------------------------------------------------------

    def sent(self, number: int, now: float) -> None:
        """Note that a request was sent; of those sent while the governor is free, the first and some others will do."""
        if number == 1:
            self._active_from = now
            self._window.restart(now, 0)
        self._window.roll(now, number)
        if not self.is_free and now >= self.resume_at:
            self._forget(now)

    def answered(self, number: int, sent_at: float, now: float) -> None:
        """Note that a request was answered; it need not be told while the governor is free."""
        self._latency_s += _NEWS * (now - sent_at - self._latency_s)
        if number > self._last_before:
            if not self._answers:
                self._awake(number, sent_at)
            self._answers += 1
            self._places.grow(now)
            self._rate.grow(now)
        elif number > self._last_before_that:
            self._answers_before_that += 1

    def lost(self, number: int) -> None:
        """Note that a request failed, for whatever reason."""
        self._window.lose(number)

    def rejected(self, number: int, sent_at: float, last: int, now: float, pause_s: float = 0.0) -> None:
        """Note that a lost request was turned down because there are too many, perhaps with a wish for a pause.

        `last` is the number of the latest request. What was sent before a cut says nothing of how things are after it.
        """
        if number > self._last_before and now >= self._next_cut_at:
            self._cut(number, sent_at, now, pause_s)
            self._next_cut_at = now + max(_CUT_EVERY_S, _CUT_EVERY / self._rate.at(now))
            self._active_from, self._rest_s = now, 0.0
            self._last_before_that, self._last_before = self._last_before, last
            self._answers_before_that, self._answers = self._answers, 0
            self._window.restart(now, last)
            self.is_free = False
        if pause_s:
            self.pause(pause_s, last, now)

    def pause(self, seconds: float, last: int, now: float) -> None:
        """Stop for so long, if it is not too long; `last` is the number of the latest request."""
        until = now + seconds
        if seconds > LONGEST_PAUSE_S or until <= self.resume_at:
            return
        if self._rate.at(now) == inf:  # without any, all who wait would go on in the same instant
            rate = max(self._window.up_to(last, now).rate, self._places.at(now) / _SPREAD_S)
            self._rate.cut(_CUT_RATE * rate, rate, _UNSURE_SPAN_S)
        self.resume_at = self._active_from = until
        self._rest_s = seconds
        self._last_before = last
        self._window.restart(until, last)
        self.is_free = False

    def _awake(self, number: int, sent_at: float) -> None:
        """Count the time until the first request that was taken again as rest, whether it was asked for or not."""
        silent_s = sent_at - self._active_from
        if silent_s > 0:
            self._rest_s += silent_s
            self._active_from = sent_at
            self._window.restart(sent_at, number - 1)

    # -- what follows from it ------------------------------------------------------------------------------------

    def _cut(self, number: int, sent_at: float, now: float, pause_s: float) -> None:
        places = self._places.at(now)
        seen = self._window.up_to(number, sent_at)
        # A handful taken in the same instant looks fast: nobody is faster than places allow and replies need.
        rate = min(seen.rate, places / max(now - sent_at, self._latency_s, 0.001))
        active_s = max(0.0, sent_at - self._active_from)
        was_answered = self._answers + self._answers_before_that > 0
        if seen.taken and (was_answered or self._rate.at(now) == inf):
            self._cut_rate(rate, active_s, now, pause_s)
        is_settled = active_s >= _SETTLED_S and not self.is_free
        low = places * (_CUT_RATE if is_settled else _CUT_PLACES)
        if was_answered:  # by Little's law, so many are needed to keep up that rate
            low = max(low, min(places, rate * self._latency_s))
        # Without an answer in between it is still the same trouble, and the way back is as far.
        self._places.cut(low, places if was_answered else self._places.peak, self._span_s)

    def _cut_rate(self, seen: float, active_s: float, now: float, pause_s: float) -> None:
        """Cut the rate to a little below what was seen.

        A server may have saved up what it did not have to do while it rested, so that more was seen than it goes on
        to allow: the truth lies between what it took in the time without that rest and in the time with it.
        """
        current = self._rate.at(now)
        peak = min(seen, current)
        if self._answers < _FEW and current < inf:
            peak = max(peak, _DEEPEST_CUT * current)
        truth = max(_DEEPEST_CUT, sqrt(active_s / (active_s + self._rest_s))) if self._rest_s else 1.0
        gentle_s = max(_SPAN_S, _SPAN_PAUSES * max(pause_s, self._rest_s))
        span_s = max(gentle_s if active_s >= _CUT_EVERY_S else _UNSURE_SPAN_S, _SPAN / max(peak, _SLOWEST))
        self._span_s = min(span_s, _LONGEST_SPAN_S)
        self._rate.cut(_CUT_RATE * truth * peak, peak, self._span_s)

    def _forget(self, now: float) -> None:
        is_high = self._rate.at(now) >= min(_FORGET_ABOVE * self._rate.peak, self._rate.most)
        if is_high and self._places.at(now) >= self._places.most:
            self._rate.lift()
            self._places.lift()
            self.is_free = True
