"""Limits and outages in real time, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from mmlubench.engine.limits.retry import RetryPolicy
from mmlubench.schema import Completion
from tests.fake_server import FakeServer, Limit

pytestmark = pytest.mark.asyncio


@pytest.mark.long
@pytest.mark.parametrize("retry_after", [None, "1"])
async def test_a_limit_of_a_hundred_a_second_is_kept_for_half_a_minute(
    retry_after: str | None, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=100, burst=100, retry_after=retry_after, latency_s=0.05)
    with FakeServer(always=limit) as server:
        begun = time.monotonic()
        asked = await ask(at("aiohttp", server.url), count=3000, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    assert set(server.bodies.values()) - {1} <= set(range(2, 10))  # only who was turned down was sent again
    late = server.statuses(begin=begun + 10, end=begun + 27)
    print(f"\n{late[200] / 17:.1f} a second, {late[429] / late.total():.2%} turned down after 10 s")
    assert 90 <= late[200] / 17 <= 110
    assert late[429] / late.total() < 0.02


async def test_a_limit_costs_no_answer_and_few_requests(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=60, burst=10, retry_after="1", latency_s=0.02)
    with FakeServer(always=limit) as server:
        asked = await ask(at("aiohttp", server.url), count=200, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses()[200] == 200
    assert max(server.bodies.values()) <= 10
    assert len(asked.lines("requests")) == len(server.requests)


@pytest.mark.parametrize("carrier", ["aiohttp", "openai"])
async def test_a_server_that_says_how_much_is_left_is_not_asked_in_vain(
    carrier: str, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=20, burst=10, headers=True)
    with FakeServer(always=limit) as server:
        asked = await ask(at(carrier, server.url), count=30, wide=1)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses() == {200: 30}
    pauses = [after.at - before.at for before, after in pairwise(server.requests)]
    assert max(pauses) > 0.3  # ten at once, then half a second until the limit is whole again


async def test_a_known_rate_is_kept_without_a_single_rejection(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = Limit(rate=50, burst=10)
    with FakeServer(always=limit) as server:
        asked = await ask(at("aiohttp", server.url), count=100, rpm=50 * 60)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses() == {200: 100}
    assert 1.7 <= asked.seconds <= 3


async def test_a_server_that_is_stopped_and_started_again_half_way_costs_no_answer(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    async def restart() -> None:
        await asyncio.sleep(0.5)
        server.stop()
        await asyncio.sleep(2.5)
        server.start()

    async def questions() -> Any:
        return await ask(at("aiohttp", server.url), count=1000, wide=32, ahead=32, policy=RetryPolicy())

    with FakeServer(latency_s=0.05) as server:
        asked, _ = await asyncio.gather(questions(), restart())
    assert all(isinstance(result, Completion) for result in asked.results)
    twice = sum(count - 1 for count in server.bodies.values())
    assert twice <= 32  # those in flight when it went down, and no others
