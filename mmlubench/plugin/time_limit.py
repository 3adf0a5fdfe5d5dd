"""The time that pytest-timeout gives a case: a case that exceeds it ends as an error, and the run goes on.

pytest-timeout raises an error wherever the process is, or ends the process. While a case waits, hundreds of others go
on in the same event loop: the error would be that of another case. So its timer is stopped as soon as the case waits
for its answer, and the event loop keeps the rest of the time.
"""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from mmlubench.errors import TimeLimitReached
from mmlubench.plugin.case_outcome import CaseOutcome


class TimeLimit:
    """The limit for one test, which begins now; `seconds` is that of pytest-timeout."""

    def __init__(self, item: pytest.Item, seconds: float) -> None:
        self.item = item
        self._seconds = seconds
        self._end = monotonic() + seconds

    def take_over(self) -> float:
        """Stop the timer of pytest-timeout, and return the seconds that are left."""
        self.item.ihook.pytest_timeout_cancel_timer(item=self.item)
        return max(0.0, self._end - monotonic())

    def judge(self, outcome: CaseOutcome) -> None:
        """Name the limit as the error of a case that was cancelled because of it."""
        if isinstance(outcome.error, asyncio.CancelledError):
            outcome.error = TimeLimitReached(
                f"no answer within {self._seconds:g} s (--timeout of pytest-timeout)"
            )
