"""What agents would be given to read, found out without asking anybody: a round is longer by what was said before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from mmlubench.models import ModelSpec
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Completion, Question, Request, Scoring
from mmlubench.tokens import BYTES_PER_TOKEN

#: So many questions, evenly spaced, speak for all: the means of their lengths are within a few per cent.
_SOME = 200


class _StandIn:
    """A Model that notes what it is given to read, and always says the same."""

    def __init__(self, reply: str) -> None:
        self.read: list[str] = []
        self._reply = reply

    async def generate(self, request: Request) -> Completion:
        self.read.append("\n".join(message.content for message in request.messages))
        return Completion(self._reply, "stop")

    async def aclose(self) -> None:
        pass


def rehearse(
    strategy: Strategy, specs: Sequence[ModelSpec], questions: Sequence[Question], reply_tokens: int
) -> dict[str, Iterator[str]]:
    """Return a prompt for every request of a run, by the label of the model, were all replies so long."""
    some = questions[:: max(1, len(questions) // _SOME)]
    stand_ins = {spec.label: _StandIn("w" * (reply_tokens * BYTES_PER_TOKEN)) for spec in specs}
    solver = strategy.solver([(stand_ins[spec.label], spec) for spec in specs], Scoring.TEXT, {})

    async def play() -> None:
        for question in some:
            await solver(question)

    asyncio.run(play())
    # Every question takes as many requests.
    return {
        label: islice(cycle(one.read), len(one.read) * len(questions) // len(some))
        for label, one in stand_ins.items()
    }
