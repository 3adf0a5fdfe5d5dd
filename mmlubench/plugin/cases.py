"""The pytest item of a benchmark: one case for one question.

pytest collects a test function marked `questions` once; it is then multiplied into a `Case` for every model and
question. A case differs from an ordinary test function in three ways: its coroutine may have been started ahead of
time, its report is built from the answer instead of a traceback, and set-up is skipped if there is nothing to set up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, overload

import pytest

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.lookahead import Job
from mmlubench.errors import EnoughAsked
from mmlubench.models.base import Model
from mmlubench.models.http.byte_limit import WAITING
from mmlubench.plugin import private_pytest
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.plugin.current_case import current_case
from mmlubench.plugin.overrides import PLACEHOLDER
from mmlubench.plugin.template import Template
from mmlubench.plugin.thin_item import ThinItem, thin_item
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.schema import Question
from mmlubench.solvers import Solver


class CaseProcess(Protocol):
    """The interface of the process that a case runs in; `process.Process` implements it."""

    worker_state: WorkerState | None

    def model(self, label: str) -> Model:
        """Return the model under test. Raises UserError if no model of --model is asked."""
        ...

    def solver(self, label: str, benchmark: str, outcome: CaseOutcome) -> Solver:
        """Return the solver of the options, which records its answers in `outcome`."""
        ...

    def plain_solver(self, label: str, benchmark: str, model: Model | None) -> Solver:
        """Return the solver of the options without epochs, for a user's solver to call; None: the label's model."""
        ...

    def recording_solver(self, solver: Any, where: str, outcome: CaseOutcome) -> Solver:
        """Return a user's own solver with epochs as the options want them, which records its answers in `outcome`."""
        ...

    def own_model(self, model: Any, template: Template) -> Model:
        """Return a model of the user's own. Raises UserError if the object is not a model."""
        ...

    def wait_for(self, case: Case) -> CaseOutcome:
        """Return the outcome of the case, waiting for it if necessary."""
        ...

    def why_enough(self, case: Case) -> str:
        """Return the reason for which a case that has not begun is not to be asked; empty if it is."""
        ...

    def place(self, case: Case) -> int:
        """Return the place of the case in the run as a whole, of which this may be a shard."""
        ...

    def new_facts(self) -> dict[str, Any]:
        """Return the facts of the data that were not reported yet."""
        ...


class Case(ThinItem):
    """A pytest item for one model and one question, or for one model and a user's own test marked `look_ahead`."""

    __slots__ = ("case_outcome", "label", "order", "place", "process", "rows")

    process: CaseProcess
    label: str
    order: int
    """The position of the case in pytest's collection; -1 until it is known."""
    case_outcome: CaseOutcome | None
    """The outcome of the case, from its end until it is reported."""
    rows: Sequence[Question]
    """The questions of the benchmark; empty for a user's own test."""
    place: int
    """The position of the case's question among them."""

    @property
    def question(self) -> Question | None:
        """The question, read anew each time where questions are packed; None for a user's own test."""
        return self.rows[self.place] if self.rows else None

    @property
    def has_question(self) -> bool:
        """Whether the case asks a question, and is no test of the user's own."""
        return bool(self.rows)

    def id_parts(self) -> list[str]:
        """Return the parts of the id between the brackets."""
        return _id_parts(self.template, self.label, self.question)

    @property
    def location(self) -> tuple[str, int | None, str]:
        """File, line and name; the template knows them, so that no source is inspected for every case."""
        return self.template.file, self.template.line, self.name

    @property
    def function(self) -> Any:
        """The function that pytest and its plugins see; read several times per case."""
        return self.template.stand_in

    @property
    def job(self) -> Job[CaseOutcome]:
        """The case as a job of the look-ahead."""
        return Job(
            self.nodeid, self.execute if self.process.worker_state is None else self._watched, self._is_ready
        )

    def setup(self) -> None:
        """Set up fixtures: once for all cases if possible, else as pytest does it for each item."""
        __tracebackhide__ = True
        if self.template.single:
            super().setup()
        elif self.template.values is None:
            self.template.share(private_pytest.request_of(self))

    def runtest(self) -> None:
        """Wait for the coroutine, which may have ended already, and raise its error."""
        self.wait()
        self.raise_error()

    def wait(self) -> None:
        """Wait for the coroutine, which may have ended already, and keep its outcome."""
        earlier, self.case_outcome = self.case_outcome, self.process.wait_for(self)
        if earlier is not None:  # no report was made of it
            self.case_outcome.follow(earlier)

    def raise_error(self) -> None:
        """Raise the error that the outcome has, if any."""
        if self.case_outcome is not None and self.case_outcome.error is not None:
            raise self.case_outcome.error

    async def execute(self) -> CaseOutcome:
        """Run the test's coroutine with its own journal; a cancellation is an outcome, too."""
        outcome = CaseOutcome(Journal())
        current_journal.set(outcome.journal)  # each task has a context of its own
        current_case.set(self)
        try:
            if why := self.process.why_enough(self):
                raise EnoughAsked(why)
            await self.template.function(**self._arguments(outcome))
        except (
            Exception,
            SystemExit,
            pytest.fail.Exception,
            pytest.skip.Exception,
            asyncio.CancelledError,
        ) as error:
            # Not raised: requests sent by then may be billed, so the journal must be kept.
            outcome.error = error
        outcome.ended()
        return outcome

    def model_of_options(self) -> Model:
        """Return the `model` that a user's fixture gets: the model of --model of this case."""
        return self.process.model(self.label)

    def solver_of_options(self) -> Solver:
        """Return the `solver` that a user's fixture gets: the solver of the options, which asks a user's own model."""
        template = self.template
        own = self.process.own_model(self._values()["model"], template) if template.overrides.model else None
        return self.process.plain_solver(self.label, template.benchmark, own)

    async def _watched(self) -> CaseOutcome:
        # A coroutine itself: if the case is cancelled before its first step, no inner coroutine is left unawaited.
        assert self.process.worker_state is not None
        return await self.process.worker_state.watch(self.order, self.execute())

    def _is_ready(self) -> bool:
        return self.template.values is not None and WAITING.has_some

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
            return self.process.recording_solver(values["solver"], template.overrides.solver, outcome)
        if template.overrides.model:
            return self.process.recording_solver(self.solver_of_options(), "", outcome)
        return self.process.solver(self.label, template.benchmark, outcome)

    def _values(self) -> dict[str, Any]:
        """Return the user's fixtures and parameters of the case by name."""
        template = self.template
        if template.single:
            return self.funcargs
        if not template.direct:
            return template.values or {}
        return {**(template.values or {}), **{name: self.callspec.params[name] for name in template.direct}}


class Asked(Sequence[Question]):
    """The questions of cases that have one, each read when it is wanted."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> Asked: ...
    def __getitem__(self, index: int | slice) -> Question | Asked:
        if isinstance(index, slice):
            return Asked(self._cases[index])
        question = self._cases[index].question
        assert question is not None
        return question

    def __len__(self) -> int:
        return len(self._cases)


def make_case(
    process: CaseProcess, template: Template, label: str, rows: Sequence[Question] = (), place: int = 0
) -> Case:
    """Make the case of the question at `place` of `rows`, or without rows that of a user's own test.

    Its id is `model-subject-row`, besides the ids of the user's own parameters.
    """
    parts = _id_parts(template, label, rows[place] if rows else None)
    case: Case = thin_item(Case, template, parts)
    case.process, case.label, case.rows, case.place = process, label, rows, place
    case.order, case.case_outcome = -1, None
    return case


def _id_parts(template: Template, label: str, question: Question | None) -> list[str]:
    case_id = "-".join(filter(None, (label, question.case_id if question else "")))
    return [case_id if part == PLACEHOLDER else part for part in template.id_parts]
