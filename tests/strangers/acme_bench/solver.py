"""Two solvers: one that asks twice and heeds the recipe, one that says nothing of itself."""

from __future__ import annotations

from dataclasses import replace

from mmlubench import Answer, Message, Question, Request, SolverContext, SolverKind
from mmlubench.solvers.kind import RECIPE_OPTIONS


class Check:
    """Asks, asks whether that is right, and reads the second reply."""

    def __init__(self, context: SolverContext) -> None:
        self._context = context

    async def __call__(self, question: Question) -> Answer:
        context = self._context
        request = context.request(question)
        first = await context.model.generate(request)
        turns = (Message("assistant", first.text), Message("user", "Is that right?"))
        second = await context.model.generate(replace(request, messages=(*request.messages, *turns)))
        return context.read(question, second)


CHECK = SolverKind(Check, calls=lambda settings: 2, heeds=RECIPE_OPTIONS)


class Plain:
    """Asks for the bare text of the question."""

    def __init__(self, context: SolverContext) -> None:
        self._context = context

    async def __call__(self, question: Question) -> Answer:
        context = self._context
        request = Request(question.id, (Message("user", question.text),), context.params)
        return context.read(question, await context.model.generate(request))
