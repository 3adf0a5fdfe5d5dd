"""The planned requests: what a run would send, found out without asking a model.

The run's own solver is run against a model that records each request and always gives the same reply. So an estimate
counts the prompts that would really be sent, whatever the solver does; replies in a debate make its next round longer
here, too.
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
    """Yield each request that these questions to a model would send, with the label of the model that gets it.

    `label` is that of the model under test, in whose place its agents are asked if there are any. `reply` is the text
    that every model is assumed to reply.
    """
    recorded: list[tuple[str, Request]] = []
    seats = [(_RecordingModel(spec.label, reply, recorded), spec) for spec in run.roster.asked(label)]
    asked = run.strategy.scoring
    # Only the server could say which way of scoring it supports; all but the echo take one request.
    scoring = Scoring.CHAT if asked is Scoring.LOGPROB else asked
    with closing(asyncio.new_event_loop()) as loop:
        solvers: dict[str, Solver] = {}
        for question in questions:
            name = question.benchmark
            if name not in solvers:
                solvers[name] = run.strategy.solver(seats, scoring, run.data.examples(name))
            loop.run_until_complete(_play(solvers[name], question))
            yield from recorded
            recorded.clear()


async def _play(solver: Solver, question: Question) -> None:
    await solver(question)


class _RecordingModel:
    """A Model that records its requests and always gives the same reply."""

    def __init__(self, label: str, reply: str, recorded: list[tuple[str, Request]]) -> None:
        self._label = label
        self._reply = reply
        self._recorded = recorded

    async def generate(self, request: Request) -> Completion:
        self._recorded.append((self._label, request))
        logprobs = ((request.continuation or "A", 0.0),) if request.params.logprobs else ()
        return Completion(self._reply, "stop", logprobs=logprobs)

    async def aclose(self) -> None:
        pass
