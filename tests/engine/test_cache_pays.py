"""From the recipe to the bill: what a run with worked examples pays a provider that has a prompt cache."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
import pytest

from mmlubench import datasets
from mmlubench.engine.limits.budget import Budget
from mmlubench.engine.stack import Limits, assemble
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.reply import Reply
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.prompts import load_recipe
from mmlubench.schema import Params, Question
from mmlubench.solvers import SingleTurn

PRICE = Price(1.0, 5.0, cached_input_per_mtok=0.1, cache_write_per_mtok=1.25)


class Claude:
    """Anthropic's server as far as its cache and its bill go: an entry can be read once its first reply has begun."""

    def __init__(self) -> None:
        self.entries: set[str] = set()
        self.written: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.bill = 0.0

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        content = body["messages"][0]["content"]
        first = content[0]["text"] if isinstance(content, list) else ""
        hit = first in self.entries
        await asyncio.sleep(0.001)
        if first:
            assert content[0]["cache_control"] == {"type": "ephemeral"}
            (self.read if hit else self.written)[first] += 1
            self.entries.add(first)
        rest = len(content[1]["text"] if first else content) // 4
        read, write = (len(first) // 4, 0) if hit else (0, len(first) // 4)
        self.bill += (rest * 1.0 + read * 0.1 + write * 1.25 + 3 * 5.0) / 1e6
        counts = {"cache_read_input_tokens": read, "cache_creation_input_tokens": write}
        usage = {"input_tokens": rest, "output_tokens": 3, **counts}
        payload = {
            "model": "m",
            "content": [{"type": "text", "text": "Answer: B"}],
            "stop_reason": "end_turn",
        }
        return Reply(200, {}, orjson.dumps({**payload, "usage": usage}))

    async def get(self, path: str) -> Reply:
        raise AssertionError("nothing is looked up")

    async def aclose(self) -> None: ...


def asked(prompt_cache: int | None) -> tuple[Claude, Budget, int]:
    """Put all questions that have five examples, 64 at once; the server, what we think it costs, how many they were."""
    data = datasets.load("mmlu", "sample")
    questions = [q for q in data.questions if len(data.examples[q.subject]) >= 5]
    # Eight times each: the sample has two or three questions of a subject.
    many = [Question(**{**values(q), "text": f"{q.text} ({n})"}) for q in questions for n in range(8)]
    spec = ModelSpec(label="m", client="anthropic", model_id="m", price=PRICE, prompt_cache=prompt_cache)
    server, budget = Claude(), Budget(1.0)

    async def run() -> None:
        stack = assemble(Anthropic(spec, transport=server), spec, Limits(64, budget=budget))
        solve = SingleTurn(stack.model, load_recipe("five_shot"), Params(max_tokens=16), data.examples)
        places = asyncio.Semaphore(64)

        async def one(question: Question) -> None:
            async with places:
                assert (await solve(question)).letter == "B"

        await asyncio.gather(*(one(question) for question in many))
        await stack.model.aclose()

    asyncio.run(run())
    return server, budget, len(many)


def values(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in question.__slots__}


def test_each_subjects_examples_are_written_once_and_read_by_all_others() -> None:
    server, budget, count = asked(prompt_cache=100)
    assert len(server.written) == 6  # subjects of the sample that have five examples
    assert set(server.written.values()) == {1}
    assert sum(server.read.values()) == count - 6
    assert budget.spent == pytest.approx(server.bill)  # our bill is theirs


def test_the_cache_pays() -> None:
    with_cache, without = asked(prompt_cache=100), asked(prompt_cache=None)
    assert not without[0].entries
    assert without[1].spent == pytest.approx(without[0].bill)
    assert with_cache[0].bill < 0.6 * without[0].bill


def test_examples_that_are_too_short_cost_what_they_always_did() -> None:
    server, _, _ = asked(prompt_cache=4096)
    assert not server.entries
