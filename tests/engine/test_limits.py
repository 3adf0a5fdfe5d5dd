from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.errors import Rejected
from mmlubench.schema import Completion, Request


class Busy:
    """A Model that takes as many turns of the loop as a request's id says, and notes how many it has at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.order: list[str] = []

    async def generate(self, request: Request) -> Completion:
        self.order.append(request.id)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(int(request.id)):
                await asyncio.sleep(0)
            if request.id == "0":
                raise Rejected("no")
            return Completion(request.id, "stop")
        finally:
            self.running -= 1

    async def aclose(self) -> None: ...


@given(turns=st.lists(st.integers(0, 9), max_size=30), places=st.integers(1, 5))
def test_never_more_than_the_limit_is_in_flight_and_everyone_is_served_in_turn(
    turns: list[int], places: int
) -> None:
    busy = Busy()

    async def ask_all() -> list[Completion | BaseException]:
        model = Limited(busy, Limiter(places))
        requests = [Request(str(count), ()) for count in turns]
        return await asyncio.gather(*map(model.generate, requests), return_exceptions=True)

    results = asyncio.run(ask_all())
    assert busy.order == [str(count) for count in turns]
    assert [getattr(result, "text", "0") for result in results] == busy.order
    assert busy.most == min(places, len(turns)) or 0 in turns  # a failure is over before the next one comes
    assert busy.most <= places


def test_whoever_is_cancelled_leaves_the_place_to_others() -> None:
    busy = Busy()

    async def scene() -> Completion:
        model = Limited(busy, Limiter(1))
        inside = asyncio.create_task(model.generate(Request("1000000", ())))
        waiting = asyncio.create_task(model.generate(Request("1000001", ())))
        last = asyncio.create_task(model.generate(Request("1", ())))
        await asyncio.sleep(0)
        waiting.cancel()
        inside.cancel()
        return await last

    assert asyncio.run(scene()).text == "1"
    assert busy.order == ["1000000", "1"]


def test_a_limit_can_be_made_before_its_loop_exists() -> None:
    # Models are put together while pytest collects; the loop comes with the first case.
    model = Limited(Busy(), Limiter(1))

    async def both() -> list[Completion]:
        return await asyncio.gather(*(model.generate(Request("3", ())) for _ in range(2)))

    assert [completion.text for completion in asyncio.run(both())] == ["3", "3"]


def test_errors_and_closing_pass_through(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    provider = scripted(Rejected("no"))
    model = Limited(provider, Limiter(1))
    for _ in range(3):  # more often than there are places
        with pytest.raises(Rejected, match=r"^no$"):
            asyncio.run(model.generate(make_request()))
    asyncio.run(model.aclose())
    assert provider.closed == 1
