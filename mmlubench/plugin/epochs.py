"""The epochs of a question, told from one another."""

from __future__ import annotations

from mmlubench.engine.journal import current_epoch, current_journal
from mmlubench.schema import Answer, Question
from mmlubench.solvers import Solver


class Epoch:
    """A solver that `Repeated` calls once for each epoch, in order; the requests of each call bear its number."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver

    async def __call__(self, question: Question) -> Answer:
        """Solve the question. Raises what the solver raises."""
        journal = current_journal.get()
        number = journal.count(("epoch", question.id)) if journal else 0
        token = current_epoch.set(number)
        try:
            return await self._solver(question)
        finally:
            current_epoch.reset(token)
