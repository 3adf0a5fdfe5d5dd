"""Limits that change while requests wait: of a model's requests, of a budget, and of what is asked ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.adaptive import AdaptiveLimit
from mmlubench.engine.limits.budget import Budget, Budgeted
from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.rate_search import RateSearch
from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import BudgetSpent
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Message, Params, Request, Usage

Clock = Callable[[], float]


class Shop:
    """A Model that answers after a while for one dollar; it notes when it was asked."""

    def __init__(self, clock: Clock, takes_s: float = 0.1, tokens: int = 10) -> None:
        self.asked: list[float] = []
        self.running = self.most = 0
        self._clock, self._begun, self._takes_s = clock, clock(), takes_s
        self._reply = Completion("B", "stop", Usage(tokens, 0, cost_usd=1.0))

    async def generate(self, request: Request) -> Completion:
        self.asked.append(self._clock() - self._begun)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._takes_s)
        finally:
            self.running -= 1
        return self._reply

    async def aclose(self) -> None: ...


def ask(number: int) -> Request:
    return Request(f"q{number}", (Message("user", "x" * 40),), Params(max_tokens=100))


async def ask_all(model: Any, count: int) -> list[Any]:
    return await asyncio.gather(*(model.generate(ask(n)) for n in range(count)), return_exceptions=True)


# -- requests at once and per minute ---------------------------------------------------------------------------------


def test_requests_that_wait_are_sent_at_once_where_more_may_be_under_way(
    virtually: Callable[..., Any],
) -> None:
    async def main(clock: Clock) -> tuple[Shop, str, list[int]]:
        shop, limiter = Shop(clock, takes_s=10.0), Limiter(2, clock=clock)
        asking = asyncio.ensure_future(ask_all(Limited(shop, limiter), 40))
        await asyncio.sleep(1)
        short_of, running = limiter.short_of(), [shop.running]
        limiter.allow(20, None, None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.append(shop.running)
        limiter.allow(3, None, None)  # those under way go on, and no more are sent before they have ended
        await asyncio.sleep(9.5)
        running.append(shop.running)
        await asyncio.sleep(9)
        running.append(shop.running)
        await asking
        return shop, short_of, running

    shop, short_of, running = virtually(main)
    assert short_of == "concurrency"
    assert running == [2, 20, 18, 3]
    assert len(shop.asked) == 40


def test_no_place_at_all_and_one_again(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> list[float]:
        shop, limiter = Shop(clock), Limiter(4, clock=clock)
        limiter.allow(0, None, None)
        asking = asyncio.ensure_future(ask_all(Limited(shop, limiter), 3))
        await asyncio.sleep(100)
        assert limiter.short_of() == "concurrency"
        assert not shop.asked
        limiter.allow(1, None, None)
        await asking
        assert limiter.short_of() == ""
        return shop.asked

    assert virtually(main) == pytest.approx([100, 100.1, 100.2])


@pytest.mark.parametrize("limit", ["rpm", "tpm"])
def test_a_rate_changes_at_once_up_and_down_and_even_none_is_a_rate(
    limit: str, virtually: Callable[..., Any]
) -> None:
    each = {"rpm": 1.0, "tpm": 110.0}[
        limit
    ]  # a request books the tokens of its text and of the longest reply

    async def main(clock: Clock) -> tuple[list[float], str]:
        def allow(per_minute: float) -> None:
            rate = {limit: per_minute * each}
            limiter.allow(None, rate.get("rpm"), rate.get("tpm"))

        shop, limiter = Shop(clock, tokens=110), Limiter(64, clock=clock, **{limit: 60.0 * each})
        asking = asyncio.ensure_future(ask_all(Limited(shop, limiter), 400))
        await asyncio.sleep(10)
        short_of = limiter.short_of()
        allow(600)
        await asyncio.sleep(10)
        allow(0)
        await asyncio.sleep(100)
        allow(60)
        await asyncio.sleep(10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return shop.asked, short_of

    asked, short_of = virtually(main)
    assert short_of == limit
    counts = [
        sum(begin <= at < end for at in asked) for begin, end in [(0, 10), (10, 20), (20, 120), (120, 130)]
    ]
    slack = 2 if limit == "rpm" else 30  # two seconds' worth of tokens may be saved up, and replies differ
    assert counts[0] == pytest.approx(10, abs=2)
    assert counts[1] == pytest.approx(100, abs=slack)
    assert counts[2] <= 2
    assert counts[3] == pytest.approx(10, abs=slack)


@given(
    changes=st.lists(st.tuples(st.floats(0.1, 3), st.floats(0, 1200)), min_size=1, max_size=8),
    takes_s=st.floats(0.01, 1),
)
def test_no_more_is_sent_than_the_rates_in_force_allow(
    changes: list[tuple[float, float]], takes_s: float
) -> None:
    from perf.virtual_time import VirtualLoop

    async def main(clock: Clock) -> tuple[list[float], float]:
        shop, limiter, allowed = Shop(clock, takes_s), Limiter(64, rpm=60, clock=clock), 1.0
        asking = asyncio.ensure_future(ask_all(Limited(shop, limiter), 600))
        rpm = 60.0
        for seconds, then in changes:
            await asyncio.sleep(seconds)
            allowed += rpm / 60 * seconds
            rpm = then
            limiter.allow(None, rpm, None)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return shop.asked, allowed

    loop = VirtualLoop()
    try:
        asked, allowed = loop.run_until_complete(main(loop.time))
    finally:
        loop.close()
    most = max(60.0, *(rpm for _, rpm in changes)) / 60
    assert (
        len(asked) <= allowed + 0.05 * most + 1e-6
    )  # a bucket keeps what flows in within a twentieth of a second


def test_a_limit_that_the_server_has_cut_stays_cut(virtually: Callable[..., Any]) -> None:
    search = RateSearch(10.0)
    search.fall(10.0, 4.0)
    search.allow(100.0)
    assert search.rate == 4.0
    search.allow(2.0)
    assert search.rate == 2.0
    search.allow(50.0)
    assert search.rate == 10.0  # no further than to the rate that failed; from there it is searched for
    search.return_to(80.0)
    assert search.rate == 50.0
    search.begin_at(0.001)
    search.allow(0.01)
    assert search.rate == 0.01

    limit = AdaptiveLimit(64)
    limit.places = 5
    limit.allow(100, inf)
    assert (limit.places, limit.most_places, limit.is_cut) == (5, 100, False)
    limit.allow(3, inf)
    limit.allow(30, inf)
    assert limit.places == 30


def test_a_shard_is_not_short_of_what_its_server_refuses(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> list[str]:
        limiter = Limiter(4, rpm=600, clock=clock)
        asking = asyncio.ensure_future(ask_all(Limited(Shop(clock), limiter), 300))
        await asyncio.sleep(1.02)
        said = [limiter.short_of()]
        limiter.limits._search.fall(10.0, 5.0)  # the server refused many, and is asked more slowly
        said.append(limiter.short_of())
        limiter.limits._search.rate = 10.0
        said.append(limiter.short_of())
        limiter.limits.pause(5.0, limiter.sent, clock())
        said.append(limiter.short_of())
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return said

    assert virtually(main) == ["rpm", "", "rpm", ""]


# -- money -----------------------------------------------------------------------------------------------------------

SPEC = ModelSpec(label="claude", client="openai", model_id="m", tells_cost=True)


def test_a_request_that_does_not_fit_waits_for_a_larger_part(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> tuple[list[Any], list[float], Budget]:
        shop, budget = Shop(clock), Budget(10.0, workers=5, allows=True)
        asking = asyncio.ensure_future(ask_all(Budgeted(shop, budget, SPEC), 9))
        await asyncio.sleep(5)
        assert (len(shop.asked), budget.wanted, budget.reserved, budget.spent) == (2, 1.0, 0.0, 2.0)
        budget.allow(4.5, final=False)
        await asyncio.sleep(5)
        assert (len(shop.asked), budget.wanted) == (4, 1.0)
        budget.allow(1.0, final=False)  # less than is spent
        await asyncio.sleep(5)
        assert (budget.spent, budget.wanted) == (4.0, 1.0)
        budget.allow(6.0, final=True)
        return await asking, shop.asked, budget

    ended, asked, budget = virtually(main)
    refused = [str(error) for error in ended if isinstance(error, BudgetSpent)]
    assert len(refused) == 3
    assert set(refused) == {
        "--max-cost 10 of all shards: $6.0000 is spent, and one more request might go beyond that; "
        "run again with a higher --max-cost to go on."
    }
    assert asked == pytest.approx([0, 0.1, 5, 5, 15, 15], abs=0.15)
    assert (budget.wanted, budget.reserved) == (0.0, 0.0)


def test_a_smaller_part_takes_nothing_from_requests_under_way(virtually: Callable[..., Any]) -> None:
    async def main(clock: Clock) -> tuple[list[Any], Shop]:
        shop, budget = Shop(clock, takes_s=10.0), Budget(10.0, allows=True)
        model = Budgeted(shop, budget, SPEC)
        await model.generate(ask(0))
        asking = asyncio.ensure_future(ask_all(model, 6))
        await asyncio.sleep(1)
        assert budget.reserved == 6.0
        budget.allow(3.0, final=False)
        await asyncio.sleep(1)
        assert budget.reserved == 6.0
        more = asyncio.ensure_future(model.generate(ask(7)))
        await asyncio.sleep(30)
        assert not more.done()
        assert budget.wanted == 1.0
        budget.expect_no_more()
        return await asyncio.gather(asking, more, return_exceptions=True), shop

    (replies, refused), shop = virtually(main)
    assert all(isinstance(reply, Completion) for reply in replies)
    assert isinstance(refused, BudgetSpent)
    assert "--max-cost 10 ($3 of it for this shard): $7.0000 is spent" in str(refused)
    assert len(shop.asked) == 7


# -- asking ahead ----------------------------------------------------------------------------------------------------


def test_the_look_ahead_uses_places_that_were_added_and_leaves_those_that_were_taken() -> None:
    running = most = 0
    look: LookAhead[int] = LookAhead(2, backlog=0)

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return number

    def job(number: int) -> Job[int]:
        def start() -> Coroutine[Any, Any, int]:
            return work(number)

        return Job(str(number), start)

    jobs = [job(number) for number in range(60)]
    look.plan(jobs)
    look.widen(0)
    assert not look._tasks  # nothing runs before the first result is asked for
    assert [look.result(one) for one in jobs[:10]] == list(range(10))
    assert most == 2
    look.widen(8, backlog=8)
    assert [look.result(one) for one in jobs[10:30]] == list(range(10, 30))
    assert most == 10
    look.widen(-7, backlog=-7)
    [look.result(one) for one in jobs[30:45]]
    most = 0
    [look.result(one) for one in jobs[45:]]
    assert most == 3
    look.close()
