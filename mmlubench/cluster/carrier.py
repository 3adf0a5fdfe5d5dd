"""Carries jobs to the machines of a Ray cluster, and home what they bring; one task a job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mmlubench.cluster.connecting import Connection
from mmlubench.cluster.desk import Desk, News
from mmlubench.cluster.job import Brought, Job
from mmlubench.cluster.placing import cpus_for_each
from mmlubench.cluster.project import Files
from mmlubench.cluster.task import ProcessDied, carry_out

#: What is said when the desk answers no more.
_HEAD_HAS_GONE = (
    "the head of the cluster has gone, or it was started with another RAY_AUTH_MODE than is set here"
)
#: Seconds between two looks at the desk.
_EVERY_S = 0.5
#: How often a job is begun again after its process or its machine died: machines of clouds may come and go.
_RETRIES = 20
#: Seconds that jobs have to end after they were told to: a process gets 30 of them.
_ENDS_IN_S = 45.0
#: Seconds without any machine for the jobs after which they are given up.
_NO_MACHINE_S = 60.0


@dataclass
class Outcome:
    """What has become of all jobs."""

    brought: dict[int, Brought] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    """Why a job brought nothing, by its number, as half a sentence."""
    interrupted: bool = False
    """Whether the user stopped them."""
    restarts: int = 0
    """How many attempts died with their process or machine, so that others replaced them."""


#: Is shown what is new, several times a second; returns whether all jobs are to end.
Show = Callable[[News, int], None]


class Carrier:
    """The jobs of one run on a cluster."""

    def __init__(
        self,
        connection: Connection,
        jobs: Sequence[Job],
        limits: Mapping[str, Any],
        *,
        show: Show,
        ends: Callable[[Brought], bool],
    ) -> None:
        """`limits` are the `RunLimits` of all jobs together; `ends` says of a job whether the others need not go on."""
        self._ray, self._connection = connection.ray, connection
        self._jobs = {job.number: job for job in jobs}
        self._limits, self._show, self._ends = limits, show, ends
        self._pending: dict[Any, int] = {}
        self._seen = 0
        """How many packs of replies were shown."""
        self._stopping = False
        self._deadline: float | None = None
        self._alone_since: float | None = None
        """Since when the cluster has had no machine with a CPU, on the monotonic clock."""
        self.outcome = Outcome()

    def carry(self, project: Files | None, packs: Iterable[bytes]) -> Outcome:
        """Carry all jobs out. Raises UserError if the cluster has no room for them.

        A KeyboardInterrupt lets them end, and a second one is raised.
        """
        ray = self._ray
        each = cpus_for_each(len(self._jobs), [node.cpus for node in self._connection.nodes()])
        place = {"resources": {"node:__internal_head__": 0.001}} if self._connection.has_head else {}
        self._desk = ray.remote(num_cpus=0, **place)(Desk).remote(self._limits, len(self._jobs))
        shared = (ray.put(project), *(ray.put(pack) for pack in packs))
        task = ray.remote(
            num_cpus=each, max_retries=_RETRIES, retry_exceptions=[ProcessDied], scheduling_strategy="SPREAD"
        )(carry_out)
        for number, job in self._jobs.items():
            self._pending[task.remote(job, self._desk, *shared)] = number
        while self._pending:
            try:
                self._turn()
            except KeyboardInterrupt:
                if self._stopping:
                    raise
                self.outcome.interrupted = True
                self._stop()
            except ray.exceptions.RayError as error:  # of the desk, which is where the cluster has its head
                self._abandon(f"{_HEAD_HAS_GONE} ({_reason(error)})")
        return self.outcome

    def _turn(self) -> None:
        ray = self._ray
        done, _ = ray.wait([*self._pending], num_returns=len(self._pending), timeout=_EVERY_S)
        news = ray.get(self._desk.look.remote(self._seen))
        self._show(news, self._waiting(news))
        self._seen += len(news.packs)
        self.outcome.restarts = sum(len(on) - 1 for on in news.attempts.values())
        for ref in done:
            self._take(ref)
        self._give_up(news)

    def _take(self, ref: Any) -> None:
        """Take what a task brought, or why it brought nothing."""
        number, ray = self._pending[ref], self._ray
        try:
            brought: Brought = ray.get(ref)
        except ray.exceptions.RayError as error:
            if not self._stopping:
                self.outcome.lost[number] = _reason(error)
        else:
            self.outcome.brought[number] = brought
            if not self._stopping and self._ends(brought):
                self._stop()
        del self._pending[ref]

    def _stop(self) -> None:
        """Let the jobs end that have begun, and begin no other."""
        self._stopping = True
        self._deadline = time.monotonic() + _ENDS_IN_S
        ray = self._ray
        ray.get(self._desk.stop.remote())
        begun = ray.get(self._desk.look.remote(self._seen)).attempts
        for ref, number in self._pending.items():
            if number not in begun:
                ray.cancel(ref)

    def _give_up(self, news: News) -> None:
        """Give up the jobs that end too late, or that no machine is left for."""
        if self._deadline is not None:
            if time.monotonic() > self._deadline:
                self._abandon("it did not end in time")
            return
        if self._connection.nodes():
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since > _NO_MACHINE_S:
            self._abandon("no machine with a CPU is left in the cluster")

    def _abandon(self, why: str) -> None:
        for ref, number in self._pending.items():
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(ref, force=True)
            self.outcome.lost[number] = why
        self._pending.clear()

    def _waiting(self, news: News) -> int:
        """Return how many jobs have not begun."""
        return sum(number not in news.attempts for number in self._pending.values())


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines or ['it says nothing'])[-1][:300]}"
