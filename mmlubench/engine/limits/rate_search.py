"""Rate search: the highest request rate that a server takes, between a rate that was safe and one that failed.

Nothing waits here and no clock is read; `adaptive` says how each round of requests went.
"""

from __future__ import annotations

from math import inf, sqrt

#: The lowest rate (requests a second).
LEAST_RATE = 0.02
#: After a round that failed, so many good rounds pass before a rate is tried beyond the one that failed; twice as many
#: after each try that failed, up to the last number.
_HOLD, _LONGEST_HOLD = 2, 6
#: A try goes faster by this factor, the next by twice as much, and so on up to the last factor.
_STEP, _LONGEST_STEP = 0.05, 0.6
#: Rates whose ratio is below this are close: no try between them would be worth its refusals.
_CLOSE = 1.06
#: A safe rate this close to one that failed is not safe any more.
_TOO_CLOSE = 0.97


class RateSearch:
    """The search for the highest rate, from round to round; rates in requests a second."""

    def __init__(self, most: float) -> None:
        self.most = most
        """The highest rate that is allowed."""
        self.rate = most
        """The present rate; infinite where nothing limits it."""
        self.good = 0
        """The number of good rounds since the last one that failed."""
        self.safe = 0.0
        """The highest rate that was followed by a good round at the same rate or above; 0.0 if none is known."""
        self._latest = 0.0
        self._hold = _HOLD
        self._failed, self._step = inf, _STEP
        self._at_rate = 0

    @property
    def is_rested(self) -> bool:
        """Whether enough good rounds passed to try more."""
        return self.good > self._hold

    def lift(self) -> None:
        """Return to the maximum once the rate is hardly used, and was good for long enough."""
        if self.good > 2 * self._hold:
            self.rate = self.most

    def went_well(self, speed: float) -> None:
        """Count a good round at this speed, which used the rate; perhaps try a higher rate.

        That is half-way to the rate that failed, or, close to that one and after a rest, beyond it.
        """
        speed = min(speed, self.rate)
        self.safe, self._latest = max(self.safe, min(self._latest, speed)), speed
        self._at_rate += 1
        is_close = self.rate * _CLOSE >= self._failed
        if not (self.is_rested if is_close or self._failed == inf else self._at_rate > 1):
            return
        if is_close:
            self._failed, self._step = inf, _STEP
        faster = min(self.rate * (1 + self._step), sqrt(self.rate * self._failed), self.most)
        self.rate, self._at_rate = faster, 0
        self._step = min(2 * self._step, _LONGEST_STEP)

    def went_badly(self) -> None:
        """Count a round that failed: was it a try, the next one comes later."""
        if self.is_rested:
            self._hold = min(max(2 * self._hold, _HOLD), _LONGEST_HOLD)
        self.good = self._at_rate = 0

    def fall(self, speed: float, fits: float) -> None:
        """Return from this speed to the safe rate, or else to one that fits what the server took."""
        self._latest = 0.0
        self._failed, self._step = min(self.rate, speed), _STEP
        if self.safe and self.safe < _TOO_CLOSE * self._failed:
            fits = max(fits, self.safe)
        else:
            self.safe = 0.0
        self.rate = min(self.rate, max(fits, LEAST_RATE))

    def return_to(self, rate: float) -> None:
        """Return to an earlier rate: the rounds since then failed for another reason."""
        self.rate, self._failed, self._latest = min(rate, self.most), inf, 0.0

    def allow(self, most: float) -> None:
        """Let the rate be at most this from now on; one that was not cut follows, up to a rate that failed."""
        self.rate = min(most, self._failed) if self.rate >= self.most else min(self.rate, most)
        self.most = most

    def begin_at(self, rate: float) -> None:
        """Begin anew at a rate, and go faster at once if it goes well."""
        self.rate = min(max(min(self.rate, rate), LEAST_RATE), self.most)
        self.safe, self._hold = 0.0, 0
        self._failed, self._step = inf, _LONGEST_STEP
