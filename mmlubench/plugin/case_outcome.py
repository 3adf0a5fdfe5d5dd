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
    runs: int = 1
    """How often the case was run until this outcome; the journal has the requests of all these runs."""

    def follow(self, earlier: CaseOutcome) -> None:
        """Take over what an earlier run of the case has asked, as another plugin has run the case once more."""
        earlier.journal.absorb(self.journal)
        self.journal = earlier.journal
        self.runs += earlier.runs
