"""Limits and outages in real time, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from mmlubench.engine.limits.retry import RetryPolicy
from mmlubench.schema import Completion

pytestmark = pytest.mark.asyncio


@pytest.mark.long
@pytest.mark.parametrize("retry_after", [None, "1"])
async def test_a_limit_of_a_hundred_a_second_is_kept_for_half_a_minute(
    retry_after: str | None, faults: ModuleType, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = faults.Limit(rate=100, burst=100, retry_after=retry_after)
    async with faults.FaultServer(limit=limit, latency_s=0.05) as server:
        begun = time.monotonic()
        asked = await ask(at("aiohttp", server.url), count=3000, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    assert set(server.bodies.values()) - {1} <= set(range(2, 10))  # only who was turned down was sent again
    late = server.statuses(begin=begun + 10, end=begun + 27)
    print(f"\n{late[200] / 17:.1f} a second, {late[429] / late.total():.2%} turned down after 10 s")
    assert 90 <= late[200] / 17 <= 110
    assert late[429] / late.total() < 0.02


async def test_a_limit_costs_no_answer_and_few_requests(
    faults: ModuleType, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = faults.Limit(rate=60, burst=10, retry_after="1")
    async with faults.FaultServer(limit=limit, latency_s=0.02) as server:
        asked = await ask(at("aiohttp", server.url), count=200, ahead=64, policy=RetryPolicy())
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses()[200] == 200
    assert max(server.bodies.values()) <= 10
    assert len(asked.lines("requests")) == len(server.log)


@pytest.mark.parametrize("carrier", ["aiohttp", "openai"])
async def test_a_server_that_says_how_much_is_left_is_not_asked_in_vain(
    carrier: str, faults: ModuleType, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = faults.Limit(rate=20, burst=10, headers=True)
    async with faults.FaultServer(limit=limit) as server:
        asked = await ask(at(carrier, server.url), count=30, wide=1)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses() == {200: 30}
    pauses = [after - before for (before, *_), (after, *_) in pairwise(server.log) if after - before > 0.3]
    assert pauses  # ten at once, then half a second until the limit is whole again


async def test_a_known_rate_is_kept_without_a_single_rejection(
    faults: ModuleType, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    limit = faults.Limit(rate=50, burst=10)
    async with faults.FaultServer(limit=limit) as server:
        asked = await ask(at("aiohttp", server.url), count=100, rpm=50 * 60)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert server.statuses() == {200: 100}
    assert 1.7 <= asked.seconds <= 3


async def test_a_server_that_is_stopped_and_started_again_half_way_costs_no_answer(
    faults: ModuleType, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    first = faults.FaultServer(latency_s=0.05)
    await first.start(0)
    second = faults.FaultServer(latency_s=0.05)

    async def restart() -> None:
        await asyncio.sleep(0.5)
        await first.__aexit__()
        await asyncio.sleep(2.5)
        await second.start(first.port)

    async def questions() -> Any:
        return await ask(at("aiohttp", first.url), count=1000, wide=32, ahead=32, policy=RetryPolicy())

    asked, _ = await asyncio.gather(questions(), restart())
    await second.__aexit__()
    assert all(isinstance(result, Completion) for result in asked.results)
    twice = sum(count - 1 for count in (first.bodies + second.bodies).values())
    assert twice <= 32  # those in flight when it went down, and no others
