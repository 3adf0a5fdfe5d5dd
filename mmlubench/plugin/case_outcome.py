"""What came of running a case's coroutine."""

from __future__ import annotations

from dataclasses import dataclass

from mmlubench.engine.journal import Journal
from mmlubench.schema import Answer


@dataclass(slots=True)
class CaseOutcome:
    """What a case asked, what a solver answered, and what its code raised."""

    journal: Journal
    answer: Answer | None = None
    """The last answer a solver gave to this case."""
    error: BaseException | None = None
    began: bool = True
    """False when a mark or a fixture ended the case before its own code ran."""
