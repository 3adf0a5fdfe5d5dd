"""Limits and outages over real sockets; in virtual time they are in tests/engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mmlubench.engine.limits.retry import RetryPolicy
from mmlubench.schema import Completion
from tests.fake_server import FakeServer, Limit

pytestmark = pytest.mark.asyncio


@pytest.mark.long
@pytest.mark.parametrize("retry_after", [None, "1"])
async def test_a_limit_of_a_hundred_a_second_is_kept_over_thousands_of_requests(
    retry_after: str | None, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=100, burst=100, retry_after=retry_after, latency_s=0.05)
    with FakeServer(always=limit) as server:
        asked = await ask(at("direct", server.url), count=3000, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    late = Counter(request.status for request in server.requests[-2000:])
    print(f"\n{late[429] / late.total():.2%} of the last 2,000 turned down")
    assert late[429] / late.total() < 0.15


async def test_a_limit_costs_no_answer_and_few_requests(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=200, burst=10, retry_after="1", latency_s=0.02)
    with FakeServer(always=limit) as server:
        asked = await ask(at("direct", server.url), count=200, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses[200] == 200
    assert max(server.bodies.values()) <= 10
    assert len(asked.lines("requests")) == len(server.requests)


@pytest.mark.parametrize("carrier", ["direct", "openai"])
async def test_a_server_that_says_how_much_is_left_is_not_asked_in_vain(
    carrier: str, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=40, burst=10, headers=True)
    with FakeServer(always=limit) as server:
        asked = await ask(at(carrier, server.url), count=30, wide=1)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses == {200: 30}


async def test_a_known_rate_is_kept_without_a_single_rejection(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=100, burst=10)
    with FakeServer(always=limit) as server:
        asked = await ask(at("direct", server.url), count=100, rpm=100 * 60)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses == {200: 100}


async def test_a_server_that_is_stopped_and_started_again_half_way_costs_no_answer(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    async def restart() -> None:
        await asyncio.sleep(0.5)
        server.stop()
        await asyncio.sleep(1)
        server.start()

    async def questions() -> Any:
        return await ask(at("direct", server.url), count=500, wide=32, ahead=32, policy=RetryPolicy())

    with FakeServer(latency_s=0.05) as server:
        asked, _ = await asyncio.gather(questions(), restart())
    assert all(isinstance(result, Completion) for result in asked.results)
    twice = sum(count - 1 for count in server.bodies.values())
    assert twice <= 32  # those in flight when it went down, and no others
