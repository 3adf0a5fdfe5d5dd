"""What one process knows of the run: who answers, what is asked, and the look-ahead over both."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from _pytest.assertion import util

from mmlubench import models
from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import StoreError
from mmlubench.models.base import Model
from mmlubench.plugin.cases import Case, CaseOutcome, will_run
from mmlubench.plugin.xdist.scheduling import Share
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.run.data import RunData
from mmlubench.run.roster import Roster
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Answer, Question, Scoring
from mmlubench.settings import Settings
from mmlubench.solvers import Solver

#: Finished cases that may wait to be read, as a multiple of the concurrency: one slow reply must not stop the rest.
_BACKLOG = 32


class Bench:
    """The state of one process. Everything is made on first use: a run that asks no model pays for nothing."""

    def __init__(self, config: pytest.Config, share: Share) -> None:
        self.settings = Settings.read(config.option)
        self.share = share
        self.worker_state = _worker_state(share.box)
        note_spent = self.worker_state.note_spent if self.worker_state else None
        self.roster = Roster(self.settings, share, note_spent)
        self.strategy = Strategy(self.settings)
        self.data = RunData(self.settings, self.roster, self.strategy)
        self.cases: list[Case] = []
        self.on_tick: Callable[[], object] = lambda: None
        self.reading: CaseOutcome | None = None
        """Read and not yet reported: a Ctrl-C may come in between."""
        self._stops_early = bool(config.getvalue("maxfail"))
        self._solvers: dict[tuple[str, str], Solver] = {}
        self._scoring: dict[str, Scoring] = {}
        """How each model is scored, once that was found out."""
        self._lookahead: LookAhead[CaseOutcome] | None = None
        self._told = False

    # -- what a case needs (cases.Host) --------------------------------------------------------------------------

    def model(self, label: str) -> Model:
        """The model under test, with all layers around it."""
        return self.roster.model(label)

    def solver(self, label: str, benchmark: str, played: CaseOutcome) -> Solver:
        """The strategy of this run, noting the answers it gives to one case."""
        if (label, benchmark) not in self._solvers:
            examples = self.data.examples(benchmark)
            seats, scoring = self.roster.seats(label), self._scoring.get(label, Scoring.TEXT)
            self._solvers[label, benchmark] = self.strategy.solver(seats, scoring, examples)
        solve = self._solvers[label, benchmark]

        async def solver(question: Question) -> Answer:
            played.answer = await solve(question)
            return played.answer

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
            played = self._lookahead.result(case.job)
        finally:
            util._reprcompare = compare
        self.reading = played
        self._keep(case, played)
        return played

    def facts(self) -> dict[str, Any]:
        """What is known of the data of each benchmark, and how many cases were selected for each model."""
        selected = Counter((c.template.benchmark, c.label) for c in self.cases if c.question is not None)
        return {
            name: {**facts, "cases": {label: n for (of, label), n in selected.items() if of == name}}
            for name, facts in self.data.facts().items()
        }

    def facts_to_tell(self) -> dict[str, Any]:
        """The facts, once: a worker tells the controller with its first case."""
        told, self._told = self._told, True
        return {} if told else self.facts()

    # -- asking ahead --------------------------------------------------------------------------------------------

    def plan(self, items: Sequence[pytest.Item]) -> None:
        """Take the cases in pytest's final order; those of this process will be asked ahead of time."""
        for order, item in enumerate(items):
            if isinstance(item, Case):
                item.order = order
                self.cases.append(item)
        # Cases and questions live until the end: the garbage collector need not look through them again and again.
        gc.freeze()

    def settle_scoring(self) -> None:
        """Find out how each model is scored; a server may have to be asked. Raises ModelError if it cannot be done."""
        asked = self.strategy.scoring
        for label in dict.fromkeys(case.label for case in self.cases if case.question is not None):
            spec = self.roster.specs[label]
            if asked is not Scoring.TEXT:
                if self._lookahead is None:
                    self._lookahead = self._start()
                chosen = models.choose_scoring(self.model(label), spec, asked)
                self._scoring[label] = self._lookahead.loop.run_until_complete(chosen)
            elif self.strategy.is_raw:
                models.check_raw(spec)

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
        self.roster.stop_asking()
        unread = self._lookahead.close(*self.roster.closing(), drain_s=drain_s)
        return unread if self.reading is None else [self.reading, *unread]

    def _start(self) -> LookAhead[CaseOutcome]:
        # Of agents that speak at once fewer questions fill the connections: what is begun is to be finished soon.
        width = ceil(self.roster.concurrency / self.strategy.at_once) + (self.strategy.at_once > 1)
        lookahead: LookAhead[CaseOutcome] = LookAhead(
            width, backlog=0 if self._stops_early else _BACKLOG * width
        )
        lookahead.plan(self._jobs())
        lookahead.every(0.2, self.on_tick)
        return lookahead

    def _jobs(self) -> Iterable[Job[CaseOutcome]]:
        own = (c for c in self.cases if c.template.looks_ahead and self.share.includes(c.order))
        return (case.job for case in own if will_run(case))

    def _keep(self, case: Case, played: CaseOutcome) -> None:
        """See to it that what was answered is in the store before the case is reported; else end the run after it."""
        trouble = played.error if isinstance(played.error, StoreError) else None
        try:
            if self.roster.store is not None:
                self.roster.store.flush()
        except StoreError as error:
            trouble = error
        if trouble is not None:
            case.session.shouldstop = str(trouble)


def _worker_state(file: str) -> WorkerState | None:
    """Only workers have one, and only on the controller's own host."""
    try:
        return WorkerState(Path(file)) if file else None
    except OSError:
        return None
