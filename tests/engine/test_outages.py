"""A server that dies in the middle of a run and comes back minutes later: no question is lost, none is asked twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import Overloaded, ProviderError, Unreachable
from mmlubench.schema import Completion, Request

#: What a vLLM answers once its engine was killed, what is there after that, and what a llama.cpp says as it starts.
DEAD = Overloaded("EngineCore encountered an issue", status=500)
GONE = Unreachable("connection refused")
LOADING = Overloaded("Loading model", status=503)
Phase = tuple[float, float, ProviderError]
USUAL = RetryPolicy()


class Mortal:
    """A Model whose server fails in phases: from, until (seconds), and how."""

    def __init__(self, clock: Callable[[], float], phases: list[Phase]) -> None:
        self._clock, self._begun, self._phases = clock, clock(), phases
        self.answered: Counter[str] = Counter()

    async def generate(self, request: Request) -> Completion:
        for wait_s in (0.01, 0.5):
            await asyncio.sleep(wait_s)
            now = self._clock() - self._begun
            for begin, end, error in self._phases:
                if begin <= now < end:
                    raise error
        self.answered[request.id] += 1
        return Completion("B", "stop")

    async def aclose(self) -> None: ...


@pytest.fixture
def survive(virtually: Callable[..., Any]) -> Callable[..., tuple[int, Counter[str], float]]:
    """Ask questions of a server with such phases; how many failed, how often each was answered, and the seconds."""

    def run(phases: list[Phase], wide: int, policy: RetryPolicy = USUAL) -> tuple[int, Counter[str], float]:
        async def main(clock: Callable[[], float]) -> tuple[int, Counter[str], float]:
            begun = clock()
            server, limiter = Mortal(clock, phases), Limiter(wide, clock=clock)
            model, places = Retried(Limited(server, limiter), policy, limiter), asyncio.Semaphore(wide)

            async def one(number: int) -> bool:
                async with places:
                    try:
                        await model.generate(Request(f"q/{number}", ()))
                    except ProviderError:
                        return False
                    return True

            results = await asyncio.gather(*map(one, range(40 * wide)))
            return results.count(False), server.answered, clock() - begun

        failed, answered, seconds = virtually(main)
        return failed, answered, seconds

    return run


@pytest.mark.parametrize("wide", [1, 8, 64])
@pytest.mark.parametrize(
    "phases",
    [
        [(5, 103, GONE)],
        [(5, 8, DEAD), (8, 106, GONE)],
        [(5, 8, DEAD), (8, 60, GONE), (60, 200, LOADING)],
        [(5, 250, GONE)],
    ],
    ids=["refuses", "engine killed", "loads for long", "four minutes"],
)
def test_an_outage_of_minutes_costs_no_question(survive: Any, phases: list[Phase], wide: int) -> None:
    failed, answered, seconds = survive(phases, wide)
    assert failed == 0
    assert set(answered.values()) == {1}
    assert seconds < phases[-1][1] + 60  # it is tried again soon after it is back


@pytest.mark.parametrize("wide", [8, 64])
def test_a_gateway_that_answers_while_the_engine_is_dead_is_no_proof_against_the_questions(
    survive: Any, wide: int
) -> None:
    failed, answered, _ = survive([(5, 105, DEAD)], wide)
    assert failed == 0
    assert set(answered.values()) == {1}


def test_one_question_after_another_only_two_are_blamed_for_the_server(survive: Any) -> None:
    assert survive([(5, 105, DEAD)], 1)[0] == 2


def test_the_user_says_how_long_a_server_is_waited_for(survive: Any) -> None:
    outage = [(5.0, 605.0, GONE)]
    assert survive(outage, 8)[0] > 0
    assert survive(outage, 8, RetryPolicy(away_s=900.0))[0] == 0
    assert survive(outage, 8, RetryPolicy(away_s=20.0))[2] < 60
