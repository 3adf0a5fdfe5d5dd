"""The outcome of running a case's coroutine."""

from __future__ import annotations

from dataclasses import dataclass

from mmlubench.engine.journal import Journal
from mmlubench.models.http.byte_limit import UNCOUNTED, WAITING, Size
from mmlubench.schema import Answer

#: A reply is in memory as its line in the log and as the text of its answer.
_TIMES = 2


@dataclass(slots=True)
class CaseOutcome:
    """The requests of a case, the answer of its solver, and the error that its code raised."""

    journal: Journal
    answer: Answer | None = None
    """The last answer that a solver gave to this case."""
    error: BaseException | None = None
    size: Size | None = None
    """The room that long replies take until the outcome is read."""
    began: bool = True
    """False if a mark or a fixture ended the case before its own code ran."""
    runs: int = 1
    """How often the case was run until this outcome; the journal has the requests of all these runs."""

    def follow(self, earlier: CaseOutcome) -> None:
        """Take over what an earlier run of the case has asked, as another plugin has run the case once more."""
        earlier.journal.absorb(self.journal)
        self.journal = earlier.journal
        self.runs += earlier.runs

    def ended(self) -> None:
        """Count the replies of a case that has ended: it may have to wait for long until it is read."""
        size = sum(map(len, self.journal.responses))
        if size > UNCOUNTED:
            self.size = Size(WAITING)
            self.size.hold(_TIMES * size)

    def was_read(self) -> None:
        """Give the room back."""
        if self.size is not None:
            self.size.release()
