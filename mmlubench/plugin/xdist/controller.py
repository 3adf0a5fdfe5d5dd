"""The controller of pytest-xdist: it gives workers their shares, takes their output, and ends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.engine.limits.waiting import Wait
from mmlubench.errors import UserError
from mmlubench.plugin.fast_path import nobody_listens
from mmlubench.plugin.signals import DRAIN_S, Signals
from mmlubench.plugin.xdist import private_xdist
from mmlubench.plugin.xdist.scheduling import Shards
from mmlubench.plugin.xdist.worker_output import WorkerOutput

if TYPE_CHECKING:
    from mmlubench.run.run import Run

#: Seconds between two looks at what the workers wait for.
_TICK_S = 0.2
#: Seconds that a worker gets to send its output, after the time for its last requests.
_OUTPUT_S = 3.0
#: The key in xdist's `workerinput` under which a worker is told that a plugin here is told of its reports.
_HEARD = "mmlubench_heard"
#: The same for the value of `--dist`, which xdist itself hides from its workers.
_DIST = "mmlubench_dist"


class Controller:
    """The plugin object of the controlling process; its hook methods have xdist's names.

    `on_collected` is called with the number of tests when a worker has collected them, and `on_tick` a few times per
    second from then on, with what the requests of all workers wait for.
    """

    def __init__(
        self, on_collected: Callable[[int], object], on_tick: Callable[[Mapping[str, Wait]], object]
    ) -> None:
        self.output = WorkerOutput()
        """The output of all workers that have ended."""
        self.has_shares = False
        """Whether workers have fixed shares; otherwise another plugin, or xdist itself, schedules the cases."""
        self.has_crashed = False
        """Whether any worker crashed."""
        self._on_collected, self._on_tick = on_collected, on_tick
        self._shards: Shards | None = None
        self._config: pytest.Config | None = None

    def share_out(self, config: pytest.Config, run: Run) -> None:
        """Give every worker a fixed share, and what the pre-flight saw."""
        self._config = config
        workers, most = private_xdist.worker_count(config), run.settings.concurrency
        self._shards = Shards(workers, most=most, started=run.share.started, servers=run.roster.servers)
        config.pluginmanager.register(self._shards, "mmlubench.shards")
        self.has_shares = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Called by xdist for each worker, before it starts."""
        node.workerinput[_HEARD] = not nobody_listens(node.config)
        node.workerinput[_DIST] = node.config.getoption("dist")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Called by xdist when a worker has collected; all workers collect the same tests."""
        self._on_collected(len(ids))
        if self._config is not None and self._shards is not None:
            shards = self._shards
            private_xdist.while_waiting(self._config, _TICK_S, lambda: self._on_tick(shards.waits()))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Called by xdist when a worker has ended or crashed; a crashed worker has no output."""
        self.has_crashed = self.has_crashed or error is not None
        self.output.add(WorkerOutput.read_from(getattr(node, "workeroutput", {})))


def check_dist(dist: str) -> None:
    """Raise UserError for a value of `--dist` with which benchmarks cannot be run."""
    if dist == "each":
        raise UserError(
            "--dist each asks every question once for each worker, and would count each answer as independent; "
            "leave it out, or ask several times with --epochs N."
        )


def dist_of(workerinput: Mapping[str, Any]) -> str:
    """Return the value of `--dist` that the controller was given."""
    return str(workerinput.get(_DIST, ""))


def is_heard(workerinput: Mapping[str, Any]) -> bool:
    """Return whether the controller has a plugin that is told of the reports of this worker."""
    return bool(workerinput.get(_HEARD))


def stop(session: pytest.Session, why: str) -> None:
    """End the run after the case that is being reported; pytest shows `why`.

    Raises Interrupted where there are workers: xdist would let each of them ask all the rest of its share first.
    """
    if stopped_for(session):
        return
    if private_xdist.set_should_stop(session.config, why):
        raise session.Interrupted(why)
    session.shouldstop = why


def stopped_for(session: pytest.Session) -> str:
    """Return the reason for which the run was stopped early, as pytest will show it; empty if it was not."""
    return private_xdist.should_stop(session.config) or str(session.shouldstop or "")


def collect_last_reports(session: pytest.Session, signals: Signals) -> None:
    """Wait a little for the workers of an interrupted run, and take their last reports.

    xdist would end the workers and ignore these reports. A second Ctrl-C ends the wait.
    """
    config = session.config
    active = private_xdist.active_workers(config)
    end = time.monotonic() + DRAIN_S + _OUTPUT_S
    for node in active:
        node.shutdown()
    while active and not signals.hurry and time.monotonic() < end:
        for event, details in private_xdist.take_event(config, timeout_s=0.1):
            if event == "testreport":
                private_xdist.deliver_report(config, details)
            elif event == "workerfinished":
                config.hook.pytest_testnodedown(node=details["node"], error=None)
            if event in ("workerfinished", "errordown", "internal_error"):
                active.discard(details["node"])
