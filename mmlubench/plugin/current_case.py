"""The fixtures `model` and `solver` for fixtures that build on them: each call goes to the case that is running.

A session fixture is made once and serves the cases of all models, hundreds of them at the same time, so the model to
ask is known only when the fixture is called. A context variable holds the current case, as another holds its journal.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol

from mmlubench.errors import UserError
from mmlubench.models.base import Model
from mmlubench.schema import Answer, Completion, Question, Request
from mmlubench.solvers import Solver


class _Running(Protocol):
    """The interface of a running case; `cases.Case` implements it."""

    def model_of_options(self) -> Model: ...

    def solver_of_options(self) -> Solver: ...


#: The case to which the code of a task belongs.
current_case: ContextVar[_Running | None] = ContextVar("current_case", default=None)


class CurrentModel:
    """A Model that is, for each case, the model under test."""

    def generate(self, request: Request) -> Coroutine[Any, Any, Completion]:
        """Answer one request. Raises ProviderError, and UserError outside of a case."""
        return _running("model").model_of_options().generate(request)

    async def aclose(self) -> None:
        """Do nothing: the models of a run are closed when it is over."""


class CurrentSolver:
    """A Solver that is, for each case, the solver of the options over the model under test."""

    def __call__(self, question: Question) -> Coroutine[Any, Any, Answer]:
        """Solve one question. Raises ProviderError, and UserError outside of a case."""
        return _running("solver").solver_of_options()(question)


def _running(name: str) -> _Running:
    case = current_case.get()
    if case is None:
        raise UserError(
            f"the fixture `{name}` can be used only by an `async def` test marked questions or look_ahead, "
            "and only while that test runs."
        )
    return case
