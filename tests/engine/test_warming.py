"""The prompt cache is filled by one request before the others of its kind are let go."""

from __future__ import annotations

import asyncio

from mmlubench.engine.prompt_cache import CacheWarmed
from mmlubench.errors import Overloaded
from mmlubench.schema import Completion, Message, Request


class Kitchen:
    """A Model that answers when it is told to, and notes in which order it was asked."""

    def __init__(self, *fails: str) -> None:
        self.asked: list[str] = []
        self.fails = fails
        self.closed = 0
        self.ready = asyncio.Event()

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request.id)
        await self.ready.wait()
        if request.id in self.fails:
            raise Overloaded("busy")
        return Completion(request.id, "stop")

    async def aclose(self) -> None:
        self.closed += 1


def ask(name: str, examples: str = "anatomy: an example. ", shared: bool = True) -> Request:
    return Request(name, (Message("user", examples + name, len(examples) if shared else 0),))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_one_request_of_each_subject_goes_first_and_the_others_follow_its_reply() -> None:
    # If it fails, 64 requests write the cache at 1.25 times the price and none reads it.
    async def case() -> None:
        kitchen = Kitchen()
        model = CacheWarmed(kitchen, least_tokens=5)
        waiting = [
            asyncio.create_task(model.generate(ask(f"{subject}{n}", f"{subject}: an example. ")))
            for subject in ("anatomy", "biology")
            for n in range(4)
        ]
        await turns()
        assert kitchen.asked == ["anatomy0", "biology0"]
        kitchen.ready.set()
        replies = await asyncio.gather(*waiting)
        assert [reply.text for reply in replies] == [
            f"{s}{n}" for s in ("anatomy", "biology") for n in range(4)
        ]
        kitchen.ready.clear()
        late = [
            asyncio.create_task(model.generate(ask(f"late{n}", "anatomy: an example. "))) for n in range(3)
        ]
        await turns()
        assert kitchen.asked[-3:] == ["late0", "late1", "late2"]  # warm already
        kitchen.ready.set()
        await asyncio.gather(*late)

    asyncio.run(case())


def test_what_cannot_be_cached_waits_for_nobody() -> None:
    async def case() -> None:
        kitchen = Kitchen()
        model = CacheWarmed(kitchen, least_tokens=5)
        short = [asyncio.create_task(model.generate(ask(f"short{n}", "brief "))) for n in range(3)]
        alone = [asyncio.create_task(model.generate(ask(f"alone{n}", shared=False))) for n in range(3)]
        await turns()
        assert len(kitchen.asked) == 6
        kitchen.ready.set()
        await asyncio.gather(*short, *alone)

    asyncio.run(case())


def test_a_first_request_that_fails_holds_nobody_back() -> None:
    # If it fails, a subject whose first question is refused would hang the run.
    async def case() -> None:
        kitchen = Kitchen("one")
        model = CacheWarmed(kitchen, least_tokens=5)
        kitchen.ready.set()
        results = await asyncio.gather(
            *(model.generate(ask(name)) for name in ("one", "two", "three")), return_exceptions=True
        )
        assert isinstance(results[0], Overloaded)
        assert [r.text for r in results[1:] if isinstance(r, Completion)] == ["two", "three"]

    asyncio.run(case())


def test_a_first_request_that_is_given_up_holds_nobody_back() -> None:
    async def case() -> None:
        kitchen = Kitchen()
        model = CacheWarmed(kitchen, least_tokens=5)
        first = asyncio.create_task(model.generate(ask("one")))
        second = asyncio.create_task(model.generate(ask("two")))
        await turns()
        first.cancel()
        await turns()
        assert kitchen.asked == ["one", "two"]
        kitchen.ready.set()
        assert (await second).text == "two"

    asyncio.run(case())


def test_closing_goes_through() -> None:
    async def case() -> None:
        kitchen = Kitchen()
        await CacheWarmed(kitchen, 5).aclose()
        assert kitchen.closed == 1

    asyncio.run(case())
