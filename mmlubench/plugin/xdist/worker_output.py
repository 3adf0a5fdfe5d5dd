"""The output of a worker: what it sends to the controller when it ends, besides the reports of its cases."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: The key of the output in xdist's `workeroutput`.
_NAME = "mmlubench"


@dataclass
class WorkerOutput:
    """The output of one worker, or of several together; all values are of types that xdist can carry."""

    problem: str = ""
    """The error in the user's options or tests because of which nothing was asked."""
    trouble: str = ""
    """The error because of which something could not be written."""
    benchmarks: list[str] = field(default_factory=list)
    """The benchmarks that were found, selected or not."""
    notices: list[str] = field(default_factory=list)
    """Notices about the tests: each worker sends the same, and they are shown once."""
    ungraded: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Log lines of requests and responses that were not graded because the run was stopped."""

    data: dict[str, Any] = field(default_factory=dict)
    """The facts of the data, in a shard of a run: it may have no case that brings them."""
    cut: dict[str, Any] = field(default_factory=dict)
    """The facts of all shards together."""

    @classmethod
    def read_from(cls, output: Mapping[str, Any]) -> WorkerOutput:
        """Read the output from a `workeroutput`; it is empty if the worker crashed or saw no benchmark."""
        return cls(**output.get(_NAME, {}))

    def write_to(self, output: MutableMapping[str, Any]) -> None:
        """Write the output into a worker's `workeroutput`, in place of an earlier one."""
        output[_NAME] = asdict(self)

    def add(self, other: WorkerOutput) -> None:
        """Add the output of another worker."""
        self.problem = self.problem or other.problem
        self.trouble = self.trouble or other.trouble
        self.benchmarks += (name for name in other.benchmarks if name not in self.benchmarks)
        self.notices += (line for line in other.notices if line not in self.notices)
        self.ungraded += other.ungraded
        self.data, self.cut = self.data or other.data, self.cut or other.cut
