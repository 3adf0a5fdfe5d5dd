"""Token buckets, a limit that adapts, and a measured request rate: arithmetic on times (seconds) that callers give."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from mmlubench.schema import Request, Usage
from mmlubench.tokens import tokens_of_size


class CubicLimit:
    """A limit that the server does not state: a rejection cuts it, and it grows again while none comes.

    The limit grows along CUBIC's curve (RFC 9438): fast at first, hardly at all near its peak (its value at the last
    rejection), faster and faster beyond. So a real limit of the server is seldom touched, and a temporary one is soon
    left behind.
    """

    def __init__(self, least: float, most: float, step: float) -> None:
        """`step` is the least distance from peak to low that the curve assumes; with 0 the limit would never grow."""
        self.most = most
        self.peak = most
        """The value of the limit at the last cut."""
        self._low, self._least, self._step = most, least, step
        self._recovery_s = 1.0
        self._since: float | None = None

    def cut(self, low: float, peak: float, recovery_s: float) -> None:
        """Set the limit to `low` until `grow` is called; `recovery_s` seconds after that it is back at `peak`."""
        self.peak = min(max(peak, self._least), self.most)
        self._low = min(max(low, self._least), self.peak)
        self._recovery_s, self._since = recovery_s, None

    def grow(self, now: float) -> None:
        """Begin to grow, unless growth has begun. Called at a reply: without one, nothing shows that there is room."""
        if self._since is None and self.peak < inf:
            self._since = now

    def lift(self) -> None:
        """Undo all cuts."""
        self._low = self.peak = self.most
        self._since = None

    def at(self, now: float) -> float:
        """Return the value of the limit, between `least` and `most`."""
        if self._since is None:
            return self._low
        progress = (now - self._since) / self._recovery_s - 1.0
        depth = max(self.peak - self._low, self._step)
        return min(max(self.peak + depth * progress**3, self._low), self.most)


class Bucket:
    """A token bucket: it fills at a steady rate and holds little, so that requests are spread evenly.

    Not aiolimiter's: its rate cannot change, and it lets the allowance of a whole minute go in one burst.
    """

    def __init__(self, keep_s: float, least: float = 1.0) -> None:
        """The capacity is `least` plus what flows in within `keep_s` seconds."""
        self._keep_s, self._least = keep_s, least
        self._level = least
        self._as_of: float | None = None

    def wait_s(self, amount: float, rate: float, now: float) -> float:
        """Return the seconds until `amount` may be spent, 0.0 if now. More than the capacity needs a full bucket."""
        capacity = self._least + rate * self._keep_s
        if self._as_of is not None and now > self._as_of:
            self._level = min(self._level + rate * (now - self._as_of), capacity)
        self._as_of = now if self._as_of is None else max(now, self._as_of)
        short = min(amount, capacity) - self._level
        return (
            short / rate if short > 1e-9 else 0.0
        )  # a tolerance, as float sums of many small steps are inexact

    def spend(self, amount: float) -> None:
        """Take an amount out; a negative amount is put back."""
        self._level -= amount

    def drain(self, now: float) -> None:
        """Be empty at `now`, which may lie in the future."""
        self._level, self._as_of = min(self._level, 0.0), now


class Throughput(NamedTuple):
    """The throughput that a `Window` measured."""

    rate: float
    """Accepted requests a second."""
    seconds: float
    """The length of the window."""
    accepted: int
    """The number of accepted requests in it."""


class Window:
    """A sliding window over the latest requests, which measures how many a second the server accepts.

    Requests are numbered as they are sent, and servers reject requests at once. So when one is rejected, all requests
    sent before it and not rejected were accepted, even if their replies are still under way.
    """

    #: The least length of the window, in seconds and in requests; its length is at most about twice that.
    _LEAST_S, _LEAST_SENT = 1.0, 20
    #: The shortest time (seconds) that accepted requests are divided by.
    _SHORTEST_S = 0.001

    def __init__(self) -> None:
        self.restart(0.0, 0)

    def restart(self, at: float, sent: int) -> None:
        """Begin a new window after request number `sent`, the last one; `at` may lie in the future."""
        self._at = self._next_at = at
        self._sent = self._next_sent = sent
        self._lost = self._next_lost = 0

    def roll(self, now: float, sent: int) -> None:
        """Drop the older part of the window, if the newer part is long enough."""
        if sent - self._next_sent >= self._LEAST_SENT and now - self._next_at >= self._LEAST_S:
            self._at, self._sent, self._lost = self._next_at, self._next_sent, self._next_lost
            self._next_at, self._next_sent, self._next_lost = now, sent, 0

    def lose(self, number: int) -> None:
        """Record a request that brought no reply."""
        self._lost += number > self._sent
        self._next_lost += number > self._next_sent

    def up_to(self, number: int, sent_at: float) -> Throughput:
        """Return the throughput before the request of this number, for which `lose` was called already."""
        accepted = max(0, number - self._sent - self._lost)
        seconds = max(sent_at - self._at, self._SHORTEST_S)
        return Throughput(accepted / seconds, seconds, accepted)


class Tokens:
    """A limit in tokens per minute: a request books an estimate, which its usage replaces when it is known."""

    #: Tokens of a reply before there was any, where the request sets no limit.
    _FIRST_GUESS = 256.0
    #: The weight of one more reply in the mean length of replies.
    _SMOOTHING = 0.1

    def __init__(self, tpm: float) -> None:
        self._rate = tpm / 60
        self._bucket = Bucket(keep_s=2.0)
        self._reply: float | None = None

    def guess(self, request: Request) -> float:
        """Estimate the tokens of a request and its reply."""
        reply = self._reply if self._reply is not None else request.params.max_tokens or self._FIRST_GUESS
        return tokens_of_size(request.chars) + reply

    def wait_s(self, guess: float, now: float) -> float:
        """Return the seconds until this number of tokens may be spent."""
        return self._bucket.wait_s(guess, self._rate, now)

    def spend(self, guess: float) -> None:
        """Book the estimated tokens of a request."""
        self._bucket.spend(guess)

    def settle(self, guess: float, usage: Usage | None) -> None:
        """Replace the estimate by the tokens really used: none, where there was no reply."""
        spent = usage.input_tokens + usage.output_tokens if usage else 0
        self._bucket.spend(spent - guess)
        if usage and usage.output_tokens:
            before = usage.output_tokens if self._reply is None else self._reply
            self._reply = before + self._SMOOTHING * (usage.output_tokens - before)
