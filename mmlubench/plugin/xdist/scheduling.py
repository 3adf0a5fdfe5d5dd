"""The xdist scheduler: every worker gets one fixed share of the cases at its start, and looks ahead in that share.

xdist's own schedulers send a worker its next few items only, so that it could not look ahead. Here the number of the
worker determines its share (every n-th case). The controller still hands out a few hundred items at a time, so that
`-x` and `--maxfail` stop soon. When a worker crashes, the rest of its share goes to its replacement, except the case
that made it crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import pytest

from mmlubench.engine.limits.waiting import Wait
from mmlubench.models.serving.server import Server
from mmlubench.plugin.xdist import worker_state
from mmlubench.plugin.xdist.waits import joined, unpacked
from mmlubench.run.share import Share

#: The number of items that a worker is given ahead of the one that it runs.
_HANDED_OUT = 256
#: The keys of a worker's share, and of the file of its state, in xdist's `workerinput`.
_SHARE, _STATE = "mmlubench_share", "mmlubench_state"


def share_of(workerinput: Mapping[str, Any]) -> Share:
    """Return the share that the controller gave to this worker."""
    values = workerinput.get(_SHARE)
    if values is None:  # another plugin schedules the cases
        return Share(total=int(workerinput.get("workercount", 1)), known=False)
    return Share.from_dict(values)


def state_of(workerinput: Mapping[str, Any]) -> worker_state.WorkerState | None:
    """Open the state file of this worker; None if it does not exist, as on another host."""
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
        """Whether any item is still to be run."""
        return any(self._pending.values()) or any(self._waiting.values())

    @property
    def tests_finished(self) -> bool:
        """Whether all items are handed out."""
        return self.collection_is_completed and not self._shards.expected and not any(self._waiting.values())

    def add_node(self, node: Any) -> None:
        """Add a worker that has started."""
        self._pending[node] = []
        self._waiting[node] = deque()

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Take the collection of a worker. Raises UsageError if it differs from that of another worker."""
        if self._collection and list(collection) != self._collection:
            raise pytest.UsageError(
                "the workers collected different tests: parameters and ids must not depend on chance, time or the "
                "order of a set."
            )
        self._collection = list(collection)
        self._ready.append(node)

    def schedule(self) -> None:
        """Give every new worker its share."""
        for node in self._ready:
            if node in self._started or node not in self._pending:
                continue
            self._started.add(node)
            share = self._shards.share_taken_by(node)
            self._waiting[node].extend(i for i in range(len(self._collection)) if share.includes(i))
            self._hand_out(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Note that a worker has run an item, and hand out more."""
        self._pending[node].remove(item_index)
        if len(self._pending[node]) <= self._ahead // 2:
            self._hand_out(node)

    def mark_test_pending(self, item: str) -> None:
        """Raise RuntimeError: only schedulers such as that of `--looponfail` use this part of the protocol."""
        raise RuntimeError("shares are fixed: no item is put back")

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Raise RuntimeError: only work stealing uses this part of the protocol."""
        raise RuntimeError("shares are fixed: no item is taken back")

    def remove_node(self, node: Any) -> str | None:
        """Remove a worker that is gone. Return the item that it was running, if any; its replacement gets the rest.

        Raises KeyError, as xdist expects it, for a worker that died before it was ready.
        """
        if node not in self._pending:
            self._shards.make_vacant(node)
            raise KeyError(node)
        pending, waiting = self._pending.pop(node), self._waiting.pop(node)
        if node in self._started and not pending:
            return None
        if node not in self._started or not self._shards.has_begun(node):
            self._shards.make_vacant(node)
            return None
        rest = [*pending, *waiting]
        noted = self._shards.last_noted(node)
        crashed = noted if noted in rest else pending[0]
        rest.remove(crashed)
        self._shards.make_vacant(node, rest)
        return self._collection[crashed]

    def _hand_out(self, node: Any) -> None:
        if node.shutting_down:  # a worker that shuts down would not run them
            return
        room = self._ahead - len(self._pending[node])
        chunk = [self._waiting[node].popleft() for _ in range(min(room, len(self._waiting[node])))]
        if chunk:
            self._pending[node].extend(chunk)
            node.send_runtest_some(chunk)
        if not self._waiting[node]:
            node.shutdown()  # a worker runs its last item only after this signal


class Shards:
    """The controller's plugin object for shares: gives each worker its share, and makes their scheduler."""

    def __init__(
        self, workers: int, *, most: int, started: float, servers: Mapping[str, Server] = MappingProxyType({})
    ) -> None:
        """`most` limits the number of shares: with fewer requests in flight than workers, some workers get none.

        `servers` are those that the pre-flight saw, by the label of the model.
        """
        self.workers = workers
        self.expected: set[Any] = set()
        """Workers that were given a share and have not begun to run."""
        total = min(workers, most)
        common: dict[str, Any] = {"total": total, "only": None, "started": started, "spent": 0.0}
        common["servers"] = {label: server.to_dict() for label, server in servers.items()}
        self._vacant = deque({**common, "number": number} for number in range(total))
        self._nothing = {**common, "number": 0, "only": []}
        self._states = TemporaryDirectory(prefix="mmlubench-")
        self._assigned = 0

    def assign(self, node: Any) -> None:
        """Write a share into the input of a new worker: a replacement gets the rest of a crashed worker's share."""
        share = self._vacant.popleft() if self._vacant else self._nothing
        file = Path(self._states.name) / str(self._assigned)
        worker_state.blank(file)
        self._assigned += 1
        node.workerinput[_SHARE] = dict(share)
        node.workerinput[_STATE] = str(file)
        if share is not self._nothing:
            self.expected.add(node)

    def share_taken_by(self, node: Any) -> Share:
        """Return the share of a worker that begins to run."""
        self.expected.discard(node)
        return share_of(node.workerinput)

    def make_vacant(self, node: Any, rest: list[int] | None = None) -> None:
        """Make a crashed worker's share vacant: the cases `rest`, or all of it if the worker never began."""
        share = node.workerinput[_SHARE]
        only = share["only"] if rest is None else rest
        self.expected.discard(node)
        if only != []:
            # The file says 0 for a worker that never began, and for one on another host, which cannot write it.
            spent = max(share["spent"], worker_state.spent(Path(node.workerinput[_STATE])))
            self._vacant.append({**share, "only": only, "spent": spent})

    def has_begun(self, node: Any) -> bool:
        """Return whether a worker began to run the items that it was given; True if it is not known."""
        return worker_state.has_begun(Path(node.workerinput[_STATE]))

    def last_noted(self, node: Any) -> int | None:
        """Return the position of the case that a crashed worker ran last; None if it is not known."""
        return worker_state.last_noted(Path(node.workerinput[_STATE]))

    def waits(self) -> dict[str, Wait]:
        """Return what the requests of all workers wait for, by model."""
        files = Path(self._states.name).iterdir()
        return joined(unpacked(content) for file in files if (content := worker_state.waits(file)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Called by xdist when a worker has ended or crashed: it waits for nothing any more."""
        if _STATE in node.workerinput:
            worker_state.forget_waits(Path(node.workerinput[_STATE]))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Called by xdist for each worker, before it starts."""
        self.assign(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> ShardScheduling:
        """Called by xdist: shares are fixed, whatever `--dist` says."""
        return ShardScheduling(config, self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Called by pytest when the run is over or interrupted: workers must send no more requests."""
        for file in Path(self._states.name).iterdir():
            worker_state.stop(file)

    def pytest_unconfigure(self) -> None:
        """Called by pytest at the very end."""
        self._states.cleanup()
