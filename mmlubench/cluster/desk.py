"""The desk: takes what the jobs of one run bring while they run, for the one who waits for it. It is an actor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from mmlubench.cluster.job import Usage
from mmlubench.engine.limits.allotment import RunLimits
from mmlubench.engine.limits.keeper import Keeper


class Beginning(NamedTuple):
    """What an attempt begins with."""

    attempt: int
    """Its number among those of its job, from 1."""
    packs: list[bytes]
    """The replies that earlier attempts got."""
    allotment: Mapping[str, Any]
    """Its share of the limits of the run."""


class Word(NamedTuple):
    """What a job is told when it has reported."""

    stop: bool
    """Whether it has to end."""
    allotment: Mapping[str, Any] | None
    """Its share of the limits of the run; None where it cannot be said."""


class News(NamedTuple):
    """What has come since the last look."""

    packs: list[bytes]
    usages: dict[int, Usage]
    attempts: dict[int, list[str]]
    """By job, the machine of each attempt."""
    spent_usd: float
    """What all jobs together have spent, those that died included."""


class Desk:
    """Keeps the replies of all jobs, as packs that it does not open.

    An attempt that replaces one whose machine or process has died gets the replies that came from the others.
    """

    def __init__(self, limits: Mapping[str, Any], jobs: int) -> None:
        """`limits` are the `RunLimits` of all jobs together, as a JSON object."""
        self._packs: list[bytes] = []
        self._by_job: dict[int, list[bytes]] = defaultdict(list)
        self._usages: dict[int, Usage] = {}
        self._attempts: dict[int, list[str]] = defaultdict(list)
        self._keeper = Keeper(RunLimits.from_dict(limits), jobs, started=False)
        self._stopped = False

    def begin(self, number: int, node: str) -> Beginning:
        """Note that an attempt begins; an earlier one of its job has died."""
        if self._attempts[number]:
            self._keeper.lost(number)
        self._attempts[number].append(node)
        return Beginning(len(self._attempts[number]), self._by_job[number], self._keeper.start(number))

    def bring(
        self, number: int, attempt: int, packs: list[bytes], usage: Usage | None, *, ended: bool = False
    ) -> Word:
        """Take the replies and the state of an attempt. One that was given up may still bring what it has."""
        self._packs += packs
        self._by_job[number] += packs
        if attempt != len(self._attempts[number]):
            return Word(stop=True, allotment=None)
        if usage is None:
            return Word(self._stopped, None)
        self._usages[number] = usage
        allotment = None
        with suppress(ValueError):  # before the process has told anything
            if ended:
                self._keeper.ended(number, usage.told)
            else:
                allotment = self._keeper.report(number, usage.told)
        return Word(self._stopped, allotment)

    def look(self, after: int) -> News:
        """Return the packs behind the first `after`, and how far all jobs are."""
        attempts = {number: [*nodes] for number, nodes in self._attempts.items()}
        return News(self._packs[after:], dict(self._usages), attempts, self._keeper.spent)

    def stop(self) -> None:
        """Let all jobs end."""
        self._stopped = True
