"""One pytest process that asks models: its run, the cases in pytest's order, and the look-ahead over them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from math import ceil
from typing import Any

import pytest

from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import AwaitsBatch, StoreError, UserError
from mmlubench.figures import several
from mmlubench.models.base import Model
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.plugin.cases import Asked, Case
from mmlubench.plugin.cut import Cut
from mmlubench.plugin.overrides import check_options
from mmlubench.plugin.own_parts import OwnModel, OwnSolver, RecordingSolver
from mmlubench.plugin.private_pytest import ComparisonOff, will_run
from mmlubench.plugin.repeats import repeated, tell_apart
from mmlubench.plugin.template import Template
from mmlubench.plugin.time_limit import TimeLimit
from mmlubench.plugin.xdist.waits import packed
from mmlubench.plugin.xdist.worker_state import WAITS_BYTES, WorkerState
from mmlubench.run.roster import OWN
from mmlubench.run.run import Run
from mmlubench.run.sharding import resolved
from mmlubench.run.share import Share
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Answer, Completion, Question
from mmlubench.settings import Settings
from mmlubench.solvers import Solver

#: Finished cases that may wait to be read, as a multiple of the concurrency: one slow reply must not stop the rest.
_BACKLOG = 32


class Process:
    """The run, cases and look-ahead of one process; `state` is the state file of an xdist worker."""

    def __init__(self, config: pytest.Config, share: Share, state: WorkerState | None) -> None:
        self.worker_state = state
        settings = resolved(Settings.read(config.option), os.environ)
        self.run = Run(settings, share, note_spent=state.note_spent if state is not None else None)
        self.cut = Cut(self.run.shard) if self.run.shard is not None else None
        """Which cases are those of this shard; None for a run that is not cut."""
        self.shard_facts: tuple[dict[str, Any], dict[str, Any]] = {}, {}
        """The facts of the data, and those of all shards together (`Cut.facts`), once they are known in a shard."""
        self.made: Counter[str] = Counter()
        """The number of cases with questions that were made, by benchmark, whether they are run or not."""
        self.cases: list[Case] = []
        self.on_tick: Callable[[], object] = self._note_waits
        self.reading: CaseOutcome | None = None
        """The outcome that was read but not reported yet: a Ctrl-C may come in between."""
        self.limit: TimeLimit | None = None
        """The time that another plugin gives the test which runs."""
        self._reading_of: Case | None = None
        self._stops_early = bool(config.getvalue("maxfail"))
        self._lookahead: LookAhead[CaseOutcome] | None = None
        self._facts_reported = False
        self._comparison_off = ComparisonOff(Question, Answer, Completion)
        self._plain_solvers: dict[tuple[str, str], Solver] = {}

    # -- the tests that are collected ----------------------------------------------------------------------------

    def template(self, item: pytest.Function, benchmark: str) -> Template:
        """Return the template of a test function's cases. Raises UserError for fixtures that cannot work."""
        template = Template(item, benchmark)
        template.recipe = _own_recipe(template, self.run.strategy)
        return template

    def labels(self, template: Template) -> list[str]:
        """Return the labels of the models that a test is multiplied by: those of --model, or that of its own model."""
        return list(self.run.roster.specs) if template.overrides.uses_model else [OWN]

    # -- the interface for cases (cases.CaseProcess) -------------------------------------------------------------

    def model(self, label: str) -> Model:
        """Return the model under test, with all layers around it. Raises UserError if no model of --model is asked."""
        if label == OWN and OWN not in self.run.roster.specs:
            raise UserError(
                "a fixture of your own asks `model`, which is not among its arguments: "
                "take `model` as an argument of the fixture."
            )
        return self.run.roster.model(label)

    def solver(self, label: str, benchmark: str, outcome: CaseOutcome) -> Solver:
        """Return the solver of the options, which records its last answer in the outcome of one case."""
        solve = self.run.solver(label, benchmark)

        async def solver(question: Question) -> Answer:
            outcome.answer = await solve(question)
            return outcome.answer

        return solver

    def plain_solver(self, label: str, benchmark: str, model: Model | None) -> Solver:
        """Return the solver of the options without epochs, for a user's own fixture to call."""
        if model is not None:
            return self.run.plain_solver(label, benchmark, model)
        if (label, benchmark) not in self._plain_solvers:
            self.model(label)  # raises an error if there is no model to ask
            self._plain_solvers[label, benchmark] = self.run.plain_solver(label, benchmark)
        return self._plain_solvers[label, benchmark]

    def recording_solver(self, solver: Any, where: str, outcome: CaseOutcome) -> Solver:
        """Return a user's own solver with epochs as the options want them, which records its answers in `outcome`."""
        asked = OwnSolver(solver, where) if where else solver
        return RecordingSolver(self.run.strategy.repeated(asked), outcome, solver)

    def own_model(self, model: Any, template: Template) -> Model:
        """Return a model of the user's own; its requests are logged, unless it asks our model, which logs them."""
        return OwnModel(model, template.overrides.model, None if template.overrides.uses_model else OWN)

    def wait_for(self, case: Case) -> CaseOutcome:
        """Return the outcome of a case, running many others meanwhile."""
        if self._lookahead is None:
            self._lookahead = self._start()
        limit = self.limit if self.limit is not None and self.limit.item is case else None
        with self._comparison_off if case.has_question else nullcontext():
            outcome = self._lookahead.result(case.job, None if limit is None else limit.take_over())
        if limit is not None:
            limit.judge(outcome)
        if self.worker_state is not None:
            self.worker_state.note()  # a crash from here on is not that of the case that went on last
        outcome.was_read()
        self._read(case, outcome)
        self._keep(case, outcome)
        return outcome

    def why_enough(self, case: Case) -> str:
        """Return the reason for which --until or --decide-early needs no answer to a case; empty if there is none."""
        stopping = self.run.stopping
        if not stopping.is_wanted:
            return ""
        asking = (case.template.benchmark, case.label, case.template.recipe)
        told = asking in stopping.enough or (
            self.worker_state is not None and self.worker_state.has_enough(asking)
        )
        return stopping.why if told and case.has_question else ""

    def place(self, case: Case) -> int:
        """Return the place of a case in the run as a whole, of which this may be a shard."""
        return case.order if self.cut is None else self.cut.place(case)

    def new_facts(self) -> dict[str, object]:
        """Return the facts of the data at the first call only: a worker sends them with its first case."""
        reported, self._facts_reported = self._facts_reported, True
        return {} if reported else self.run.facts()

    # -- asking ahead --------------------------------------------------------------------------------------------

    def plan(self, items: list[pytest.Item], left_out_by: str) -> None:
        """Take the cases in pytest's final order; those of this process will be asked ahead of time.

        `left_out_by` names options that may have left out cases. Those of another shard are taken out of `items`.
        Raises UserError for a question that is asked twice, and for an option that has no effect on any case.
        """
        if self.cut is not None:
            self.made -= Counter(case.template.benchmark for case in self.cut.settle(items))
        for order, item in enumerate(items):
            if isinstance(item, Case):
                if item.order >= 0:
                    raise repeated(item, item)
                item.order = order
                self.cases.append(item)
        for benchmark, (kept, made) in self._counts(left_out_by).items():
            if 0 < kept < made:
                self.run.data.note_part(benchmark, kept, made, left_out_by)
        tell_apart(self.cases if self.cut is None else self.cut.all_cases(), self.run.strategy.name)
        for case in self.cases:
            if case.has_question:
                template = case.template
                self.run.select(
                    case.label, template.benchmark, template.recipe, scored=template.overrides.uses_solver
                )
        if self.cut is None:
            templates, has_questions = self._templates, any(case.has_question for case in self.cases)
        else:  # an option that has an effect in another shard is given to all of them
            templates, has_questions = self.cut.templates, self.cut.has_questions
        if self.run.settings.batch or self.run.settings.batch_requests:
            _refuse_own_models(self._templates)
        check_options(
            self.run.settings, (template.overrides for template in templates), has_questions=has_questions
        )

    def _counts(self, left_out_by: str) -> dict[str, tuple[int, int]]:
        """Return how many cases of each benchmark are run, and how many were made: for a shard, those of all shards.

        Raises UserError if a test of a shard is run in part.
        """
        if self.cut is not None:
            self.cut.check_whole(self.cases, left_out_by or "an argument or plugin")
            return self.cut.counts()
        kept = Counter(case.template.benchmark for case in self.cases)
        return {benchmark: (kept[benchmark], made) for benchmark, made in self.made.items()}

    def check_siblings(self) -> None:
        """Take note of the facts of a shard. Raises UserError if a finished shard beside it is of another run."""
        if self.cut is None:
            return
        # late: only a run that is cut into shards needs it
        from mmlubench.run.shard_folder import check_siblings, identity

        self.shard_facts = data, cut = self.run.facts(), self.cut.facts()
        check_siblings(self.run, identity(self.run, data, cut))

    def settle_scoring(self) -> None:
        """Choose how each model is scored. Raises ModelError if no way works."""
        if not self.run.must_settle_scoring:
            return
        if self._lookahead is None:
            self._lookahead = self._start()
        try:
            self._lookahead.loop.run_until_complete(self.run.settle_scoring())
        except AwaitsBatch:
            raise UserError(
                f"--batch: --scoring {self.run.strategy.scoring} has to be tried at this server first: run once "
                "with --limit 1 and without --batch, which stores the reply of the trial."
            ) from None

    def notices(self) -> list[str]:
        """Return a line for each test with its own solver or model, or without look-ahead; and of too few files."""
        recipe = self.run.strategy.name
        own = [t.overrides.notice(t.item.originalname, recipe) for t in self._templates]
        slow = [
            f"mmlubench: {t.item.originalname} asks one case at a time, without look-ahead: "
            f"it uses {', '.join(t.single)}, made again for every case"
            for t in self._templates
            if not t.looks_ahead
        ]
        few = self.run.roster.concurrency_notice if self.cases else ""
        part = self.cut.notice if self.cut is not None and self.cut.has_cases else ""
        return list(
            dict.fromkeys(
                filter(
                    None,
                    (
                        part,
                        few,
                        self.run.stopping.notice,
                        *own,
                        *slow,
                        *self.run.scoring_notices,
                        *self.run.contaminated_notices,
                        *self._context_notices(),
                    ),
                )
            )
        )

    def _context_notices(self) -> list[str]:
        """Return a line for each model whose context window is too small for some of its questions."""
        roster = self.run.roster
        asked = [spec for label in self.run.labels for spec in roster.asked(label)]
        if not any(spec.context_window or spec.label in roster.servers for spec in asked):
            return []
        # late: runs with mocks know of no context window
        from mmlubench.run.context import context_notices

        return context_notices(self.run, self._asked())

    def _asked(self) -> dict[str, Asked]:
        """Return the questions that the solver of the options asks, by the label of the model."""
        asked: dict[str, list[Case]] = {}
        for case in self.cases:
            if case.has_question and case.template.is_rendered:
                asked.setdefault(case.label, []).append(case)
        return {label: Asked(cases) for label, cases in asked.items()}

    def quote_lines(self) -> list[str]:
        """Return the lines of --estimate."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.run.estimate import quote_lines

        unknown = sum(not (case.has_question and case.template.is_rendered) for case in self.cases)
        # The requests of a user's own test or solver are known only when it runs.
        rest = f"not estimated: {several(unknown, 'case')} of tests that ask a model by themselves, as dialogues do"
        early = "at most: --until or --decide-early may end the run before all is asked"
        return [
            *quote_lines(self.run, self._asked()),
            *([rest] if unknown else ()),
            *([early] if self.run.stopping.is_wanted else ()),
        ]

    @property
    def has_cases(self) -> bool:
        """Whether there is any case: a shard without one is as finished as any other."""
        return bool(self.cases) or (self.cut is not None and self.cut.has_cases)

    @property
    def _templates(self) -> list[Template]:
        return list(dict.fromkeys(case.template for case in self.cases))

    def close(self, drain_s: float) -> list[CaseOutcome]:
        """End all requests; return the outcomes of cases that were asked but not graded.

        Requests under way get `drain_s` seconds to end; requests that wait are not sent.
        """
        if self._lookahead is None:
            return []
        self.run.roster.stop_asking()
        if self.worker_state is not None:
            self.worker_state.note_waits(b"")
        unread = self._lookahead.close(*self.run.roster.closing(), drain_s=drain_s)
        if self.run.roster.allotted is not None:
            self.run.roster.allotted.write()
        return unread if self.reading is None else [self.reading, *unread]

    def _start(self) -> LookAhead[CaseOutcome]:
        width = self._width(self.run.roster.concurrency)
        # What is ahead of the case that ends a run was asked for nothing; and with no more than what is under way, the
        # same command asks the same questions, also where replies come from the store at once.
        ends_early = self._stops_early or self.run.stopping.is_wanted
        lookahead: LookAhead[CaseOutcome] = LookAhead(width, backlog=0 if ends_early else _BACKLOG * width)
        # A request that rests before another try leaves its place, so another case may begin in the meantime.
        self.run.roster.on_rest = lookahead.widen
        lookahead.plan(self._jobs())
        lookahead.every(0.2, lambda: self.on_tick())
        if self.run.roster.allotted is not None:
            self._obey_allotted(lookahead, width, 0 if ends_early else _BACKLOG)
        return lookahead

    def _width(self, concurrency: int) -> int:
        """Return how many cases are asked at once."""
        # Agents that speak at the same time fill the connections with fewer questions, which then finish sooner.
        at_once = self.run.strategy.at_once
        return ceil(concurrency / at_once) + (at_once > 1)

    def _obey_allotted(self, lookahead: LookAhead[CaseOutcome], width: int, backlog: int) -> None:
        """Let limits that are allotted to this shard while it runs change what is asked at once."""
        allotted = self.run.roster.allotted
        assert allotted is not None

        def resize(concurrency: int) -> None:
            nonlocal width
            by = self._width(concurrency) - width
            width += by
            lookahead.widen(by, backlog=(backlog + 1) * by)

        # Cases are read in pytest's order, in which they are numbered.
        allotted.progress = lambda: (
            0 if self._reading_of is None else self._reading_of.order + 1,
            len(self.cases),
        )
        allotted.on_concurrency = resize
        allotted.begin()
        lookahead.every(1.0, allotted.tick)

    def _note_waits(self) -> None:
        """Tell the controller, which shows the progress, what the requests of this worker wait for."""
        if self.worker_state is not None:
            self.worker_state.note_waits(packed(self.run.roster.waits(), WAITS_BYTES))

    def _jobs(self) -> Iterable[Job[CaseOutcome]]:
        own = (c for c in self.cases if c.template.looks_ahead and self.run.share.includes(c.order))
        return (case.job for case in own if will_run(case))

    def _read(self, case: Case, outcome: CaseOutcome) -> None:
        if self.reading is not None and self._reading_of is case and case.case_outcome is None:
            outcome.follow(self.reading)  # its report was made, and never passed on
        self.reading, self._reading_of = outcome, case

    def _keep(self, case: Case, outcome: CaseOutcome) -> None:
        """Write all replies to the store before the case is reported; if that fails, end the run after this case."""
        trouble = outcome.error if isinstance(outcome.error, StoreError) else None
        try:
            if self.run.roster.store is not None:
                self.run.roster.store.flush()
        except StoreError as error:
            trouble = error
        if trouble is not None:
            case.session.shouldstop = str(trouble)


def _refuse_own_models(templates: Iterable[Template]) -> None:
    """Raise UserError for a test with a model of the user's own, which no batch can ask."""
    for template in templates:
        if template.overrides.model and not template.overrides.uses_model:
            raise UserError(
                f"--batch: {template.item.originalname} asks a model of its own, which no batch can ask: "
                "leave --batch out."
            )


def _own_recipe(template: Template, strategy: Strategy) -> str:
    """Return the name under which figures of a test are reported that are not those of the recipe; empty for them."""
    own = template.overrides
    if own.asks_itself:
        return f"own test ({template.file})"
    if not own.name:
        return f"{strategy.name}, {template.variant}" if template.variant else ""
    if not own.uses_solver:
        return ", ".join((own.name, *strategy.repeats()))
    return f"{own.name} over {strategy.name}" if own.solver else f"{strategy.name}, {own.name}"
