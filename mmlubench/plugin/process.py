"""One pytest process that asks: its run, the cases in pytest's order, and the look-ahead over them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from math import ceil

import pytest
from _pytest.assertion import util

from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import StoreError
from mmlubench.models.base import Model
from mmlubench.plugin.cases import Case, CaseOutcome, will_run
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.run.run import Run
from mmlubench.run.share import Share
from mmlubench.schema import Answer, Question
from mmlubench.settings import Settings
from mmlubench.solvers import Solver

#: Finished cases that may wait to be read, as a multiple of the concurrency: one slow reply must not stop the rest.
_BACKLOG = 32


class Process:
    """What pytest's hooks need in order to ask; `state` is where a worker of xdist notes what it does."""

    def __init__(self, config: pytest.Config, share: Share, state: WorkerState | None) -> None:
        self.worker_state = state
        self.run = Run(
            Settings.read(config.option), share, note_spent=state.note_spent if state is not None else None
        )
        self.cases: list[Case] = []
        self.on_tick: Callable[[], object] = lambda: None
        self.reading: CaseOutcome | None = None
        """Read and not yet reported: a Ctrl-C may come in between."""
        self._stops_early = bool(config.getvalue("maxfail"))
        self._lookahead: LookAhead[CaseOutcome] | None = None
        self._told = False

    # -- what a case needs (cases.Host) --------------------------------------------------------------------------

    def model(self, label: str) -> Model:
        """The model under test, with all layers around it."""
        return self.run.roster.model(label)

    def solver(self, label: str, benchmark: str, outcome: CaseOutcome) -> Solver:
        """The strategy of this run, noting the answers it gives to one case."""
        solve = self.run.solver(label, benchmark)

        async def solver(question: Question) -> Answer:
            outcome.answer = await solve(question)
            return outcome.answer

        return solver

    def wait_for(self, case: Case) -> CaseOutcome:
        """The result of a case, running many others meanwhile."""
        if self._lookahead is None:
            self._lookahead = self._start()
        # pytest would draw a character-by-character diff of the two letters for every wrong answer, and nobody sees it.
        compare = util._reprcompare
        if case.question is not None:
            util._reprcompare = None
        try:
            outcome = self._lookahead.result(case.job)
        finally:
            util._reprcompare = compare
        self.reading = outcome
        self._keep(case, outcome)
        return outcome

    def facts_to_tell(self) -> dict[str, object]:
        """The facts of the data, once: a worker tells the controller with its first case."""
        told, self._told = self._told, True
        return {} if told else self.run.facts()

    # -- asking ahead --------------------------------------------------------------------------------------------

    def plan(self, items: Sequence[pytest.Item]) -> None:
        """Take the cases in pytest's final order; those of this process will be asked ahead of time."""
        for order, item in enumerate(items):
            if isinstance(item, Case):
                item.order = order
                self.cases.append(item)
                if item.question is not None:
                    self.run.select(item.label, item.question)
        # Cases and questions live until the end: the garbage collector need not look through them again and again.
        gc.freeze()

    def settle_scoring(self) -> None:
        """Find out how each model is scored. Raises ModelError if it cannot be done."""
        if not self.run.must_settle_scoring:
            return
        if self._lookahead is None:
            self._lookahead = self._start()
        self._lookahead.loop.run_until_complete(self.run.settle_scoring())

    def slow_lines(self) -> list[str]:
        """What is said, once, of each test whose cases cannot be asked ahead of time."""
        slow = dict.fromkeys(case.template for case in self.cases if not case.template.looks_ahead)
        return [
            f"mmlubench: {t.item.originalname} asks one case at a time, without look-ahead: "
            f"it uses {', '.join(t.single)}, made anew for every case"
            for t in slow
        ]

    def close(self, drain_s: float) -> list[CaseOutcome]:
        """End everything; returns what was asked and not graded, answered or not.

        What is under way gets `drain_s` seconds to end; what waits for its turn is not asked any more.
        """
        if self._lookahead is None:
            return []
        self.run.roster.stop_asking()
        unread = self._lookahead.close(*self.run.roster.closing(), drain_s=drain_s)
        return unread if self.reading is None else [self.reading, *unread]

    def _start(self) -> LookAhead[CaseOutcome]:
        # Of agents that speak at once fewer questions fill the connections: what is begun is to be finished soon.
        at_once = self.run.strategy.at_once
        width = ceil(self.run.roster.concurrency / at_once) + (at_once > 1)
        lookahead: LookAhead[CaseOutcome] = LookAhead(
            width, backlog=0 if self._stops_early else _BACKLOG * width
        )
        lookahead.plan(self._jobs())
        lookahead.every(0.2, lambda: self.on_tick())
        return lookahead

    def _jobs(self) -> Iterable[Job[CaseOutcome]]:
        own = (c for c in self.cases if c.template.looks_ahead and self.run.share.includes(c.order))
        return (case.job for case in own if will_run(case))

    def _keep(self, case: Case, outcome: CaseOutcome) -> None:
        """See to it that what was answered is in the store before the case is reported; else end the run after it."""
        trouble = outcome.error if isinstance(outcome.error, StoreError) else None
        try:
            if self.run.roster.store is not None:
                self.run.roster.store.flush()
        except StoreError as error:
            trouble = error
        if trouble is not None:
            case.session.shouldstop = str(trouble)
