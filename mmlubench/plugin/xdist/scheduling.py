"""The xdist scheduler: every worker gets one fixed share of the cases, knows it from the start, and looks ahead in it.

xdist's own schedulers tell a worker its next few items only, so there is nothing to look ahead to. Here the share
follows from the number of the worker (every n-th case); the controller still hands the items out a few hundred at
a time, so that `-x` and `--maxfail` stop soon. When a worker crashes, what it had not run goes to its replacement, but
for the case that made it crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mmlubench.plugin.xdist import worker_state
from mmlubench.run.share import Share

#: Items a worker is given ahead of the one it runs.
_HANDED_OUT = 256
#: The keys of a worker's share, and of the file of its state, in xdist's `workerinput`.
_SHARE, _STATE = "mmlubench_share", "mmlubench_state"


def share_of(workerinput: Mapping[str, Any]) -> Share:
    """Return the share that the controller told this worker."""
    told = workerinput.get(_SHARE)
    if told is None:  # another plugin schedules
        return Share(total=int(workerinput.get("workercount", 1)), known=False)
    return Share.from_dict(told)


def state_of(workerinput: Mapping[str, Any]) -> worker_state.WorkerState | None:
    """Open the file in which this worker notes what it does; None where there is none, as on another host."""
    file = workerinput.get(_STATE)
    try:
        return worker_state.WorkerState(Path(file)) if file else None
    except OSError:
        return None


class ShardScheduling:
    """An xdist scheduler (`xdist.scheduler.protocol.Scheduling`) with static shares."""

    def __init__(self, config: pytest.Config, shards: Shards) -> None:
        self._shards = shards
        self._ahead = 2 if config.getvalue("maxfail") else _HANDED_OUT
        self._collection: list[str] = []
        self._waiting: dict[Any, deque[int]] = {}
        self._pending: dict[Any, list[int]] = {}
        self._ready: list[Any] = []
        self._started: set[Any] = set()

    @property
    def nodes(self) -> list[Any]:
        """The workers that are alive."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether all first workers have collected."""
        return len(self._ready) >= self._shards.workers

    @property
    def has_pending(self) -> bool:
        """Whether anything is still to be run."""
        return any(self._pending.values()) or any(self._waiting.values())

    @property
    def tests_finished(self) -> bool:
        """Whether everything is handed out: a worker runs its last item only once it is told to stop."""
        if not self.collection_is_completed or self._shards.expected:
            return False
        return all(
            not self._waiting[n] and len(self._pending[n]) < 2 for n in self._pending if n in self._started
        )

    def add_node(self, node: Any) -> None:
        """A worker is up."""
        self._pending[node] = []
        self._waiting[node] = deque()

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """A worker has collected; all must have collected the same."""
        if self._collection and list(collection) != self._collection:
            raise pytest.UsageError(
                "the workers collected different tests: parameters and ids must not depend on chance, time or sets."
            )
        self._collection = list(collection)
        self._ready.append(node)

    def schedule(self) -> None:
        """Give every new worker its share."""
        for node in self._ready:
            if node in self._started or node not in self._pending:
                continue
            self._started.add(node)
            share = self._shards.takes(node)
            self._waiting[node].extend(i for i in range(len(self._collection)) if share.includes(i))
            self._hand_out(node)
            if not self._pending[node]:
                node.shutdown()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """A worker has run an item."""
        self._pending[node].remove(item_index)
        if len(self._pending[node]) <= self._ahead // 2:
            self._hand_out(node)

    def mark_test_pending(self, item: str) -> None:
        """Part of the protocol that only `--looponfail`-like schedulers use."""
        raise RuntimeError("shares are fixed: no item is put back")

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Part of the protocol that only work stealing uses."""
        raise RuntimeError("shares are fixed: no item is taken back")

    def remove_node(self, node: Any) -> str | None:
        """A worker is gone. Returns the item that it was running, if any; the rest waits for its replacement.

        Raises KeyError, as xdist expects it, for a worker that never was up.
        """
        if node not in self._started:
            self._shards.gives_back(node)
            del self._pending[node]
            return None
        pending, waiting = self._pending.pop(node), self._waiting.pop(node)
        if not pending:
            return None
        rest = [*pending, *waiting]
        noted = self._shards.last_noted(node)
        crashed = noted if noted in rest else pending[0]
        rest.remove(crashed)
        self._shards.gives_back(node, rest)
        return self._collection[crashed]

    def _hand_out(self, node: Any) -> None:
        if node.shutting_down:  # it would not come to run them
            return
        room = self._ahead - len(self._pending[node])
        chunk = [self._waiting[node].popleft() for _ in range(min(room, len(self._waiting[node])))]
        if chunk:
            self._pending[node].extend(chunk)
            node.send_runtest_some(chunk)


class Shards:
    """The controller's side: tells each worker its share, and makes the scheduler that keeps to it."""

    def __init__(self, workers: int, *, most: int, started: float) -> None:
        """`most` is how many may ask: with fewer requests in flight than workers, some get no share at all."""
        self.workers = workers
        self.expected: set[Any] = set()
        """Workers that were told a share and did not take it up yet."""
        total = min(workers, most)
        common: dict[str, Any] = {"total": total, "only": None, "started": started, "spent": 0.0}
        self._vacant = deque({**common, "number": number} for number in range(total))
        self._nothing = {**common, "number": 0, "only": []}
        self._states = TemporaryDirectory(prefix="mmlubench-")
        self._told = 0

    def tell(self, node: Any) -> None:
        """Write a worker's share into what it is started with: a replacement gets what a crashed one left."""
        share = self._vacant.popleft() if self._vacant else self._nothing
        file = Path(self._states.name) / str(self._told)
        worker_state.blank(file)
        self._told += 1
        node.workerinput[_SHARE] = dict(share)
        node.workerinput[_STATE] = str(file)
        if share is not self._nothing:
            self.expected.add(node)

    def takes(self, node: Any) -> Share:
        """The share a worker was told, now that it begins to run."""
        self.expected.discard(node)
        return share_of(node.workerinput)

    def gives_back(self, node: Any, rest: list[int] | None = None) -> None:
        """Make a crashed worker's share vacant: `rest`, or all of it when it never began."""
        told = node.workerinput[_SHARE]
        only = told["only"] if rest is None else rest
        self.expected.discard(node)
        if only != []:
            # Nothing is noted by one that never began, nor by one on another host.
            gone = max(told["spent"], worker_state.spent(Path(node.workerinput[_STATE])))
            self._vacant.append({**told, "only": only, "spent": gone})

    def last_noted(self, node: Any) -> int | None:
        """The position of the case that a crashed worker ran last, if it is known."""
        return worker_state.last_noted(Path(node.workerinput[_STATE]))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Called by xdist for each worker, before it starts."""
        if node.config.getvalue("dist") != "each":
            self.tell(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> ShardScheduling | None:
        """Called by xdist: shares are static whatever `--dist` says, save for `each`."""
        return None if config.getvalue("dist") == "each" else ShardScheduling(config, self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Called by pytest: all is done, or the run was interrupted and workers must not go on asking."""
        for file in Path(self._states.name).iterdir():
            worker_state.stop(file)

    def pytest_unconfigure(self) -> None:
        """Called by pytest at the very end."""
        self._states.cleanup()
