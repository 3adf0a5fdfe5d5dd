"""Adaptive limits of concurrency and request rate, learnt from what a server accepts and what it refuses.

Nothing waits here and no clock is read; `limiter` does both.
"""

from __future__ import annotations

from math import ceil, inf

from mmlubench.engine.limits.rate_search import RateSearch
from mmlubench.engine.limits.rounds import ROUND_S, BadRound, Round, SteadyShare

#: A longer pause than this (seconds) is refused: a run that sleeps until tomorrow looks like one that hangs.
LONGEST_PAUSE_S = 120.0

#: While the server takes nothing, the time between two probes: this part of the time since it took something, between
#: these bounds (seconds). So a run goes on soon after an outage, in proportion to its length.
_PROBE_PART, _PROBE_S, _LONGEST_PROBE_S = 0.1, 0.25, 8.0
#: So many probes under way, none of them refused, show that the server takes requests again, even if it is slow.
_PROBES = 3
#: A limit that is not used to this part is not tested by a round.
_USED = 0.5
#: The weight of a new reply in the moving average of the latency.
_SMOOTHING = 0.1


class AdaptiveLimit:
    """The limits of one model: concurrent requests, requests a second, and a time before which none is sent.

    Both limits start at their maximum. They are judged by rounds of requests, not by single refusals:

    - hardly any refused: the rate is safe, and after some such rounds a higher one is tried, ever more rarely;
    - many refused: back to the rate that was safe, or else to what the server took;
    - the same share at every rate: the rate is not the cause (`SteadyShare`), so the first rate comes back;
    - all refused: closed. Single requests probe the server, until one is taken.

    The server need not say which of the two limits it has. Requests are numbered from 1, in the order they are sent.
    """

    def __init__(self, concurrency: int, most_per_s: float = inf) -> None:
        self._most_places = concurrency
        self.places = concurrency
        """How many requests may be under way."""
        self.resume_at = -inf
        """The time before which no request may be sent."""
        self.is_free = True
        """Whether no limit is cut and no pause is in force."""
        self.closed_at: float | None = None
        """Since when the server has taken nothing; None while it takes requests."""
        self._round = Round(-inf, 0, 0)
        self._steady = SteadyShare()
        self._latency_s, self._last_sent_at = 0.0, -inf
        self._search = RateSearch(most_per_s)
        # The limits before the first of the bad rounds in a row.
        self._before_bad: tuple[float, int] | None = None
        # The time of the latest closing, the requests taken since, and whether no good round came since it opened.
        self._last_closed_at, self._taken_since, self._is_fresh = -inf, 0, False

    @property
    def rate(self) -> float:
        """How many requests a second may be sent; infinite where nothing limits them."""
        return self._search.rate

    @property
    def is_cut(self) -> bool:
        """Whether the server is asked more slowly than is allowed, or not at all for now, because it refused."""
        return self.closed_at is not None or self._search.rate < self._search.most

    @property
    def most_places(self) -> int:
        """How many requests may be under way at a server that refuses none."""
        return self._most_places

    @property
    def most_rate(self) -> float:
        """How many requests a second may be sent to such a server; infinite for no limit."""
        return self._search.most

    def allow(self, places: int, most_per_s: float) -> None:
        """Set both maxima anew; a limit that was not cut follows, and one that was cut stays so."""
        self.places = places if self.places >= self._most_places else min(self.places, places)
        self._most_places = places
        self._search.allow(most_per_s)

    @property
    def refuses_by_chance(self) -> bool:
        """Whether the server refuses a share of requests at any speed."""
        return self._steady.value > 0

    # -- what happens to requests --------------------------------------------------------------------------------

    def sent(self, number: int, under_way: int, now: float) -> None:
        """Record a request that was sent; while `is_free`, the first and a sample of the others are enough."""
        if self._round.began_at == -inf:
            self._begin(now, number - 1)
        current = self._round
        current.last = max(current.last, number)
        if self.is_free:
            if now - current.began_at >= ROUND_S:
                self._begin(now, number - 1)
                self._round.last = number
            return
        self._skip_idle_time(now)
        if self.closed_at is not None:
            self._probed(now)
        else:
            current.sent_beside[under_way - 1] += 1
            self._judge(now)

    def _skip_idle_time(self, now: float) -> None:
        """Leave a time in which there was nothing to send out of the round."""
        idle_s = now - max(self._last_sent_at, self._round.began_at)
        if idle_s > max(ROUND_S, 2 / self.rate) and self._round.sent > 1:
            self._round.began_at += idle_s
        self._last_sent_at = now

    def answered(self, number: int, sent_at: float, now: float) -> None:
        """Record a reply; while `is_free` no call is needed."""
        self._latency_s += _SMOOTHING * (now - sent_at - self._latency_s)
        if self.closed_at is not None and number > self._round.before:
            self._open(now)

    def refused(
        self, number: int, beside: int, under_way: int, last: int, now: float, asked_s: float = 0.0
    ) -> None:
        """Record a refusal because of too many requests, or no connection; `asked_s` is the pause asked for.

        `last` is the number of the latest request. Requests sent before a round say nothing about it.
        """
        if self.is_free:
            self.is_free, self._last_sent_at = (
                False,
                now,
            )  # until here, only a sample of the requests was told
        current = self._round
        current.last = max(current.last, last)
        if number <= current.before:
            return
        current.refuse(beside, under_way, asked_s)
        if self.closed_at is not None:
            self._wait_for_probe(now)
        else:
            self._judge(now)

    def pause(self, seconds: float, last: int, now: float) -> None:
        """Send nothing for so long, unless that exceeds `LONGEST_PAUSE_S`; `last` numbers the latest request."""
        if seconds <= LONGEST_PAUSE_S and now + seconds > self.resume_at:
            self.resume_at, self.is_free = now + seconds, False
            self._begin(self.resume_at, last)

    def _begin(self, at: float, before: int) -> None:
        self._round = Round(at, before, before)

    # -- a server that takes nothing -----------------------------------------------------------------------------

    def _close(self, now: float) -> None:
        """Send probes only, from now on. The limits that were in force come back when the server opens."""
        if self._is_fresh and now > self._last_closed_at:
            # It closed again at once: what it took from one closing to the next is what it allows in the long run.
            taken = self._taken_since + max(0, self._round.sent - self._round.refused)
            self._search.begin_at(taken / (now - self._last_closed_at))
        elif self._before_bad is not None:
            rate, places = self._before_bad
            self.places = min(places, self._most_places)
            self._search.rate = min(rate, self._search.safe or inf, self._search.most)
        self._before_bad = None
        self._steady.forget_rounds()
        self.closed_at = self._last_closed_at = now
        self._taken_since = 0
        self._wait_for_probe(now)

    def _wait_for_probe(self, now: float) -> None:
        assert self.closed_at is not None
        pause_s = max(self._probe_s(now), min(self._round.asked_s, LONGEST_PAUSE_S))
        self.resume_at = now + pause_s
        self._begin(self.resume_at, self._round.last)

    def _probed(self, now: float) -> None:
        unrefused = self._round.sent - self._round.refused
        if unrefused >= _PROBES:
            self._open(now)
        else:
            self.resume_at = now + self._probe_s(now)

    def _probe_s(self, now: float) -> float:
        assert self.closed_at is not None
        return min(max(_PROBE_PART * (now - self.closed_at), _PROBE_S), _LONGEST_PROBE_S)

    def _open(self, now: float) -> None:
        self.closed_at, self._is_fresh = None, True
        self.resume_at = min(self.resume_at, now)
        self._taken_since += 1
        self._begin(now, self._round.last)

    # -- a round is over -----------------------------------------------------------------------------------------

    def _judge(self, now: float) -> None:
        current = self._round
        is_full = current.is_full(now)
        takes_nothing = current.refused >= current.sent - 1
        if takes_nothing:  # or else, if this may be chance, more requests will tell
            if not self._steady.explains_all(current, is_full=is_full):
                self._close(now)
            return
        if not is_full and not current.is_clear(now):
            return
        self._taken_since += current.sent - current.refused
        if is_full:
            self._steady.check(current.taken(now))
        if self._steady.explains(current):
            self._hardly_any(current, current.speed(now))
        else:
            self._many(current, current.speed(now), current.taken(now), is_full)
        self._begin(now, current.last)
        if current.asked_s and current.share >= 0.5 and not self._steady.value:
            self.pause(current.asked_s, current.last, now)

    def _hardly_any(self, judged: Round, speed: float) -> None:
        """Note that the limits are safe; try higher ones if they have been for long enough."""
        self._before_bad, self._is_fresh = None, False
        self._search.good += 1
        self._steady.compare(judged)
        if self._search.is_rested:
            self._steady.forget_rounds()
            if max(judged.sent_beside, default=0) + 1 >= self.places:
                self.places = min(self.places + max(1, self.places // 8), self._most_places)
        self._steady.lower(judged.share)
        if self.rate == inf:
            self.is_free = not self._steady.value and self.places == self._most_places
        elif speed >= _USED * self.rate:
            self._search.went_well(speed)
        elif self.places == self._most_places:
            self._search.lift()

    def _many(self, judged: Round, speed: float, taken: float, is_full: bool) -> None:
        """Return to limits that were safe, or to what the server took."""
        was_good = self._search.good > 0
        self._search.went_badly()
        places = judged.places
        if places is not None and places < self.places:
            self.places = places
            return
        if was_good or self._before_bad is None:
            self._before_bad = (self.rate, self.places)
        if is_full:
            first = self._steady.find(BadRound(self.rate, self.places, judged.share, speed), taken)
            if first is not None:
                self.places = min(first.places, self._most_places)
                self._search.return_to(first.rate)
                return
        self._search.fall(speed, taken / (1 - self._steady.value))
        needed = ceil(self.rate * self._latency_s) + 2  # by Little's law
        self.places = min(self.places, max(judged.crowd, needed))
