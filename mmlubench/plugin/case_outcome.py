"""The outcome of running a case's coroutine."""

from __future__ import annotations

from dataclasses import dataclass

from mmlubench.engine.journal import Journal
from mmlubench.schema import Answer


@dataclass(slots=True)
class CaseOutcome:
    """The requests of a case, the answer of its solver, and the error that its code raised."""

    journal: Journal
    answer: Answer | None = None
    """The last answer that a solver gave to this case."""
    error: BaseException | None = None
    began: bool = True
    """False if a mark or a fixture ended the case before its own code ran."""
