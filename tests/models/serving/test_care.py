"""What is done for a server with a known weakness: its adapter is loaded again, echoes come one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmlubench.errors import ModelError, ProviderError, Rejected, Unreachable
from mmlubench.models.serving.care import OneEcho, Reloaded, is_frail_at_echo
from mmlubench.models.serving.server import Kind, Listed, Server
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Request

GOOD = Completion("B", "stop")
ASKED = Request("q", ())


class Engine:
    """A server that knows its adapter, until it is started again."""

    def __init__(self) -> None:
        self.has_adapter, self.loads, self.asked = True, 0, 0
        self.problem: ModelError | None = None

    async def generate(self, _request: Request) -> Completion:
        self.asked += 1
        has_it = self.has_adapter
        await asyncio.sleep(0)
        if not has_it:
            raise Rejected("the model `letters` does not exist", status=404)
        return GOOD

    async def load(self) -> None:
        self.loads += 1
        await asyncio.sleep(0)
        if self.problem is not None:
            raise self.problem
        self.has_adapter = True

    async def aclose(self) -> None: ...


def ask(engine: Engine, then: Callable[[], None] = lambda: None, at_once: int = 1) -> list[object]:
    """One request, then what happens to the server, then more requests, at once."""

    async def both() -> list[object]:
        model = Reloaded(engine, engine.load)
        await model.generate(ASKED)
        then()
        more = [model.generate(ASKED) for _ in range(at_once)]
        return list(await asyncio.gather(*more, return_exceptions=True))

    return asyncio.run(both())


def test_a_server_that_was_started_again_gets_its_adapter_once_for_all_requests() -> None:
    engine = Engine()
    assert ask(engine, lambda: setattr(engine, "has_adapter", False), at_once=5) == [GOOD] * 5
    assert engine.loads == 1


def test_an_adapter_that_was_lost_before_its_first_answer_is_loaded_again() -> None:
    engine = Engine()
    engine.has_adapter = False
    assert asyncio.run(Reloaded(engine, engine.load).generate(ASKED)) == GOOD
    assert engine.loads == 1


def test_why_it_cannot_be_loaded_is_told_and_it_is_tried_once() -> None:
    engine = Engine()
    engine.problem = ModelError("start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True")
    found = ask(engine, lambda: setattr(engine, "has_adapter", False), at_once=3)
    assert any("VLLM_ALLOW_RUNTIME_LORA_UPDATING" in str(error) for error in found)
    assert all(isinstance(error, Rejected) for error in found)
    assert engine.loads == 1


def test_a_server_that_went_away_again_is_tried_later() -> None:
    engine = Engine()
    engine.problem = ModelError("cannot reach it")
    engine.problem.__cause__ = Unreachable("cannot reach it")
    [error] = ask(engine, lambda: setattr(engine, "has_adapter", False))
    assert isinstance(error, ProviderError)
    assert error.retryable


def test_a_server_that_dies_again_before_it_answers_gets_its_adapter_again() -> None:
    class Dying(Engine):
        async def load(self) -> None:
            await super().load()
            self.has_adapter = self.loads == 3

    engine = Dying()
    found = ask(engine, lambda: setattr(engine, "has_adapter", False), at_once=4)
    assert GOOD in found
    assert engine.loads == 3


def test_echoes_come_one_after_another_and_nothing_else_waits() -> None:
    class Counting(Engine):
        under_way = most = 0

        async def generate(self, request: Request) -> Completion:
            if request.continuation:
                self.under_way += 1
                self.most = max(self.most, self.under_way)
                await asyncio.sleep(0.001)
                self.under_way -= 1
            return GOOD

    async def many() -> None:
        lock = asyncio.Lock()
        models = [OneEcho(engine, lock) for _ in range(2)]
        echo = replace(ASKED, prompt="p", continuation=" A")
        await asyncio.gather(*(models[n % 2].generate(echo) for n in range(10)), models[0].generate(ASKED))

    engine = Counting()
    asyncio.run(many())
    assert engine.most == 1


@pytest.mark.parametrize(
    ("server", "adapter", "is_frail"),
    [
        (Server(Kind.VLLM, models=(Listed("m"),)), None, False),
        (Server(Kind.VLLM, models=(Listed("m"), Listed("a", parent="m"))), None, True),
        (Server(Kind.VLLM), "a", True),
        (Server(Kind.LLAMACPP), "a", False),
        (None, "a", False),
    ],
)
def test_only_a_vllm_with_adapters_is_frail(
    server: Server | None, adapter: str | None, is_frail: bool
) -> None:
    assert is_frail_at_echo(ModelSpec("m", "vllm", "m", adapter=adapter), server) is is_frail
