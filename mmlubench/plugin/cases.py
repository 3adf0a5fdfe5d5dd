"""The pytest item of a benchmark: one question, one case.

A test function marked `questions` is collected once, as pytest does it, and then multiplied: a `Case` for every
model and question. A case differs from an ordinary test function in three ways: its coroutine may have been
started ahead of time, its report is built from the answer instead of a traceback, and set-up is skipped where
there is nothing to set up.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.lookahead import Job
from mmlubench.models.base import Model
from mmlubench.plugin import private_pytest
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.plugin.current_case import current_case
from mmlubench.plugin.overrides import PLACEHOLDER
from mmlubench.plugin.template import Template
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.schema import Question
from mmlubench.solvers import Solver


class CaseProcess(Protocol):
    """What a case needs of the process it runs in; `process.Process` is one."""

    worker_state: WorkerState | None

    def model(self, label: str) -> Model:
        """Return the model under test. Raises UserError where none is asked."""
        ...

    def solver(self, label: str, benchmark: str, outcome: CaseOutcome) -> Solver:
        """Return the solver of the options, which notes its answers in `outcome`."""
        ...

    def plain_solver(self, label: str, benchmark: str, model: Model | None) -> Solver:
        """Return the solver of the options, for one of the user's own to call; over `model`, or the label's."""
        ...

    def noting(self, solver: Any, where: str, outcome: CaseOutcome) -> Solver:
        """Return a solver of the user's own, which is put a question as often as the options say, and noted as ours."""
        ...

    def own_model(self, model: Any, template: Template) -> Model:
        """Return a model of the user's own. Raises UserError if it is none."""
        ...

    def wait_for(self, case: Case) -> CaseOutcome:
        """Return what came of the case, waited for if need be."""
        ...

    def facts_to_tell(self) -> dict[str, Any]:
        """Return what is known of the data and was not told yet."""
        ...


class Case(pytest.Function):
    """One model and one question (or a test of the user's own that talks to a model)."""

    process: CaseProcess
    template: Template
    label: str
    question: Question | None
    order: int = -1
    case_outcome: CaseOutcome | None = None
    """What came of it, from when it has run until it is reported."""

    @property
    def location(self) -> tuple[str, int | None, str]:
        """File, line and name; the template knows them, so that no source is inspected for every case."""
        return self.template.file, self.template.line, self.name

    @property
    def function(self) -> Any:
        """What pytest and its plugins take for the test's function; asked for several times a case."""
        return self.template.stand_in

    @property
    def job(self) -> Job[CaseOutcome]:
        """The case as the look-ahead wants it."""
        return Job(
            self.nodeid, self.execute if self.process.worker_state is None else self._watched, self._is_ready
        )

    def setup(self) -> None:
        """Set up fixtures: once for all cases where possible, as pytest does it where a case has its own."""
        __tracebackhide__ = True
        if self.template.single:
            super().setup()
        elif self.template.values is None:
            self.template.share(private_pytest.request_of(self))

    def runtest(self) -> None:
        """Wait for the coroutine, which may be done already, and raise what it raised."""
        self.case_outcome = self.process.wait_for(self)
        if self.case_outcome.error is not None:
            raise self.case_outcome.error

    async def execute(self) -> CaseOutcome:
        """Run the test's own coroutine with a journal of its own; that it was cancelled is an outcome, too."""
        outcome = CaseOutcome(Journal())
        current_journal.set(outcome.journal)  # each task has a context of its own
        current_case.set(self)
        try:
            await self.template.function(**self._arguments(outcome))
        except (Exception, pytest.fail.Exception, pytest.skip.Exception, asyncio.CancelledError) as error:
            outcome.error = error  # what was sent by then may be billed: its journal must not be lost
        return outcome

    def model_of_options(self) -> Model:
        """Return what a fixture of the user's own gets as `model`: a model of --model."""
        return self.process.model(self.label)

    def solver_of_options(self) -> Solver:
        """Return what a fixture of the user's own gets as `solver`: that of the options, over the user's model."""
        template = self.template
        own = self.process.own_model(self._values()["model"], template) if template.overrides.model else None
        return self.process.plain_solver(self.label, template.benchmark, own)

    async def _watched(self) -> CaseOutcome:
        # A coroutine itself, so that a case that is given up before its first step leaves no inner one unawaited.
        assert self.process.worker_state is not None
        return await self.process.worker_state.watch(self.order, self.execute())

    def _is_ready(self) -> bool:
        return self.template.values is not None

    def _arguments(self, outcome: CaseOutcome) -> dict[str, Any]:
        template, wanted = self.template, self.template.arguments
        values = self._values()
        given: dict[str, Any] = {"question": self.question}
        if "solver" in wanted:
            given["solver"] = self._solver(values, outcome)
        if "model" in wanted:
            own = template.overrides.model
            given["model"] = (
                self.process.own_model(values["model"], template) if own else self.model_of_options()
            )
        return {name: given[name] if name in given else values.get(name) for name in wanted}

    def _solver(self, values: dict[str, Any], outcome: CaseOutcome) -> Solver:
        template = self.template
        if template.overrides.solver:
            return self.process.noting(values["solver"], template.overrides.solver, outcome)
        if template.overrides.model:
            return self.process.noting(self.solver_of_options(), "", outcome)
        return self.process.solver(self.label, template.benchmark, outcome)

    def _values(self) -> dict[str, Any]:
        """The fixtures and parameters of the case by name, but for ours."""
        template = self.template
        if template.single:
            return self.funcargs
        if not template.direct:
            return template.values or {}
        return {**(template.values or {}), **{name: self.callspec.params[name] for name in template.direct}}


def make_case(process: CaseProcess, template: Template, label: str, question: Question | None) -> Case:
    """One case of a test function: its id is `model-subject-row`, beside the ids of the user's own parameters."""
    item = template.item
    case_id = "-".join(filter(None, (label, question.case_id if question else "")))
    ids = [case_id if part == PLACEHOLDER else part for part in template.id_parts]
    params = item.callspec.params if len(item.callspec.params) > 1 else None  # none but ours
    case = private_pytest.copy_of(item, Case, ids=ids, function=template.stand_in, params=params)
    case.process, case.template, case.label, case.question = process, template, label, question
    case.extra_keyword_matches.add(template.benchmark)
    return case
