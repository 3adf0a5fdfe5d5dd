"""One question, one pytest case.

A test function marked `questions` is collected once, as pytest does it, and then multiplied: a `Case` for every
model and question. A case differs from an ordinary test function in three ways: its coroutine may have been
started ahead of time, its report is built from the answer instead of a traceback, and set-up is skipped where
there is nothing to set up.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import pytest
from _pytest.skipping import evaluate_skip_marks, evaluate_xfail_marks

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.lookahead import Job
from mmlubench.models.base import Model
from mmlubench.plugin.xdist.worker_state import WorkerState
from mmlubench.schema import Answer, Question
from mmlubench.solvers import Solver

OWN_FIXTURES = frozenset({"question", "model", "solver"})
#: Stands in a collected function's id until it is multiplied.
PLACEHOLDER = "?"


@dataclass(slots=True)
class CaseOutcome:
    """What came of running a case's coroutine."""

    journal: Journal
    answer: Answer | None = None
    """The last answer a solver gave to this case."""
    error: BaseException | None = None
    began: bool = True
    """False when a mark or a fixture ended the case before its own code ran."""


class Host(Protocol):
    """What a case needs of the run it belongs to; `process.Process` is one."""

    worker_state: WorkerState | None

    def model(self, label: str) -> Model:
        """The model under test."""
        ...

    def solver(self, label: str, benchmark: str, played: CaseOutcome) -> Solver:
        """The strategy of the run, noting its answers in `played`."""
        ...

    def wait_for(self, case: Case) -> CaseOutcome:
        """What came of the case, waited for if need be."""
        ...

    def facts_to_tell(self) -> dict[str, Any]:
        """What is known of the data and was not told yet."""
        ...


class Template:
    """What all cases of one test function share."""

    def __init__(self, item: pytest.Function, benchmark: str) -> None:
        self.item = item
        self.benchmark = benchmark
        self.function: Callable[..., Coroutine[Any, Any, None]] = item.obj
        self.stand_in = _stand_in(item.obj)
        self.arguments = frozenset(inspect.signature(item.obj).parameters)
        self.file, self.line, self.domain = item.location
        self.keywords: dict[str, Literal[1]] = dict.fromkeys([*item.keywords, "questions"], 1)
        self.direct, self.shared, self.single = _sort_fixtures(item)
        self.values: dict[str, Any] | None = None if self.shared else {}
        self.shown: set[tuple[object, ...]] = set()
        """Mistakes in the test's own code whose traceback was shown already."""

    @property
    def looks_ahead(self) -> bool:
        """Whether its cases can run before pytest reaches them: nothing they need belongs to a single case."""
        return not self.single

    def share(self, request: pytest.FixtureRequest) -> None:
        """Compute the module and session fixtures that all cases use, once, as soon as their module is set up."""
        __tracebackhide__ = True
        if self.values is None:
            values = {}
            for name in self.shared:  # a comprehension would show in the traceback of a fixture that fails
                values[name] = request.getfixturevalue(name)
            self.values = values
            request.node.parent.addfinalizer(self._forget)

    def _forget(self) -> None:
        self.values = None if self.shared else {}


class Case(pytest.Function):
    """One model and one question (or a test of the user's own that talks to a model)."""

    process: Host
    template: Template
    label: str
    question: Question | None
    order: int = -1
    played: CaseOutcome | None = None

    @property
    def location(self) -> tuple[str, int | None, str]:
        """File, line and name; the template knows them, so that no source is inspected for every case."""
        return self.template.file, self.template.line, self.name

    @property
    def function(self) -> Callable[..., None]:
        """What pytest and its plugins take for the test's function; asked for several times a case."""
        return self.template.stand_in

    @property
    def job(self) -> Job[CaseOutcome]:
        """The case as the look-ahead wants it."""
        return Job(
            self.nodeid, self.play if self.process.worker_state is None else self._watched, self._is_ready
        )

    def setup(self) -> None:
        """Set up fixtures: once for all cases where possible, as pytest does it where a case has its own."""
        __tracebackhide__ = True
        if self.template.single:
            super().setup()
        elif self.template.values is None:
            self.template.share(self._request)

    def runtest(self) -> None:
        """Wait for the coroutine, which may be done already, and raise what it raised."""
        self.played = self.process.wait_for(self)
        if self.played.error is not None:
            raise self.played.error

    async def play(self) -> CaseOutcome:
        """Run the test's own coroutine with a journal of its own; being cancelled, too, can come of it."""
        played = CaseOutcome(Journal())
        current_journal.set(played.journal)  # each task has a context of its own
        try:
            await self.template.function(**self._arguments(played))
        except (Exception, pytest.fail.Exception, pytest.skip.Exception, asyncio.CancelledError) as error:
            played.error = error  # what was sent by then may be billed: its journal must not be lost
        return played

    async def _watched(self) -> CaseOutcome:
        # A coroutine itself, so that a case that is given up before its first step leaves no inner one unawaited.
        assert self.process.worker_state is not None
        return await self.process.worker_state.watch(self.order, self.play())

    def _is_ready(self) -> bool:
        return self.template.values is not None

    def _arguments(self, played: CaseOutcome) -> dict[str, Any]:
        wanted = self.template.arguments
        own: dict[str, Any] = {"question": self.question, "model": self.process.model(self.label)}
        if "solver" in wanted:
            own["solver"] = self.process.solver(self.label, self.template.benchmark, played)
        if self.template.single:
            values = self.funcargs
        else:
            direct = {name: self.callspec.params[name] for name in self.template.direct}
            values = {**(self.template.values or {}), **direct}
        return {name: own.get(name, values.get(name)) for name in wanted}


def make_case(process: Host, template: Template, label: str, question: Question | None) -> Case:
    """One case of a test function: its id is `model-subject-row`, beside the ids of the user's own parameters."""
    item = template.item
    case_id = "-".join(filter(None, (label, question.case_id if question else "")))
    ids = [case_id if part == PLACEHOLDER else part for part in item.callspec._idlist]
    params = {**item.callspec.params, "question": question} if question else item.callspec.params
    case: Case = Case.from_parent(
        item.parent,
        name=f"{item.originalname}[{'-'.join(ids)}]",
        callspec=replace(item.callspec, _idlist=ids, params=params),
        callobj=template.stand_in,
        fixtureinfo=item._fixtureinfo,
        originalname=item.originalname,
    )
    case.process, case.template, case.label, case.question = process, template, label, question
    if len(item.callspec.params) == 1:
        # Nothing but ours: pytest would order and group fixtures by it, for every case, and keep it.
        del case.callspec
    case.extra_keyword_matches.add(template.benchmark)
    return case


def asks_for(function: Callable[..., Any]) -> str | None:
    """The argument through which a test asks: `solver` or `model`; None if it has neither."""
    names = inspect.signature(function).parameters
    return next((name for name in ("solver", "model") if name in names), None)


def _sort_fixtures(item: pytest.Function) -> tuple[list[str], list[str], list[str]]:
    """The names a test needs, sorted: parametrized directly, shared by module or session, each case's own."""
    direct: list[str] = []
    shared: list[str] = []
    single: list[str] = []
    for name in item._fixtureinfo.names_closure:
        if name in OWN_FIXTURES or (name == "request" and name not in item._fixtureinfo.argnames):
            continue
        definition = item._fixtureinfo.name2fixturedefs.get(name)
        if definition is None:
            single.append(name)  # `request`, or a name that pytest will complain about
        elif type(definition[-1]).__name__ == "DirectParamFixtureDef":
            direct.append(name)
        elif definition[-1].scope in ("module", "package", "session") and name not in item.callspec.params:
            shared.append(name)
        else:
            single.append(name)
    return direct, shared, single


def _stand_in(function: Callable[..., Any]) -> Callable[..., None]:
    """A plain function in the coroutine's place: pytest-asyncio must not take the case for one of its own."""

    @functools.wraps(function)
    def case(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a case is awaited, not called")

    return case


_MAY_SKIP = frozenset(["skip", "skipif", "xfail"])


def will_run(item: pytest.Item) -> bool:
    """Whether pytest will come to run the item; False too for a mark that makes no sense, which pytest then tells."""
    if not any(mark.name in _MAY_SKIP for mark in item.iter_markers()):
        return True
    try:
        xfail = None if item.config.getoption("runxfail") else evaluate_xfail_marks(item)
        return evaluate_skip_marks(item) is None and (xfail is None or xfail.run)
    except pytest.fail.Exception:
        return False
