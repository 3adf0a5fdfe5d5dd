"""Wrappers of users' own solvers and models: their values are checked, logged and recorded as ours are."""

from __future__ import annotations

import inspect
from typing import Any

from mmlubench.engine.journal import Journaled, Numbered
from mmlubench.errors import UserError
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.schema import Answer, Completion, Outcome, Question, Request
from mmlubench.solvers import Solver

#: The outcomes that an answer without a letter may have.
_NO_LETTER = (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED)


class _Wrapped:
    """A user's object; attributes that the wrapper does not have are looked up in the object itself."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class OwnSolver(_Wrapped):
    """A solver of the user's own; `where` is the file of its fixture. Raises UserError for any other object."""

    def __init__(self, solver: Any, where: str) -> None:
        super().__init__(solver)
        self._where = where
        if not callable(solver):
            raise UserError(
                f"the fixture `solver` of {where} returns {_kind(solver)}: return a callable that takes a question and "
                "returns an Answer, or rename the fixture."
            )

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises what the user's code raises, and UserError for a value that is no answer."""
        answer = self._inner(question)
        if inspect.isawaitable(answer):
            answer = await answer
        if not isinstance(answer, Answer):
            raise UserError(
                f"the solver of {self._where} returned {_kind(answer)}, which is not an Answer: "
                "mmlubench.grading.read_answer(question, completion) makes one of a reply."
            )
        if answer.letter is None and answer.rule.partition(":")[0] not in _NO_LETTER:
            raise UserError(
                f"the solver of {self._where} returned an Answer without a letter whose rule is {answer.rule!r}: "
                "the rule must say why there is no letter: unparsed, truncated or refused."
            )
        return answer


class RecordingSolver(_Wrapped):
    """A solver that records its last answer in the outcome of a case; it has the attributes of `original`."""

    def __init__(self, solver: Solver, outcome: CaseOutcome, original: Any) -> None:
        super().__init__(original)
        self._solve = solver
        self._outcome = outcome

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises what the solver raises."""
        self._outcome.answer = await self._solve(question)
        return self._outcome.answer


class OwnModel(_Wrapped):
    """A model of the user's own; `where` is the file of its fixture. Raises UserError for any other object.

    With a `label` its requests are logged under that label; without one it asks our own model, which logs them itself.
    """

    def __init__(self, model: Any, where: str, label: str | None) -> None:
        super().__init__(model)
        self._where = where
        if not callable(getattr(model, "generate", None)):
            raise UserError(
                f"the fixture `model` of {where} returns {_kind(model)}: return an object with "
                "`async def generate(request)`, which returns a Completion, or rename the fixture."
            )
        asked = _Checked(model, where)
        self._asked = asked if label is None else Numbered(Journaled(asked, label), label)

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises what the user's code raises, and UserError for a value that is no completion."""
        return await self._asked.generate(request)


class _Checked:
    def __init__(self, model: Any, where: str) -> None:
        self._model = model
        self._where = where

    async def generate(self, request: Request) -> Completion:
        completion = await self._model.generate(request)
        if not isinstance(completion, Completion):
            raise UserError(
                f"the model of {self._where} returned {_kind(completion)}, which is not a Completion: return "
                'mmlubench.Completion(text, "stop").'
            )
        return completion

    async def aclose(self) -> None:
        pass


def _kind(value: object) -> str:
    return f"a {type(value).__name__} ({value!r:.60})"
