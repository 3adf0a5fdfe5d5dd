"""Waiting: what requests of a model wait for, since when, and what happens next, for the progress line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mmlubench.engine.limits.adaptive import AdaptiveLimit
from mmlubench.engine.limits.refusals import reason
from mmlubench.errors import ProviderError

#: After this many seconds without any reply, the user is told so.
SILENT_S = 30.0
#: A shorter time without a reply is not worth a word.
_SHORT_S = 5.0
#: Replies are counted over this many seconds.
_COUNTED_S = 60.0


@dataclass(frozen=True)
class Wait:
    """Why requests wait; times in seconds."""

    why: str
    """Worded to follow "waiting for"; empty if the server just does not reply."""
    requests: int
    """How many requests wait; if the server just does not reply, how many are under way."""
    unanswered_s: float
    """For how long the server has answered nothing; 0.0 if it has answered since the first failure."""
    next_try_s: float
    """The time until the next request is sent; 0.0 if requests are being sent."""
    answered_a_minute: float
    message: str = ""
    """The latest failure, in the words of the server."""

    @property
    def text(self) -> str:
        """What the progress line says, in parts with two spaces in between, the more important one first."""
        if not self.why:
            return f"no reply for {self.unanswered_s:.0f} s, {self.requests:,} requests under way"
        if self.next_try_s >= 1:
            then = f"next try in {self.next_try_s:.0f} s"
        elif self.unanswered_s >= _SHORT_S:
            then = f"no reply for {self.unanswered_s:.0f} s"
        else:
            then = f"{self.answered_a_minute:,.0f} answered/min"
        return f"waiting for {self.why}, {self.requests:,} requests  {then}"


class History:
    """The latest failures and replies of a model."""

    def __init__(self) -> None:
        self.answered = 0
        """The number of replies so far."""
        self.failed_in_a_row = 0
        """The number of failures since the last reply."""
        self._error: ProviderError | None = None
        self._failing_since: float | None = None
        self._asked_since: float | None = None
        self._seen = 0
        self._counts: deque[tuple[float, int]] = deque()

    def failed(self, error: ProviderError, now: float) -> None:
        """Record a failure that may pass."""
        self._look(now)
        self._error = error
        self.failed_in_a_row += 1
        if self._failing_since is None:
            self._failing_since = now

    def state(self, waiting: int, under_way: int, limits: AdaptiveLimit, now: float) -> Wait | None:
        """Return what requests wait for; None if the server answers all of them."""
        self._look(now, under_way)
        if not waiting:
            silent_s = now - self._asked_since if self._asked_since is not None and under_way else 0.0
            return Wait("", under_way, silent_s, 0.0, self._a_minute(now)) if silent_s >= SILENT_S else None
        why = reason(self._error) if self._error is not None else "rate limit"
        unanswered_s = now - self._failing_since if self._failing_since is not None else 0.0
        next_try_s = max(0.0, limits.resume_at - now)
        message = str(self._error or "")
        return Wait(why, waiting, unanswered_s, next_try_s, self._a_minute(now), message)

    def _look(self, now: float, under_way: int = 0) -> None:
        """Notice replies since the last look."""
        if self.answered != self._seen:
            self._seen, self._failing_since, self._asked_since = self.answered, None, None
        if under_way and self._asked_since is None:
            self._asked_since = now

    def _a_minute(self, now: float) -> float:
        self._counts.append((now, self.answered))
        while len(self._counts) > 2 and now - self._counts[0][0] > _COUNTED_S:
            self._counts.popleft()
        at, answered = self._counts[0]
        return 60 * (self.answered - answered) / (now - at) if now > at else 0.0
