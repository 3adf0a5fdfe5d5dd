"""Token buckets, for requests and for tokens: arithmetic on times (seconds) that callers give."""

from __future__ import annotations

from math import inf

from mmlubench.schema import Request, Usage
from mmlubench.tokens import tokens_of_size


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
        if short <= 1e-9:  # a tolerance, as float sums of many small steps are inexact
            return 0.0
        return short / rate if rate else inf

    def spend(self, amount: float) -> None:
        """Take an amount out; a negative amount is put back."""
        self._level -= amount

    def drain(self, now: float) -> None:
        """Be empty at `now`, which may lie in the future."""
        self._level, self._as_of = min(self._level, 0.0), now


class Tokens:
    """A limit in tokens per minute: a request books an estimate, which its usage replaces when it is known."""

    #: Tokens of a reply before there was any, where the request sets no limit.
    _FIRST_GUESS = 256.0
    #: The weight of one more reply in the mean length of replies.
    _SMOOTHING = 0.1

    def __init__(self, tpm: float) -> None:
        self._rate = tpm / 60
        self.used = 0
        """The tokens of all replies so far."""
        self._bucket = Bucket(keep_s=2.0)
        self._reply: float | None = None

    def allow(self, tpm: float, now: float) -> None:
        """Let so many tokens per minute be used from now on."""
        self._bucket.wait_s(0.0, self._rate, now)  # until now the bucket filled at the rate before
        self._rate = tpm / 60

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
        self.used += spent
        self._bucket.spend(spent - guess)
        if usage and usage.output_tokens:
            before = usage.output_tokens if self._reply is None else self._reply
            self._reply = before + self._SMOOTHING * (usage.output_tokens - before)
