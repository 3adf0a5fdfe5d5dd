"""Who may ask and when: the queue, and limits that are known; limits to be found are in tests/perf."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.refusals import asks_for_less, is_refusal
from mmlubench.engine.limits.retry import Retried
from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Unreachable
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Message, Request, Usage

#: Much of this plays minutes of a server's life.
pytestmark = pytest.mark.long

Clock = Callable[[], float]
BUSY = RateLimited("slow down", status=429)


def stacked(server: Model, limiter: Limiter) -> Retried:
    return Retried(Limited(server, limiter), limiter=limiter)


def ask(number: int = 1, chars: int = 40) -> Request:
    return Request(f"q{number}", (Message("user", "x" * chars),))


class Quick:
    """A Model that answers after a while, and notes when it was asked; an exception takes an answer's place."""

    def __init__(
        self, clock: Clock, *plan: float | ProviderError, pause_s: float = 0.0, tokens: int = 10
    ) -> None:
        self.asked: list[float] = []
        self.running = self.most = 0
        self._clock, self._begun = clock, clock()
        self._plan = list(plan) or [0.0]
        self._reply = Completion("B", "stop", Usage(tokens, 0), pause_s=pause_s)

    async def generate(self, request: Request) -> Completion:
        self.asked.append(self._clock() - self._begun)
        next_up = self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]
        if isinstance(next_up, ProviderError):
            raise next_up
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(next_up)
        finally:
            self.running -= 1
        return self._reply

    async def aclose(self) -> None: ...


# -- a server without limits, and one that forgets them --------------------------------------------------------------


def test_after_ten_seconds_of_overload_the_full_speed_is_soon_back(
    virtually: Callable[..., Any], busy_server: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> tuple[Any, Limiter]:
        server, limiter = busy_server(clock, down=(20, 30)), Limiter(64, clock=clock)
        assert await asking(stacked(server, limiter), clock, 60) == []
        return server, limiter

    server, limiter = virtually(main)
    assert server.taken(20, 30) == 0
    assert len([at for at, _ in server.log if 21.5 < at < 30]) <= 25  # nobody hammers at it
    assert server.taken(32, 45) > 0.8 * server.taken(5, 20)
    assert (limiter.limits.rate, limiter.limits.places) == (inf, 64)
    assert limiter.limits.is_free


def test_a_server_without_limits_is_never_held_back(
    virtually: Callable[..., Any], busy_server: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> Any:
        server = busy_server(clock)
        await asking(stacked(server, Limiter(64, clock=clock)), clock, 10)
        return server

    server = virtually(main)
    assert server.most_busy > 55
    assert server.taken(0, 10) > 1050  # 64 at once, 55 ms each


# -- limits that are known -------------------------------------------------------------------------------------------


def test_requests_per_minute_are_kept_evenly_from_the_start(
    virtually: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> list[float]:
        server = Quick(clock, 0.1)
        await asking(stacked(server, Limiter(64, rpm=600, clock=clock)), clock, 30)
        return server.asked

    asked = virtually(main)
    in_time = [at for at in asked if at < 30]
    assert 290 <= len(in_time) <= 303
    assert max(sum(begin <= at < begin + 1 for at in asked) for begin in range(29)) <= 12


def test_tokens_per_minute_are_kept_though_nobody_knows_the_replies_before(
    virtually: Callable[..., Any],
) -> None:
    async def main(clock: Clock) -> float:
        server = Quick(clock, 0.01, tokens=500)
        model = Limited(server, Limiter(64, tpm=60_000, clock=clock))
        begun = clock()
        await asyncio.gather(*(model.generate(ask(number)) for number in range(100)))
        return clock() - begun

    # 50,000 tokens at 1,000 a second; the first 64 are guessed at half of what they are
    assert 20 <= virtually(main) <= 55


def test_a_limit_of_ones_own_is_no_licence_to_ignore_the_servers(
    virtually: Callable[..., Any], busy_server: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> Any:
        server = busy_server(clock, rate=10, burst=10)
        assert await asking(stacked(server, Limiter(64, rpm=1800, clock=clock)), clock, 60) == []
        return server

    server = virtually(main)
    assert 9 <= server.taken(10, 60) <= 11
    assert server.rejected(10, 60) < 0.2


# -- pauses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
def test_while_everything_is_refused_nobody_is_sent_before_the_time_the_server_names(
    kind: type[ProviderError], virtually: Callable[..., Any], busy_server: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> list[float]:
        server = busy_server(clock, down=(0, 1), outage=kind("x", status=503, retry_after_s=5))
        model = stacked(server, Limiter(64, clock=clock))
        late = (_later(model, ask(number), 0.1) for number in range(64, 100))
        await asyncio.gather(*(model.generate(ask(number)) for number in range(64)), *late)
        return [at for at, _ in server.log]

    asked = virtually(main)
    assert max(asked[:64]) < 0.1
    assert len(asked) == 64 + 100
    assert min(asked[64:]) >= 5
    assert len(set(asked[64:])) == 100


def test_no_request_is_sent_during_a_pause_and_not_all_at_once_after_it(
    virtually: Callable[..., Any],
) -> None:
    async def main(clock: Clock) -> list[float]:
        server, limiter = Quick(clock), Limiter(64, rpm=6000, clock=clock)
        limiter.limits.pause(5, 0, clock())
        model = stacked(server, limiter)
        await asyncio.gather(*(_later(model, ask(number), number / 20) for number in range(64)))
        return server.asked

    asked = virtually(main)
    assert min(asked) >= 5
    assert all(after > before for before, after in pairwise(asked))


async def _later(model: Model, request: Request, seconds: float) -> Completion:
    await asyncio.sleep(seconds)
    return await model.generate(request)


def test_a_reply_may_ask_for_a_pause_as_well(virtually: Callable[..., Any]) -> None:
    # Rate-limit headers: nothing is left, whole again in 30 s. Nobody need be turned down to learn that.
    async def main(clock: Clock) -> list[float]:
        server = Quick(clock, pause_s=30)
        model = Limited(server, Limiter(64, clock=clock))
        await model.generate(ask(1))
        await model.generate(ask(2))
        return server.asked

    assert virtually(main) == pytest.approx([0, 30], abs=0.2)


# -- the queue -------------------------------------------------------------------------------------------------------


def test_who_waits_is_let_in_in_order(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> list[str]:
        order: list[str] = []

        class Noting(Quick):
            async def generate(self, request: Request) -> Completion:
                order.append(request.id)
                return await super().generate(request)

        model = Limited(Noting(clock, 0.1), Limiter(8, rpm=600, clock=clock))
        await asyncio.gather(*(model.generate(ask(number)) for number in range(50)))
        return order

    assert virtually(main) == [f"q{number}" for number in range(50)]


@given(
    turns=st.lists(
        st.tuples(st.floats(0, 3), st.floats(0, 20), st.booleans(), st.floats(0.01, 10)), max_size=40
    ),
    places=st.integers(1, 5),
    rpm=st.one_of(st.none(), st.floats(30, 6000)),
)
@settings(deadline=None, max_examples=60)
def test_places_are_kept_and_nobody_waits_for_ever_whoever_fails_or_is_cancelled(
    turns: list[tuple[float, float, bool, float]],
    places: int,
    rpm: float | None,
    virtually: Callable[..., Any],
) -> None:
    # (comes after, takes, is turned down, is cancelled after) for each request
    async def main(clock: Clock) -> None:
        limiter = Limiter(places, rpm=rpm, clock=clock)
        running = most = finished = 0

        class Provider:
            async def generate(self, request: Request) -> Completion:
                nonlocal running, most, finished
                _, takes, fails, _ = turns[int(request.id)]
                running += 1
                most = max(most, running)
                try:
                    await asyncio.sleep(takes)
                    if fails:
                        raise BUSY
                finally:
                    running -= 1
                finished += 1
                return Completion("B", "stop")

            async def aclose(self) -> None: ...

        model = Limited(Provider(), limiter)

        async def one(number: int) -> None:
            comes, _, _, patience = turns[number]
            await asyncio.sleep(comes)
            await asyncio.wait_for(model.generate(Request(str(number), ())), patience)

        results = await asyncio.gather(*map(one, range(len(turns))), return_exceptions=True)
        assert most <= places
        assert finished == sum(result is None for result in results)
        assert all(
            result is None or isinstance(result, RateLimited | asyncio.TimeoutError) for result in results
        )
        assert (running, limiter.waiting, limiter.in_flight) == (0, 0, 0)
        turns.append((0, 0, False, 1e6))  # and whoever comes next still gets a place, sooner or later
        await one(len(turns) - 1)
        turns.pop()

    virtually(main)


def test_who_is_cancelled_in_the_queue_does_not_hold_up_those_behind(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> float:
        server = Quick(clock, tokens=1)
        model = Limited(server, Limiter(4, tpm=60, clock=clock))
        great = asyncio.create_task(model.generate(ask(1, chars=4000)))
        small = asyncio.create_task(model.generate(Request("q2", ())))
        await asyncio.sleep(0.5)
        great.cancel()
        await small
        return server.asked[0]

    assert virtually(main) < 5


def test_a_run_that_is_stopped_lets_nobody_in_any_more(virtually: Callable[..., Any]) -> None:
    # Ctrl-C lets what is under way finish; what still waits for its turn must not be sent.
    async def main(clock: Clock) -> tuple[list[Any], int]:
        server, limiter = Quick(clock, 1.0), Limiter(2, clock=clock)
        model = Limited(server, limiter)
        tasks = [asyncio.create_task(model.generate(ask(number))) for number in range(5)]
        await asyncio.sleep(0.5)
        limiter.shut()
        tasks.append(asyncio.create_task(model.generate(ask(6))))
        return await asyncio.gather(*tasks, return_exceptions=True), len(server.asked)

    results, asked = virtually(main)
    assert asked == 2
    assert [isinstance(result, Completion) for result in results] == [True, True, False, False, False, False]
    assert all(isinstance(result, asyncio.CancelledError) for result in results[2:])


def test_who_was_let_in_at_the_very_moment_the_run_is_stopped_is_not_sent_either(
    virtually: Callable[..., Any],
) -> None:
    async def main(clock: Clock) -> tuple[list[Any], int, int]:
        server, limiter = Quick(clock, 1.0), Limiter(1, clock=clock)
        model = Limited(server, limiter)

        async def first() -> Completion:
            completion = await model.generate(ask(1))
            limiter.shut()  # the second one has its place by now, and did not run yet
            return completion

        ended = await asyncio.gather(first(), model.generate(ask(2)), return_exceptions=True)
        return list(ended), len(server.asked), limiter.in_flight

    (first, second), asked, in_flight = virtually(main)
    assert isinstance(first, Completion)
    assert isinstance(second, asyncio.CancelledError)
    assert (asked, in_flight) == (1, 0)


@pytest.mark.parametrize("when", ["before another try", "under way"])
def test_a_run_that_is_stopped_makes_no_other_try_and_waits_for_none(
    when: str, virtually: Callable[..., Any]
) -> None:
    # Or Ctrl-C would take its full five seconds for the sake of requests that are not made anyway.
    async def main(clock: Clock) -> tuple[Any, int, float]:
        server, limiter = (
            Quick(clock, *[RateLimited("x", status=429, retry_after_s=60)] * 9),
            Limiter(2, clock=clock),
        )
        request = asyncio.create_task(stacked(server, limiter).generate(ask()))
        if when == "before another try":
            await asyncio.sleep(0.5)
        begun = clock()
        asyncio.get_running_loop().call_soon(limiter.shut)
        [result] = await asyncio.gather(request, return_exceptions=True)
        return result, len(server.asked), clock() - begun

    result, asked, took_s = virtually(main)
    assert isinstance(result, asyncio.CancelledError)
    assert (asked, took_s) == (1, 0.0)


def test_a_pace_can_be_made_before_its_loop_exists() -> None:
    model = Limited(Quick(time.monotonic), Limiter(1))

    async def both() -> list[Completion]:
        return await asyncio.gather(*(model.generate(ask(number)) for number in range(2)))

    assert len(asyncio.run(both())) == 2


# -- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RateLimited("x", status=429, retry_after_s=5), "rate limit"),
        (Overloaded("x", status=529, retry_after_s=5), "overloaded server"),
        (Unreachable("x"), "unreachable server"),
        (Overloaded("x", status=502), "gateway whose server is away (HTTP 502)"),
        (BadReply("x"), "another try"),
    ],
)
def test_those_who_wait_are_counted_and_it_is_said_what_for(
    error: ProviderError, why: str, virtually: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> tuple[Any, ...]:
        limiter = Limiter(64, clock=clock)
        model = stacked(Quick(clock, error, error, error, 0.0), limiter)
        before = limiter.state()
        tasks = [asyncio.create_task(model.generate(ask(number))) for number in range(3)]
        await asyncio.sleep(0.01)
        during = limiter.state()
        await asyncio.gather(*tasks)
        return before, during, limiter.state()

    before, during, after = virtually(main)
    assert (before, after) == (None, None)
    assert (during.why, during.requests, during.message) == (why, 3, "x")


def test_waiting_for_a_place_is_not_the_servers_doing(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> Any:
        limiter = Limiter(1, clock=clock)
        model = Limited(Quick(clock, 1.0), limiter)
        tasks = [asyncio.create_task(model.generate(ask(number))) for number in range(3)]
        await asyncio.sleep(0.1)
        shown = (limiter.state(), limiter.waiting)
        await asyncio.gather(*tasks)
        return shown

    assert virtually(main) == (None, 0)


def test_a_server_that_does_not_reply_for_half_a_minute_is_told_of(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> list[Any]:
        limiter = Limiter(8, clock=clock)
        model = Limited(Quick(clock, 60.0), limiter)
        tasks = [asyncio.create_task(model.generate(ask(number))) for number in range(3)]
        shown = []
        for _ in range(12):
            await asyncio.sleep(5)
            shown.append(limiter.state())
        await asyncio.gather(*tasks)
        return [*shown, limiter.state()]

    shown = virtually(main)
    texts = [wait and wait.text for wait in shown]
    assert texts[:5] == [None] * 5
    assert "no reply for 40 s, 3 requests under way" in texts
    assert texts[-1] is None


def test_which_failures_ask_for_less() -> None:
    assert [
        asks_for_less(error) for error in (BUSY, Overloaded("x", status=503), Overloaded("x", status=529))
    ] == [True] * 3
    assert not any(map(asks_for_less, (Overloaded("x", status=500), Unreachable("x"), BadReply("x"))))


def test_which_failures_a_request_cannot_have_caused() -> None:
    away = (Overloaded("x", status=502), Overloaded("x", status=504), Unreachable("x"), BUSY)
    assert all(map(is_refusal, away))
    assert not any(map(is_refusal, (Overloaded("x", status=500), BadReply("x"))))
