"""The plan of requests: what a run would send, found out without asking anybody.

The run's own solver is played against a model that notes each request and always replies the same. So an estimate
counts the very prompts that would be sent, whatever the solver does; and what is said in a debate makes its next round
longer here, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing

from mmlubench.run.run import Run
from mmlubench.schema import Completion, Question, Request, Scoring
from mmlubench.solvers import Solver


def planned_requests(
    run: Run, label: str, questions: Iterable[Question], reply: str
) -> Iterator[tuple[str, Request]]:
    """Yield each request that putting these questions to a model would send, with the label of who is asked.

    `label` is that of the model under test; its agents are asked in its place, where there are some. `reply` is what
    all of them are taken to reply.
    """
    noted: list[tuple[str, Request]] = []
    seats = [(_NotingModel(spec.label, reply, noted), spec) for spec in run.roster.asked(label)]
    asked = run.strategy.scoring
    # Which way of scoring a server knows is found out by asking it; all but the echo take one request.
    scoring = Scoring.CHAT if asked is Scoring.LOGPROB else asked
    with closing(asyncio.new_event_loop()) as loop:
        solvers: dict[str, Solver] = {}
        for question in questions:
            name = question.benchmark
            if name not in solvers:
                solvers[name] = run.strategy.solver(seats, scoring, run.data.examples(name))
            loop.run_until_complete(_play(solvers[name], question))
            yield from noted
            noted.clear()


async def _play(solver: Solver, question: Question) -> None:
    await solver(question)


class _NotingModel:
    """A Model that notes what it is asked, and always replies the same."""

    def __init__(self, label: str, reply: str, noted: list[tuple[str, Request]]) -> None:
        self._label = label
        self._reply = reply
        self._noted = noted

    async def generate(self, request: Request) -> Completion:
        self._noted.append((self._label, request))
        logprobs = ((request.continuation or "A", 0.0),) if request.params.logprobs else ()
        return Completion(self._reply, "stop", logprobs=logprobs)

    async def aclose(self) -> None:
        pass
