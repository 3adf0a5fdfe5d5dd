"""Solvers and models that a user's fixtures give: checked when they are called, logged and noted as ours are."""

from __future__ import annotations

import inspect
from typing import Any

from mmlubench.engine.journal import Journaled, Numbered
from mmlubench.errors import UserError
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.schema import Answer, Completion, Outcome, Question, Request
from mmlubench.solvers import Solver

#: Why an answer has no letter: these outcomes, and no others.
_NO_LETTER = (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED)


class _Wrapped:
    """Something of the user's; what is asked of it beyond what we know is answered by it itself."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class OwnSolver(_Wrapped):
    """A solver of the user's own; `where` is the file of its fixture. Raises UserError if it is none."""

    def __init__(self, solver: Any, where: str) -> None:
        super().__init__(solver)
        self._where = where
        if not callable(solver):
            raise UserError(
                f"the fixture `solver` of {where} gives {_kind(solver)}: a solver is awaited with a question and gives "
                "an Answer; give one, or call the fixture otherwise."
            )

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises what the user's code raises, and UserError for what is no answer."""
        answer = self._inner(question)
        if inspect.isawaitable(answer):
            answer = await answer
        if not isinstance(answer, Answer):
            raise UserError(
                f"the solver of {self._where} gave {_kind(answer)} and no Answer: mmlubench.grading.read_answer("
                "question, completion) makes one of a reply."
            )
        if answer.letter is None and answer.rule not in _NO_LETTER:
            raise UserError(
                f"the solver of {self._where} gave an Answer without a letter whose rule is {answer.rule!r}: "
                "the rule must then say why there is none: unparsed, truncated or refused."
            )
        return answer


class NotingSolver(_Wrapped):
    """A solver that notes what it answers to one case; `shown` is what a test sees of it beyond that."""

    def __init__(self, solver: Solver, outcome: CaseOutcome, shown: Any) -> None:
        super().__init__(shown)
        self._solve = solver
        self._outcome = outcome

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises what the solver raises."""
        self._outcome.answer = await self._solve(question)
        return self._outcome.answer


class OwnModel(_Wrapped):
    """A model of the user's own; `where` is the file of its fixture. Raises UserError if it is none.

    With a `label` its requests are logged under it; without one it asks our own, which logs them itself.
    """

    def __init__(self, model: Any, where: str, label: str | None) -> None:
        super().__init__(model)
        self._where = where
        if not callable(getattr(model, "generate", None)):
            raise UserError(
                f"the fixture `model` of {where} gives {_kind(model)}: a model has `async def generate(request)`, "
                "which gives a Completion; give one, or call the fixture otherwise."
            )
        asked = _Checked(model, where)
        self._asked = asked if label is None else Numbered(Journaled(asked, label), label)

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises what the user's code raises, and UserError for what is no completion."""
        return await self._asked.generate(request)


class _Checked:
    def __init__(self, model: Any, where: str) -> None:
        self._model = model
        self._where = where

    async def generate(self, request: Request) -> Completion:
        completion = await self._model.generate(request)
        if not isinstance(completion, Completion):
            raise UserError(
                f"the model of {self._where} gave {_kind(completion)} and no Completion: give "
                'mmlubench.Completion(text, "stop").'
            )
        return completion

    async def aclose(self) -> None:
        pass


def _kind(value: object) -> str:
    return f"a {type(value).__name__} ({value!r:.60})"
