"""Rounds of requests, by which a server's limits are judged, and the share of requests that it refuses at any speed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import sqrt

#: The least length of a round, in seconds and in requests.
ROUND_S, ROUND_REQUESTS = 1.0, 10
#: A round ends early once so many requests were sent and this share of them was refused.
_EARLY_REQUESTS, _EARLY_SHARE = 30, 0.8
#: If all of so many requests were refused, the server takes nothing at all; fewer are enough in a full round.
_ALL_REQUESTS, _ALL_IN_FULL = 16, 9
#: This share of refusals is nothing to slow down for.
_SLACK = 0.03
#: A number of requests at once explains the refusals of a round with at most this share of exceptions.
_UNEXPLAINED = 0.1
#: Fewer or more refusals than by chance: by this many standard deviations of their number.
_SIGMAS = 2.0
#: A share of refusals below this is none.
_LEAST_SHARE = 0.02
#: The shares of rounds at different speeds are the same if the lowest is this part of the highest.
_SAME = 0.4
#: No higher share than this is believed to be steady: a server that refuses everything has to be noticed.
_MOST_SHARE = 0.9
#: The probability below which it is no chance that every request of a round was refused.
_NO_CHANCE = 1e-6
#: The weight of a round with fewer refusals in the share that is refused at any speed.
_SMOOTHING = 0.2


@dataclass(slots=True)
class Round:
    """Some requests in a row, and how many of them were refused; requests are numbered in the order they are sent."""

    began_at: float
    before: int
    """The number of the last request before this round."""
    last: int
    """The number of the latest request."""
    refused: int = 0
    """Requests that the server refused because there were too many, or because it was unreachable."""
    asked_s: float = 0.0
    """The longest pause that the server asked for."""
    crowd: int = 0
    """The most other requests under way when one was refused."""
    sent_beside: Counter[int] = field(default_factory=Counter)
    """How many requests were sent while so many others were under way."""
    refused_beside: Counter[int] = field(default_factory=Counter)
    """How many of them were refused."""

    @property
    def sent(self) -> int:
        """The number of requests in the round."""
        return self.last - self.before

    @property
    def share(self) -> float:
        """The share of requests that was refused."""
        return self.refused / self.sent

    @property
    def places(self) -> int | None:
        """The number of requests at once that the server takes, if that explains the refusals; else None.

        It does if hardly any request sent beside fewer others was refused, and nearly all of those beside as many.
        """
        best, wrong_at_best = None, _UNEXPLAINED * self.sent
        # Requests on the wrong side of the number: at 0, all that were taken.
        wrong = self.sent - self.refused
        for others in sorted(self.sent_beside):
            if others and wrong <= wrong_at_best:
                best, wrong_at_best = others, wrong
            refused = self.refused_beside[others]
            wrong += refused - (self.sent_beside[others] - refused)
        return best

    def refuse(self, beside: int, under_way: int, asked_s: float) -> None:
        """Count a refusal of a request sent beside others, and now of so many others under way."""
        self.refused += 1
        self.refused_beside[beside] += 1
        self.crowd = max(self.crowd, under_way)
        self.asked_s = max(self.asked_s, asked_s)

    def is_full(self, now: float) -> bool:
        """Whether the round is long enough to be judged."""
        return self.sent >= ROUND_REQUESTS and now - self.began_at >= ROUND_S

    def is_clear(self, now: float) -> bool:
        """Whether so many were refused that the rest of the round need not be awaited."""
        return (
            self.sent >= _EARLY_REQUESTS and self.refused >= _EARLY_SHARE * self.sent and now > self.began_at
        )

    def speed(self, now: float) -> float:
        """Requests a second, refused ones included."""
        return self.sent / (now - self.began_at)

    def taken(self, now: float) -> float:
        """Requests a second that the server took. Servers refuse at once, so those still under way count as taken."""
        return (self.sent - self.refused) / (now - self.began_at)


@dataclass(frozen=True, slots=True)
class BadRound:
    """A round in which many requests were refused, and the limits under which it was sent."""

    rate: float
    places: int
    share: float
    speed: float


class SteadyShare:
    """The share of requests that a server refuses at any speed, as routers do that pass requests on at random.

    Three rounds in a row at falling speeds with the same share of refusals show that the speed is not their cause. If
    the server then takes no more at the first of those speeds than at the last, its cause was the speed after all.
    """

    def __init__(self) -> None:
        self.value = 0.0
        """The share; 0.0 if none is known."""
        self._bad: list[BadRound] = []
        self._needs = 3
        self._value_before = 0.0
        self._must_take: float | None = None

    def explains(self, judged: Round) -> bool:
        """Whether the refusals of a round are no more than chance makes them, with those of the good rounds before."""
        share = self.value + _SLACK
        chance = _SIGMAS * sqrt(judged.sent * share * (1 - share)) if self.value else 0.0
        return judged.refused <= 1 + judged.sent * share + chance

    def explains_all(self, judged: Round, *, is_full: bool) -> bool:
        """Whether it may be chance that every request of a round was refused."""
        least = _ALL_IN_FULL if is_full else _ALL_REQUESTS
        return judged.sent < least or self.value ** (judged.sent - 1) > _NO_CHANCE

    def lower(self, share: float) -> None:
        """Follow the server to a lower share."""
        self.value += _SMOOTHING * min(share - self.value, 0.0)
        if self.value < _LEAST_SHARE:
            self.value = 0.0

    def forget_rounds(self) -> None:
        """Begin to count bad rounds anew."""
        self._bad.clear()

    def compare(self, good: Round) -> None:
        """Forget the bad rounds if a good one had clearly fewer refusals: so it was the speed that made them bad."""
        if self._bad:
            share = sum(bad.share for bad in self._bad) / len(self._bad)
            least = good.sent * share - _SIGMAS * sqrt(good.sent * share * (1 - share))
            if good.refused < least:
                self._bad.clear()

    def check(self, taken: float) -> None:
        """Check the share against what the server took a second in the first round after it was found."""
        if self._must_take is not None and taken < self._must_take:
            self.value = self._value_before
            self._needs *= 2  # so wrong once, it takes more rounds to be believed
        self._must_take = None

    def find(self, bad: BadRound, taken: float) -> BadRound | None:
        """Count a bad round; return the first of some with the same share, to whose limits the run may return."""
        self._bad.append(bad)
        latest = self._bad[-self._needs :]
        shares = [one.share for one in latest]
        if len(latest) < self._needs or min(shares) <= _SAME * max(shares):
            return None
        first = self._first_like(latest)
        self._value_before, self.value = self.value, min(sum(shares) / len(shares), _MOST_SHARE)
        speed = min(bad.rate, bad.speed)
        # half of what the higher speed must bring, if the speed is not the cause
        self._must_take = taken * (1 + 0.5 * (min(first.rate, first.speed) / speed - 1))
        self._bad.clear()
        return first

    def _first_like(self, latest: list[BadRound]) -> BadRound:
        """Return the earliest of the bad rounds in a row that have the share of the latest ones."""
        shares = [one.share for one in latest]
        first = latest[0]
        for bad in reversed(self._bad[: -len(latest)]):
            shares.append(bad.share)
            if min(shares) <= _SAME * max(shares):
                break
            first = bad
        return first
