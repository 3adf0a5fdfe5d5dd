"""What a worker tells the controller when it ends, beside the reports of its cases."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: Under which name it travels in xdist's `workeroutput`.
_NAME = "mmlubench"


@dataclass
class WorkerOutput:
    """What one worker tells, or several together; all values are of types that xdist can carry."""

    problem: str = ""
    """What was wrong with the user's options or tests, so that nothing was asked."""
    trouble: str = ""
    """Why not everything could be written."""
    benchmarks: list[str] = field(default_factory=list)
    """The benchmarks that were found, selected or not."""
    notices: list[str] = field(default_factory=list)
    """What is to be said of the tests: each worker says the same, and it is told once."""
    ungraded: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Lines of requests and responses that were asked for and never graded, as the run was stopped."""

    @classmethod
    def of(cls, output: Mapping[str, Any]) -> WorkerOutput:
        """Read what a worker told; nothing where it crashed, or saw no benchmark."""
        return cls(**output.get(_NAME, {}))

    def tell(self, output: MutableMapping[str, Any]) -> None:
        """Write it into a worker's `workeroutput`, in place of what was told before."""
        output[_NAME] = asdict(self)

    def add(self, other: WorkerOutput) -> None:
        """Take over what another worker told."""
        self.problem = self.problem or other.problem
        self.trouble = self.trouble or other.trouble
        self.benchmarks += (name for name in other.benchmarks if name not in self.benchmarks)
        self.notices += (line for line in other.notices if line not in self.notices)
        self.ungraded += other.ungraded
