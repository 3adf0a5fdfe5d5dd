"""The share of one process in a run: which cases it asks, and which part of the limits it may use."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Share:
    """One process's part of a run; without arguments, all of it."""

    number: int = 0
    total: int = 1
    only: frozenset[int] | None = None
    """The share of a worker that replaces a crashed one: exactly these positions."""
    known: bool = True
    """False where another plugin schedules the cases: then none may be asked ahead, it might be another worker's."""
    started: float = field(default_factory=time.time)
    """When the run began, in Unix seconds."""
    spent: float = 0.0
    """US dollars of this share's part of --max-cost that are gone, as crashed workers before this one noted."""

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Share:
        """Read what a controller told a worker: the fields of a share, `only` as a list."""
        only = told["only"]
        return cls(**{**told, "only": None if only is None else frozenset(only)})

    def includes(self, position: int) -> bool:
        """Whether the case at this position of the collection is this process's own."""
        if not self.known:
            return False
        return position in self.only if self.only is not None else position % self.total == self.number

    def of(self, limit: int) -> int:
        """Return the part of this process in a limit of the whole run, at least 1."""
        return max(1, limit // self.total + (self.number < limit % self.total))
