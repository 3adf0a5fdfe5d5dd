from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from mmlubench.engine.journal import Journal, current_journal
from mmlubench.engine.stack import Limits, assemble
from mmlubench.errors import Overloaded, Unreachable
from mmlubench.models.spec import ModelSpec, RateLimits
from mmlubench.schema import Completion, Request

CLAUDE = ModelSpec("claude", "anthropic", "claude-x")


def test_a_stumbling_provider_answers_and_every_attempt_is_in_the_log_under_the_models_name(
    scripted: Callable[..., Any], make_request: Callable[..., Request], reply: Completion, slept: list[float]
) -> None:
    provider = scripted(Overloaded("busy", status=529), reply)
    model = assemble(provider, CLAUDE, Limits(concurrency=4)).model
    journal = Journal()

    async def case() -> Completion:
        current_journal.set(journal)
        return await model.generate(make_request("mmlu/anatomy/0001"))

    assert asyncio.run(case()) is reply
    written = [json.loads(line) for line in journal.requests + journal.responses]
    assert [(line["model"], line["attempt"]) for line in written] == [("claude", 1), ("claude", 2)] * 2
    assert len(slept) == 1


def test_a_question_that_is_not_asked_any_more_is_not_logged_as_asked(
    scripted: Callable[..., Any], make_request: Callable[..., Request], virtually: Callable[..., Any]
) -> None:
    # `requests.jsonl` and the count of requests must tell what was really sent to a server that is not there.
    provider = scripted(Unreachable("gone"))
    model = assemble(provider, CLAUDE, Limits(concurrency=1)).model

    async def case() -> Journal:
        current_journal.set(journal := Journal())
        await asyncio.gather(model.generate(make_request()), return_exceptions=True)
        return journal

    async def run(_clock: object) -> list[Journal]:
        return [await asyncio.create_task(case()) for _ in range(7)]

    journals = virtually(run)
    counts = [len(journal.requests) for journal in journals]
    assert counts[-2:] == [0, 0]
    assert [journal.sent for journal in journals] == counts
    assert len(provider.asked) == sum(counts)


def test_the_limit_holds_for_tests_that_ask_many_things_at_once(make_request: Callable[..., Request]) -> None:
    running, most = 0, 0

    class Provider:
        async def generate(self, request: Request) -> Completion:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return Completion(request.id, "stop")

        async def aclose(self) -> None: ...

    model = assemble(Provider(), CLAUDE, Limits(concurrency=3)).model

    async def case() -> list[Completion]:
        return await asyncio.gather(*(model.generate(make_request(str(number))) for number in range(12)))

    assert [completion.text for completion in asyncio.run(case())] == [str(number) for number in range(12)]
    assert most == 3


@pytest.mark.parametrize(("rpm", "rate"), [(1200, 5.0), (None, inf)])
def test_the_rate_of_models_yaml_is_shared_among_workers(
    rpm: int | None, rate: float, scripted: Callable[..., Any]
) -> None:
    spec = ModelSpec("m", "openai", "m", rate_limits=RateLimits(rpm, None))
    assert assemble(scripted(), spec, Limits(concurrency=8, workers=4)).limiter.limits.rate == rate


def test_closing_the_stack_closes_the_provider(scripted: Callable[..., Any]) -> None:
    provider = scripted()
    asyncio.run(assemble(provider, CLAUDE, Limits(concurrency=1)).model.aclose())
    assert provider.closed == 1
