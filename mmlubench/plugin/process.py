"""One pytest process that asks: its run, the cases in pytest's order, and the look-ahead over them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from math import ceil
from typing import Any

import pytest

from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import StoreError, UserError
from mmlubench.figures import several
from mmlubench.models.base import Model
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.plugin.cases import Case
from mmlubench.plugin.overrides import Overrides, check_options
from mmlubench.plugin.own_parts import NotingSolver, OwnModel, OwnSolver
from mmlubench.plugin.private_pytest import ComparisonOff, will_run
from mmlubench.plugin.template import Template
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.run.roster import OWN
from mmlubench.run.run import Run
from mmlubench.run.share import Share
from mmlubench.run.strategy import Strategy
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
        self._unexplained = ComparisonOff()
        self._plain_solvers: dict[tuple[str, str], Solver] = {}

    # -- the tests that are collected ----------------------------------------------------------------------------

    def template(self, item: pytest.Function, benchmark: str) -> Template:
        """Return what the cases of a test function share. Raises UserError for fixtures that cannot work."""
        template = Template(item, benchmark)
        template.recipe = _own_recipe(template.overrides, self.run.strategy)
        return template

    def labels(self, template: Template) -> list[str]:
        """Return the models that a test is multiplied by: those of --model, unless it asks one of its own."""
        return list(self.run.roster.specs) if template.overrides.uses_model else [OWN]

    # -- what a case needs (cases.CaseProcess) -------------------------------------------------------------------

    def model(self, label: str) -> Model:
        """Return the model under test, with all layers around it. Raises UserError where none is asked."""
        if label == OWN and OWN not in self.run.roster.specs:
            raise UserError(
                "a fixture of your own asks `model` and was not seen to request it: "
                "take it as an argument of the fixture."
            )
        return self.run.roster.model(label)

    def solver(self, label: str, benchmark: str, outcome: CaseOutcome) -> Solver:
        """Return the solver of the options, which notes the answers it gives to one case."""
        solve = self.run.solver(label, benchmark)

        async def solver(question: Question) -> Answer:
            outcome.answer = await solve(question)
            return outcome.answer

        return solver

    def plain_solver(self, label: str, benchmark: str, model: Model | None) -> Solver:
        """Return the solver of the options for a fixture of the user's own to call: a question is put once."""
        if model is not None:
            return self.run.plain_solver(label, benchmark, model)
        if (label, benchmark) not in self._plain_solvers:
            self.model(label)  # whether there is one to ask
            self._plain_solvers[label, benchmark] = self.run.plain_solver(label, benchmark)
        return self._plain_solvers[label, benchmark]

    def noting(self, solver: Any, where: str, outcome: CaseOutcome) -> Solver:
        """Return a solver of the user's own, which is put a question as often as the options say, and noted as ours."""
        asked = OwnSolver(solver, where) if where else solver
        return NotingSolver(self.run.strategy.repeated(asked), outcome, solver)

    def own_model(self, model: Any, template: Template) -> Model:
        """Return a model of the user's own; where it does not ask ours, its requests are logged as ours are."""
        return OwnModel(model, template.overrides.model, None if template.overrides.uses_model else OWN)

    def wait_for(self, case: Case) -> CaseOutcome:
        """Return the result of a case, running many others meanwhile."""
        if self._lookahead is None:
            self._lookahead = self._start()
        with self._unexplained if case.question is not None else nullcontext():
            outcome = self._lookahead.result(case.job)
        self.reading = outcome
        self._keep(case, outcome)
        return outcome

    def facts_to_tell(self) -> dict[str, object]:
        """The facts of the data, once: a worker tells the controller with its first case."""
        told, self._told = self._told, True
        return {} if told else self.run.facts()

    # -- asking ahead --------------------------------------------------------------------------------------------

    def plan(self, items: Sequence[pytest.Item]) -> None:
        """Take the cases in pytest's final order; those of this process will be asked ahead of time.

        Raises UserError for an option that none of them heeds.
        """
        for order, item in enumerate(items):
            if isinstance(item, Case):
                item.order = order
                self.cases.append(item)
                if item.question is not None:
                    template = item.template
                    self.run.select(
                        item.label, item.question, template.recipe, scored=template.overrides.uses_solver
                    )
        check_options(self.run.settings, (template.overrides for template in self._templates))
        # Cases and questions live until the end: the garbage collector need not look through them again and again.
        gc.freeze()

    def settle_scoring(self) -> None:
        """Find out how each model is scored. Raises ModelError if it cannot be done."""
        if not self.run.must_settle_scoring:
            return
        if self._lookahead is None:
            self._lookahead = self._start()
        self._lookahead.loop.run_until_complete(self.run.settle_scoring())

    def notices(self) -> list[str]:
        """Return what is said, once, of tests that ask something of the user's own, or one case at a time."""
        recipe = self.run.strategy.name
        own = [t.overrides.notice(t.item.originalname, recipe) for t in self._templates]
        slow = [
            f"mmlubench: {t.item.originalname} asks one case at a time, without look-ahead: "
            f"it uses {', '.join(t.single)}, made anew for every case"
            for t in self._templates
            if not t.looks_ahead
        ]
        return list(dict.fromkeys(filter(None, (*own, *slow))))

    def quote_lines(self) -> list[str]:
        """Return what --estimate prints in place of asking."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.run.estimate import quote_lines

        unknown = sum(case.question is None or bool(case.template.recipe) for case in self.cases)
        # What a test, or a solver, of the user's own will ask shows only when it runs.
        told = f"not estimated: {several(unknown, 'case')} of tests that ask a model by themselves, as dialogues do"
        return [*quote_lines(self.run), *([told] if unknown else ())]

    @property
    def _templates(self) -> list[Template]:
        return list(dict.fromkeys(case.template for case in self.cases))

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


def _own_recipe(own: Overrides, strategy: Strategy) -> str:
    """What figures go by where a test has fixtures of the user's own; empty where it has none."""
    if not own.name:
        return ""
    if not own.uses_solver:
        return ", ".join((own.name, *strategy.repeats()))
    return f"{own.name} over {strategy.name}" if own.solver else f"{strategy.name}, {own.name}"
