"""One prompt, one reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmlubench.errors import Rejected
from mmlubench.grading import read_answer
from mmlubench.models.base import Model
from mmlubench.prompts import Recipe, render
from mmlubench.prompts.render import request_of
from mmlubench.schema import Answer, Completion, Outcome, Params, Question, Request, Scoring
from mmlubench.solvers.base import Solver
from mmlubench.solvers.kind import RECIPE_OPTIONS, SolverContext, SolverKind
from mmlubench.solvers.logprob import Logprob

#: A reply that was cut off is given so many times the tokens. What the model can give at most, its own layer knows.
_MORE = 4
#: Statuses by which a server says that the request itself does not suit it: here, that the budget is too large.
_TOO_LARGE = frozenset({400, 413, 422})


class SingleTurn:
    """Renders the recipe, asks once, reads the letter.

    A reply that was cut off before any letter tells of the budget, not of the model: with `reask` such a question is
    asked once more, with a larger one.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        params: Params,
        examples: Mapping[str, Sequence[Question]] | None = None,
        *,
        reask: bool = True,
        extraction: str = "default",
        constrained: bool = False,
    ) -> None:
        """`extraction` names how the letter is read; `constrained` lets the server allow no reply but a letter."""
        self._model = model
        self._recipe = recipe
        self._params = params
        self._examples = examples or {}
        self._reask = reask
        self._extraction = extraction
        self._constrained = constrained

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError when no usable reply came back."""
        messages = render(self._recipe, question, self._examples.get(question.subject, ()))
        params = replace(self._params, choice=tuple(question.letters)) if self._constrained else self._params
        request = request_of(question, self._recipe, messages, params)
        completion = await self._model.generate(request)
        answer = read_answer(question, completion, self._extraction)
        budget = self._larger_budget(completion) if _is_truncated(answer) else None
        if budget is None:
            return answer
        return await self._ask_again(
            question, replace(request, params=replace(params, max_tokens=budget)), answer
        )

    def _larger_budget(self, completion: Completion) -> int | None:
        """How many tokens to ask for the second time; None where more cannot be had."""
        most, sent = self._params.max_tokens, completion.sent.values()
        # What was sent instead of our number is all that this model gives: asking for more would send the same again.
        if not self._reask or most is None or (sent and most not in sent):
            return None
        return _MORE * most

    async def _ask_again(self, question: Question, request: Request, first: Answer) -> Answer:
        """The answer of the second reply. Raises ProviderError when that question is left without one."""
        tokens = f"{request.params.max_tokens:,} tokens"
        try:
            completion = await self._model.generate(request)
        except Rejected as error:
            if error.status not in _TOO_LARGE:
                raise
            return _with(first, f"asked again for up to {tokens}, which the server refused")
        answer = read_answer(question, completion, self._extraction)
        return _with(answer, f"asked twice, at last for up to {tokens}") if _is_truncated(answer) else answer


def _is_truncated(answer: Answer) -> bool:
    return answer.letter is None and answer.rule == Outcome.TRUNCATED.value


def _with(answer: Answer, remark: str) -> Answer:
    return replace(answer, explanation=f"{answer.explanation} ({remark})")


def _build(context: SolverContext) -> Solver:
    seat = context.seats[0]
    if context.scoring is not Scoring.TEXT:
        top = seat.spec.features.top_logprobs
        return Logprob(
            seat.model, context.recipe, seat.params, context.examples, scoring=context.scoring, top=top
        )
    return SingleTurn(
        seat.model,
        context.recipe,
        seat.params,
        context.examples,
        extraction=context.extraction,
        constrained=context.settings.constrained,
    )


SINGLE = SolverKind(
    _build,
    heeds=(*RECIPE_OPTIONS, "--scoring", "--constrained"),
    title=lambda settings: "",  # the recipe says it all
)
