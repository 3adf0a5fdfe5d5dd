"""Servers with limits of many kinds, in virtual time: how fast a run is, how often it is refused, what it gives up."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Rejected, Unreachable
from mmlubench.schema import Completion, Request
from perf.limits import Row, rows, simulate
from perf.virtual_time import VirtualLoop

QUESTIONS, IN_FLIGHT = 500, 64
ANSWERED = Completion("A", "stop")
Status = Callable[[str, float], "ProviderError | None"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_run_comes_close_to_what_the_server_allows_and_gives_nothing_up(row: Row) -> None:
    assert simulate(row, seed=1).faults == []


# -- runs that come to an end ----------------------------------------------------------------------------------------


@dataclass
class Provider:
    """A Model that answers in `takes_s`, or fails in 2 ms where `error(id, seconds since the start)` is one."""

    error: Status
    clock: Callable[[], float]
    takes_s: float
    begun: float
    tries: Counter[str] = field(default_factory=Counter)
    asked_at: list[float] = field(default_factory=list)

    async def generate(self, request: Request) -> Completion:
        self.tries[request.id] += 1
        now = self.clock() - self.begun
        self.asked_at.append(now)
        error = self.error(request.id, now)
        await asyncio.sleep(self.takes_s if error is None else 0.002)
        if error is not None:
            raise error
        return ANSWERED

    async def aclose(self) -> None: ...


@dataclass
class Ended:
    """What came of a run; times in seconds."""

    provider: Provider
    results: dict[str, Completion | BaseException]
    took_s: float

    @property
    def errors(self) -> dict[str, ProviderError]:
        return {name: one for name, one in self.results.items() if isinstance(one, ProviderError)}

    @property
    def messages(self) -> set[str]:
        return {str(one).removeprefix("not asked: ") for one in self.errors.values()}


def ask(
    error: Status,
    *,
    in_flight: int = IN_FLIGHT,
    seed: int = 1,
    questions: int = QUESTIONS,
    takes_s: float = 0.02,
) -> Ended:
    """Ask all questions, so many at once."""
    loop = VirtualLoop()
    random.seed(seed)

    async def main() -> Ended:
        provider = Provider(error, loop.time, takes_s, loop.time())
        limiter = Limiter(in_flight, clock=loop.time)
        model = Retried(Limited(provider, limiter), RetryPolicy(), limiter)
        places = asyncio.Semaphore(in_flight)
        results: dict[str, Completion | BaseException] = {}

        async def one(name: str) -> None:
            async with places:
                try:
                    results[name] = await model.generate(Request(name, ()))
                except ProviderError as failure:
                    results[name] = failure

        await asyncio.gather(*(one(str(number)) for number in range(questions)))
        return Ended(provider, results, loop.time() - provider.begun)

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


@pytest.mark.parametrize("answers", [0, 100])
@pytest.mark.parametrize(
    "error",
    [
        Rejected("You exceeded your current quota", status=429),
        RateLimited("Daily limit reached", status=429, retry_after_s=40_000),
    ],
    ids=["no credit", "tomorrow"],
)
def test_a_quota_that_is_spent_ends_the_run_at_once(error: ProviderError, answers: int) -> None:
    ended = ask(
        lambda name, _: (
            None
            if int(name) < answers
            else type(error)(str(error), status=429, retry_after_s=error.retry_after_s)
        )
    )
    assert ended.took_s < 15
    assert sum(ended.provider.tries.values()) <= IN_FLIGHT + answers
    assert len(ended.errors) == QUESTIONS - answers
    assert all(message.startswith(str(error)) for message in ended.messages)


@pytest.mark.parametrize("answers", [0, 100])
@pytest.mark.parametrize("retry_after_s", [None, 1.0, 20.0])
def test_a_limit_that_never_lifts_ends_the_run_after_five_minutes(
    retry_after_s: float | None, answers: int
) -> None:
    def error(name: str, _now: float) -> ProviderError | None:
        return (
            None if int(name) < answers else RateLimited("slow down", status=429, retry_after_s=retry_after_s)
        )

    ended = ask(error)
    assert 295 <= ended.took_s <= 330
    refused_at = ended.provider.asked_at
    assert len(refused_at) <= answers + 7 * IN_FLIGHT + 80
    for end in range(100, 300, 8):
        assert sum(end - 8 <= at < end for at in refused_at) <= 2
    assert ended.messages == {"slow down"}
    assert len(ended.errors) == QUESTIONS - answers


def test_a_server_that_fails_everything_from_the_start_ends_the_run_soon() -> None:
    ended = ask(lambda *_: Overloaded("no such model loaded", status=500))
    assert ended.took_s < 60
    assert ended.messages == {"no such model loaded"}
    assert sum(ended.provider.tries.values()) <= 12 * IN_FLIGHT


def test_a_wrong_address_ends_the_run_within_ten_seconds() -> None:
    ended = ask(lambda *_: Unreachable("no such host"))
    assert ended.took_s <= 10
    assert ended.messages == {"no such host"}


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_questions_that_always_fail_are_given_up_and_no_others(noise: float, seed: int) -> None:
    dice = random.Random(seed)

    def error(name: str, _now: float) -> ProviderError | None:
        fails = int(name) % 50 == 7 or dice.random() < noise
        return Overloaded("CUDA error", status=500) if fails else None

    ended = ask(error, seed=seed)
    assert set(ended.errors) == {str(number) for number in range(7, QUESTIONS, 50)}
    for name, one in ended.errors.items():
        said = re.fullmatch(
            r"CUDA error; given up after (\d+) attempts, while [\d,]+ others were answered", str(one)
        )
        assert said, one
        assert int(said[1]) == ended.provider.tries[name] >= 3
    assert ended.took_s < 300


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("share", [0.15, 0.3])
def test_failures_at_random_lose_no_question(share: float, seed: int) -> None:
    dice = random.Random(seed)
    ended = ask(
        lambda *_: Overloaded("worker died", status=500) if dice.random() < share else None, seed=seed
    )
    assert ended.errors == {}


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("outage_s", [10, 40])
@pytest.mark.parametrize("status", [500, 502, 503, 0])
def test_an_outage_loses_no_question(status: int, outage_s: float, seed: int) -> None:
    def error(_name: str, now: float) -> ProviderError | None:
        if not 0.1 <= now < 0.1 + outage_s:
            return None
        return Overloaded("away", status=status) if status else Unreachable("no connection")

    ended = ask(error, seed=seed)
    assert ended.errors == {}
    assert ended.took_s < 1.25 * outage_s + 5  # the longest rest before another try


@pytest.mark.parametrize("error", [Overloaded("CUDA error", status=500), BadReply("not JSON")])
def test_one_poisonous_question_asked_alone_does_not_end_the_run(error: ProviderError) -> None:
    ended = ask(
        lambda name, _: type(error)(str(error), status=error.status) if name == "3" else None,
        in_flight=1,
        questions=10,
    )
    assert set(ended.errors) == {"3"}
