"""Servers that fail, and the whole stack of layers to ask them with."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from mmlubench.engine.journal import Journal, Journaled, current_journal
from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.models import open_model
from mmlubench.models.names.from_entry import from_name
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Message, Params, Request
from tests.fake_server import FakeServer
from tests.local_servers import free_port, listens, running

#: Much faster than in earnest.
HASTY = RetryPolicy(first_wait_s=0.01, longest_wait_s=0.1, patience_s=3.0)


def spec_for(carrier: str, url: str) -> ModelSpec:
    """A model at a server of this machine, through one of the four ways requests are carried."""
    if carrier == "direct":
        found = from_name(f"vllm/faulty@{url}")
    elif carrier == "aiohttp":  # it carries addresses with something to decode
        found = from_name(f"vllm/faulty@{url.removesuffix('/v1')}/%76%31")
    elif carrier == "openai":
        found = ModelSpec(
            "openai-faulty", "openai", "faulty", base_url=url, transport="sdk", self_hosted=True
        )
    elif carrier == "responses":  # the same carrier, and another protocol
        found = from_name(f"responses/faulty@{url}")
    else:
        found = from_name(f"anthropic/faulty@{url.removesuffix('/v1')}")
    assert found
    return found


@dataclass
class Asked:
    """What came of some requests, and what the journal says of them."""

    results: list[Completion | BaseException]
    journal: Journal
    limiter: Limiter

    @property
    def only(self) -> Any:
        (result,) = self.results
        return result

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in getattr(self.journal, name)]


@asynccontextmanager
async def stack(
    spec: ModelSpec,
    *,
    policy: RetryPolicy,
    timeout_s: float,
    wide: int,
    rpm: float | None,
    env: dict[str, str],
) -> AsyncIterator[tuple[Retried, Limiter]]:
    """All layers that have to do with failures, around a real transport."""
    limiter = Limiter(wide, rpm=rpm)
    provider = open_model(spec, pool=wide, env=env, timeout_s=timeout_s)
    model = Retried(Limited(Journaled(provider, spec.label), limiter), policy, limiter)
    try:
        yield model, limiter
    finally:
        await model.aclose()


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Ask one or more questions, all at once."""

    async def run(
        spec: ModelSpec,
        count: int = 1,
        *,
        policy: RetryPolicy = HASTY,
        timeout_s: float = 5.0,
        wide: int = 64,
        ahead: int | None = None,
        rpm: float | None = None,
        env: dict[str, str] | None = None,
    ) -> Asked:
        """`wide` requests at once; `ahead` bounds the questions that are begun, as the look-ahead does."""
        async with stack(spec, policy=policy, timeout_s=timeout_s, wide=wide, rpm=rpm, env=env or {}) as (
            model,
            limiter,
        ):
            current_journal.set(journal := Journal())
            requests = (
                Request(f"q/{n}", (Message("user", f"Question {n}?"),), Params(max_tokens=8))
                for n in range(count)
            )
            places = asyncio.Semaphore(ahead or count)

            async def one(request: Request) -> Completion:
                async with places:
                    return await model.generate(request)

            results = await asyncio.gather(*map(one, requests), return_exceptions=True)
            return Asked(results, journal, limiter)

    return run


@pytest.fixture
def at() -> Callable[[str, str], ModelSpec]:
    return spec_for


# -- servers that others wrote ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., int]]:
    """Start a server out of an installed package; returns its port. `{port}` stands for that in its options."""
    with ExitStack() as services:

        def start(package: str, *options: str) -> int:
            try:
                version(package)
            except PackageNotFoundError:
                pytest.skip(f"needs the fault server {package}: pip install 'mmlubench[real]'")
            port, log = free_port(), tmp_path_factory.mktemp(package) / "log"
            command = [sys.executable, *(option.replace("{port}", str(port)) for option in options)]
            services.enter_context(running(command, log, partial(listens, port)))
            return port

        yield start


@pytest.fixture(scope="module")
def fake_server() -> Iterator[FakeServer]:
    """A server for runs in processes of their own; each test plays its faults on it."""
    with FakeServer() as server:
        yield server
