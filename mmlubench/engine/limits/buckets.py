"""What a limit is, how it is measured and how it is kept: arithmetic over a clock that the caller reads, in seconds."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from mmlubench.schema import Request, Usage
from mmlubench.tokens import tokens_of_size


class Ceiling:
    """A limit that nobody tells and that has to be felt for: a rejection cuts it, the lack of one lets it grow.

    It grows along CUBIC's curve (RFC 9438) and not in a straight line: fast at first, hardly at all near the height of
    the last rejection (its peak), faster and faster beyond. So a limit that is real is seldom touched, and one that
    was a passing trouble is soon forgotten.
    """

    def __init__(self, least: float, most: float, step: float) -> None:
        """`step` is the least depth of a cut that the curve starts from: at its least a limit could not grow else."""
        self.most = most
        self.peak = most
        """Where it stood when it was cut last."""
        self._low, self._least, self._step = most, least, step
        self._span_s = 1.0
        self._since: float | None = None

    def cut(self, low: float, peak: float, span_s: float) -> None:
        """Stand at `low` until `grow` is called, and at `peak` again `span_s` seconds after that."""
        self.peak = min(max(peak, self._least), self.most)
        self._low = min(max(low, self._least), self.peak)
        self._span_s, self._since = span_s, None

    def grow(self, now: float) -> None:
        """Begin to grow, unless it has begun: when something was answered, for silence promises nothing."""
        if self._since is None and self.peak < inf:
            self._since = now

    def lift(self) -> None:
        """Forget all cuts."""
        self._low = self.peak = self.most
        self._since = None

    def at(self, now: float) -> float:
        """Where it stands: never below the least, never above the most."""
        if self._since is None:
            return self._low
        course = (now - self._since) / self._span_s - 1.0
        depth = max(self.peak - self._low, self._step)
        return min(max(self.peak + depth * course**3, self._low), self.most)


class Bucket:
    """What may be spent: it fills at a steady rate and holds little, so that spending is even.

    Not aiolimiter's: there the rate is fixed for good, and what a whole minute brings may go in one burst.
    """

    def __init__(self, keep_s: float, least: float = 1.0) -> None:
        """Hold what comes in within `keep_s` seconds, and `least` beside it."""
        self._keep_s, self._least = keep_s, least
        self._level = least
        self._as_of: float | None = None

    def wait_s(self, amount: float, rate: float, now: float) -> float:
        """Seconds until `amount` may be spent, 0.0 if at once; more than it can hold may be spent when it is full."""
        most = self._least + rate * self._keep_s
        if self._as_of is not None and now > self._as_of:
            self._level = min(self._level + rate * (now - self._as_of), most)
        self._as_of = now if self._as_of is None else max(now, self._as_of)
        short = min(amount, most) - self._level
        return short / rate if short > 1e-9 else 0.0  # the sums of many small steps are never quite whole

    def spend(self, amount: float) -> None:
        """Take it; a negative amount gives it back."""
        self._level -= amount

    def drain(self, now: float) -> None:
        """Start with nothing at `now`, which may be a time to come."""
        self._level, self._as_of = min(self._level, 0.0), now


class Measured(NamedTuple):
    """What a `Window` saw."""

    rate: float
    """Requests a second that were not turned down."""
    seconds: float
    """How long it looked."""
    taken: int
    """How many requests that were."""


class Window:
    """How many requests a second a server took of late.

    Requests are numbered as they are sent, and servers turn requests down at once. So when one is turned down, those
    sent before it and not turned down were taken, however long their replies may still need.
    """

    #: It looks back over at least so much, and at most about twice that; a few requests say little.
    _LEAST_S, _LEAST_SENT = 1.0, 20
    #: What was taken in an instant is divided by so much.
    _SHORTEST_S = 0.001

    def __init__(self) -> None:
        self.restart(0.0, 0)

    def restart(self, at: float, sent: int) -> None:
        """Look at nothing that was sent before: `sent` is the number of the last request, `at` may be yet to come."""
        self._at = self._next_at = at
        self._sent = self._next_sent = sent
        self._lost = self._next_lost = 0

    def roll(self, now: float, sent: int) -> None:
        """Forget what is long ago, if there is enough without it."""
        if sent - self._next_sent >= self._LEAST_SENT and now - self._next_at >= self._LEAST_S:
            self._at, self._sent, self._lost = self._next_at, self._next_sent, self._next_lost
            self._next_at, self._next_sent, self._next_lost = now, sent, 0

    def lose(self, number: int) -> None:
        """Note that a request brought no reply."""
        self._lost += number > self._sent
        self._next_lost += number > self._next_sent

    def up_to(self, number: int, sent_at: float) -> Measured:
        """What was taken before the request of that number, which is noted as lost already."""
        taken = max(0, number - self._sent - self._lost)
        seconds = max(sent_at - self._at, self._SHORTEST_S)
        return Measured(taken / seconds, seconds, taken)


class Tokens:
    """A limit in tokens per minute: each request is booked with a guess, and settled when its usage is known."""

    #: Tokens of a reply before there was any, where the request sets no limit.
    _FIRST_GUESS = 256.0
    #: The weight of one more reply in the mean length of replies.
    _NEWS = 0.1

    def __init__(self, tpm: float) -> None:
        self._rate = tpm / 60
        self._bucket = Bucket(keep_s=2.0)
        self._reply: float | None = None

    def guess(self, request: Request) -> float:
        """About how many tokens a request and its reply will be."""
        reply = self._reply if self._reply is not None else request.params.max_tokens or self._FIRST_GUESS
        return tokens_of_size(request.chars) + reply

    def wait_s(self, guess: float, now: float) -> float:
        """Seconds until so many tokens may be spent."""
        return self._bucket.wait_s(guess, self._rate, now)

    def spend(self, guess: float) -> None:
        """Book a request."""
        self._bucket.spend(guess)

    def settle(self, guess: float, usage: Usage | None) -> None:
        """Put what it really took in place of the guess; nothing where there was no reply."""
        spent = usage.input_tokens + usage.output_tokens if usage else 0
        self._bucket.spend(spent - guess)
        if usage and usage.output_tokens:
            before = usage.output_tokens if self._reply is None else self._reply
            self._reply = before + self._NEWS * (usage.output_tokens - before)
