"""The share of one process in a run: the cases that it asks, and its part of the limits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmlubench.models.serving.server import Server


@dataclass(frozen=True)
class Share:
    """One process's part of a run; without arguments, all of it."""

    number: int = 0
    total: int = 1
    only: frozenset[int] | None = None
    """The positions of the cases of a worker that replaces a crashed one; None for every `total`-th case."""
    known: bool = True
    """False if another plugin schedules the cases: none may be asked ahead then, as it may belong to another worker."""
    started: float = field(default_factory=time.time)
    """When the run began, in Unix seconds."""
    spent: float = 0.0
    """US dollars of this share's part of --max-cost that crashed workers before this one have spent."""
    servers: Mapping[str, Server] = field(default_factory=dict)
    """The servers as the controller's pre-flight saw them, by the label of the model."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Share:
        """Make a share from its fields as a controller sends them to a worker: plain values, `only` a list."""
        only = values["only"]
        servers = {label: Server.from_dict(server) for label, server in values["servers"].items()}
        return cls(**{**values, "only": None if only is None else frozenset(only), "servers": servers})

    def includes(self, position: int) -> bool:
        """Whether the case at this position of the collection belongs to this process."""
        if not self.known:
            return False
        return position in self.only if self.only is not None else position % self.total == self.number

    def of(self, limit: int) -> int:
        """Return this process's part of a limit of the whole run, at least 1."""
        return max(1, limit // self.total + (self.number < limit % self.total))
