"""The desk: takes what the jobs of one run bring while they run, for the one who waits for it. It is an actor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmlubench.cluster.job import Usage


class Word(NamedTuple):
    """What a job is told when it has reported."""

    stop: bool
    """Whether it has to end."""
    allotment: Mapping[str, Any] | None
    """Its new share of limits; None for no news."""


class News(NamedTuple):
    """What has come since the last look."""

    packs: list[bytes]
    usages: dict[int, Usage]
    attempts: dict[int, list[str]]
    """By job, the machine of each attempt."""


class Desk:
    """Keeps the replies of all jobs, as packs that it does not open.

    An attempt that replaces one whose machine or process has died gets the replies that came from the others.
    """

    def __init__(self) -> None:
        self._packs: list[bytes] = []
        self._by_job: dict[int, list[bytes]] = defaultdict(list)
        self._usages: dict[int, Usage] = {}
        self._attempts: dict[int, list[str]] = defaultdict(list)
        self._stopped = False

    def begin(self, number: int, node: str) -> tuple[int, list[bytes]]:
        """Note that an attempt begins; return its number, from 1, and the replies that the job has already."""
        self._attempts[number].append(node)
        return len(self._attempts[number]), self._by_job[number]

    def bring(self, number: int, attempt: int, packs: list[bytes], usage: Usage | None) -> Word:
        """Take the replies and the state of an attempt. One that was given up may still bring what it has."""
        self._packs += packs
        self._by_job[number] += packs
        is_latest = attempt == len(self._attempts[number])
        if usage is not None and is_latest:
            self._usages[number] = usage
        return Word(self._stopped or not is_latest, None)

    def look(self, after: int) -> News:
        """Return the packs behind the first `after`, and how far all jobs are."""
        return News(self._packs[after:], dict(self._usages), {n: [*on] for n, on in self._attempts.items()})

    def stop(self) -> None:
        """Let all jobs end."""
        self._stopped = True
