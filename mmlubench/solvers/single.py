"""The default solver: one prompt, one reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmlubench.errors import Rejected
from mmlubench.grading import read_answer
from mmlubench.models.base import Model
from mmlubench.prompts import Recipe, examples_for, render
from mmlubench.prompts.render import request_of
from mmlubench.schema import Answer, Completion, Outcome, Params, Question, Request, Scoring
from mmlubench.solvers.base import Solver
from mmlubench.solvers.kind import RECIPE_OPTIONS, SolverContext, SolverKind
from mmlubench.solvers.logprob import Logprob

#: The factor by which the token limit grows after a reply was cut off; a lower limit of the model is applied later.
_FACTOR = 4
#: The statuses with which a server refuses a request as such: here, because the token limit is too large.
_TOO_LARGE = frozenset({400, 413, 422})


class SingleTurn:
    """Renders the recipe, asks once, and reads the letter.

    A reply that was cut off before any letter says more about the token limit than about the model: with `reask` such a
    question is asked once more with a larger limit. A published protocol has no second try, so that its numbers are
    found only without one.
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
        """`extraction` names the rules that read letters; `constrained` makes the server allow only letters."""
        self._model = model
        self._recipe = recipe
        self._params = params
        self._examples = examples or {}
        self._reask = reask
        self._extraction = extraction
        self._constrained = constrained

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError if no usable reply came back."""
        messages = render(self._recipe, question, examples_for(question, self._examples))
        params = replace(self._params, choice=tuple(question.letters)) if self._constrained else self._params
        request = request_of(question, self._recipe, messages, params)
        completion = await self._model.generate(request)
        answer = read_answer(question, completion, self._extraction)
        limit = self._larger_limit(completion) if _is_truncated(answer) else None
        if limit is None:
            return answer
        return await self._ask_again(
            question, replace(request, params=replace(params, max_tokens=limit)), answer
        )

    def _larger_limit(self, completion: Completion) -> int | None:
        """Return the token limit of the second request; None if a larger one is not possible."""
        most, sent = self._params.max_tokens, completion.sent.values()
        # If another number than ours was sent, it is the largest that the model takes, and would be sent again.
        if not self._reask or most is None or (sent and most not in sent):
            return None
        return _FACTOR * most

    async def _ask_again(self, question: Question, request: Request, first: Answer) -> Answer:
        """Return the answer of a second request. Raises ProviderError if no usable reply came back."""
        tokens = f"{request.params.max_tokens:,} tokens"
        try:
            completion = await self._model.generate(request)
        except Rejected as error:
            if error.status not in _TOO_LARGE:
                raise
            return _with_remark(first, f"asked again for up to {tokens}, which the server refused")
        answer = replace(read_answer(question, completion, self._extraction), second_tries=1)
        if _is_truncated(answer):
            return _with_remark(answer, f"asked twice, the second time for up to {tokens}")
        return answer


def _is_truncated(answer: Answer) -> bool:
    return answer.letter is None and answer.rule == Outcome.TRUNCATED.value


def _with_remark(answer: Answer, remark: str) -> Answer:
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
        reask=not context.recipe.reproduces,
        extraction=context.extraction,
        constrained=context.settings.constrained,
    )


SINGLE = SolverKind(
    _build,
    heeds=(*RECIPE_OPTIONS, "--scoring", "--constrained"),
    title=lambda settings: "",  # the recipe says it all
)
