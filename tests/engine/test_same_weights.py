"""A server that was away must have the weights of the run when it answers again, and is not looked at without need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mmlubench.engine.same_weights import SameWeights
from mmlubench.errors import ChangedWeights, Unreachable
from mmlubench.models.base import Told
from mmlubench.schema import Completion, Request

FIRST: Told = {"model": {"root": "/first"}}
SECOND: Told = {"model": {"root": "/second"}}
SECONDS = 60


class Flaky:
    """A Model of which every third request fails, as it does behind a gateway that loses some."""

    def __init__(self) -> None:
        self.asked = 0

    async def generate(self, request: Request) -> Completion:
        self.asked += 1
        await asyncio.sleep(0.1)
        if self.asked % 3 == 0:
            raise Unreachable("it does not answer")
        return Completion("A", "stop")

    async def aclose(self) -> None:
        pass


def ask(virtually: Callable[..., Any], told: Callable[[float], Told]) -> list[float]:
    """Ask for a minute. Returns the seconds at which the server was looked at."""
    looks: list[float] = []

    async def main(clock: Callable[[], float]) -> None:
        async def look() -> Told:
            looks.append(clock())
            return told(clock())

        start = clock()
        model = SameWeights(Flaky(), "m", FIRST, look)
        while clock() < start + SECONDS:
            try:
                await model.generate(Request("q", ()))
            except Unreachable:
                continue

    virtually(main)
    return looks


def test_a_server_that_loses_requests_at_random_is_not_looked_at_after_each(
    virtually: Callable[..., Any],
) -> None:
    looks = ask(virtually, lambda _: FIRST)
    assert SECONDS / 6 <= len(looks) <= SECONDS / 5 + 1  # 200 requests were lost


def test_other_weights_are_seen_although_the_server_was_looked_at_just_before(
    virtually: Callable[..., Any],
) -> None:
    with pytest.raises(ChangedWeights, match="/second"):
        ask(virtually, lambda now: FIRST if now < 1 else SECOND)
