"""The limits that a shard of a cluster is allotted while it runs: it tells what it uses, and obeys what it may use.

The variable `MMLUBENCH_ALLOTMENT` (`VARIABLE` in `run.limits`) names a folder of this shard alone. About once a second
the shard writes `usage.json` there, and looks whether `allotment.json` has changed; the records are in
`engine.limits.allotment`. A file that is missing or broken changes nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from mmlubench.engine.limits.allotment import (
    ALLOTMENT,
    USAGE,
    Allotment,
    ModelUsage,
    Rates,
    RunLimits,
    Usage,
)
from mmlubench.engine.limits.budget import Budget
from mmlubench.engine.limits.limiter import Limiter
from mmlubench.jsonl import write_atomic
from mmlubench.models.spec import ModelSpec

_log = logging.getLogger(__name__)
#: A shard without money waits for more this long (seconds) after the last new allotment; then it stops for good.
PATIENCE_S = 30.0
#: Rates are those of the latest so many seconds.
_LATELY_S = 15.0


def run_limits(
    max_cost: float | None, specs: Mapping[str, ModelSpec], concurrency: int | None = None
) -> RunLimits:
    """Return the limits of a whole run: `concurrency` is that of all shards together, None if each has its own."""
    rates = {label: spec.rate_limits for label, spec in specs.items()}
    return RunLimits(
        max_cost, {label: Rates(rate.rpm, rate.tpm, concurrency) for label, rate in rates.items()}
    )


class Allotted:
    """The limits of this process as they are allotted to it; none before `watch` and `watch_budget`."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self.allotment = Allotment()
        """What is obeyed now; without a number if nothing was allotted yet."""
        self._content = b""
        self._beat = 0
        self._heard_at = clock()
        self._waits_since: float | None = None
        self._limiters: dict[str, tuple[Limiter, int]] = {}
        self._budget: Budget | None = None
        self._speeds: dict[str, _Speed] = {}
        self.progress: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Returns how many cases are done, and how many there are."""
        self.on_concurrency: Callable[[int], object] = lambda places: None
        """Called with the most requests that may be in flight for one model, when that has changed."""
        self._look()

    def watch(self, label: str, limiter: Limiter, most: int) -> None:
        """Take in a model; `most` is how many requests may be in flight at all, for which there are connections."""
        self._limiters[label] = limiter, most
        self._speeds[label] = _Speed()
        self._obey(label)

    def watch_budget(self, budget: Budget) -> None:
        """Take in the budget of all models."""
        self._budget = budget
        self._obey_budget()

    def begin(self) -> None:
        """Obey what was allotted before anything is asked."""
        self._tell_concurrency()

    def tick(self) -> None:
        """Obey what is new, and write what is used; to be called about once a second, on the event loop."""
        if self._look():
            self._obey_budget()
            for label in self._limiters:
                self._obey(label)
            self._tell_concurrency()
        self._check_patience()
        self.write()

    def write(self) -> None:
        """Write what is used now."""
        self._beat += 1
        try:
            write_atomic(self._folder / USAGE, json.dumps(self.usage().to_dict()))
        except OSError as error:
            _log.debug("%s cannot be written: %s", self._folder / USAGE, error)

    def usage(self) -> Usage:
        """Return what is done and used now."""
        done, total = self.progress()
        budget = self._budget or Budget()
        return Usage(
            done=done,
            total=total,
            spent=budget.spent,
            reserved=budget.reserved,
            wanted=budget.wanted,
            obeys=self.allotment.number,
            beat=self._beat,
            models={label: self._used(label) for label in self._limiters},
        )

    def _used(self, label: str) -> ModelUsage:
        limiter, _ = self._limiters[label]
        rpm, tpm = self._speeds[label].note(self._clock(), limiter.sent, limiter.tokens_used)
        short_of = limiter.short_of()
        return ModelUsage(limiter.in_flight, limiter.queued if short_of else 0, short_of, rpm, tpm)

    # -- what is allotted ----------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Look at the file; return whether there is a new allotment."""
        try:
            content = (self._folder / ALLOTMENT).read_bytes()
        except OSError:
            return False
        if content == self._content:
            return False
        self._content = content
        try:
            allotment = Allotment.from_dict(json.loads(content))
        except ValueError as error:  # json's own error is one as well
            _log.debug("%s is not obeyed: %s", self._folder / ALLOTMENT, error)
            return False
        self.allotment, self._heard_at = allotment, self._clock()
        return True

    def _obey(self, label: str) -> None:
        rates = self.allotment.models.get(label)
        if rates is not None:
            limiter, most = self._limiters[label]
            places = None if rates.concurrency is None else min(rates.concurrency, most)
            limiter.allow(places, rates.rpm, rates.tpm)

    def _obey_budget(self) -> None:
        budget, part = self._budget, self.allotment.max_cost
        if budget is not None and budget.limit_usd is not None and part is not None:
            budget.allow(part, final=self.allotment.final)

    def _tell_concurrency(self) -> None:
        places = [rates.concurrency for rates in self.allotment.models.values()]
        allotted = [number for number in places if number is not None]
        if allotted:
            most = max((most for _, most in self._limiters.values()), default=max(allotted))
            self.on_concurrency(max(1, min(max(allotted), most)))

    def _check_patience(self) -> None:
        """Let the budget stop the run where nothing new is allotted."""
        budget = self._budget
        if budget is None or not budget.wanted:
            self._waits_since = None
            return
        now = self._clock()
        if self._waits_since is None:
            self._waits_since = now
        if now - max(self._waits_since, self._heard_at) >= PATIENCE_S:
            budget.expect_no_more()


class _Speed:
    """The requests and tokens per minute of one model in the latest seconds."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int, int]] = deque()

    def note(self, now: float, requests: int, tokens: int) -> tuple[float, float]:
        """Note how many there were until now, and return the speeds."""
        counts = self._counts
        counts.append((now, requests, tokens))
        while len(counts) > 2 and now - counts[1][0] >= _LATELY_S:
            counts.popleft()
        at, requests_then, tokens_then = counts[0]
        if now <= at:
            return 0.0, 0.0
        minutes = (now - at) / 60
        return (requests - requests_then) / minutes, (tokens - tokens_then) / minutes
