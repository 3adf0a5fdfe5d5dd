"""llmock, a fault server that others wrote and that judges its client.

pip install 'mmlubench[real]'
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from mmlubench.engine.limits.retry import RetryPolicy
from mmlubench.errors import Overloaded, Rejected
from mmlubench.schema import Completion

pytestmark = pytest.mark.real_server

IN_EARNEST = RetryPolicy()
CODE = "from llmock.cli import app; app()"


class Judge:
    """llmock's control room."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.address}/_llmock/{path}", data, method=method)
        with urlopen(request, timeout=10) as reply:
            return dict(json.load(reply))

    def play(self, *behaviors: dict[str, Any]) -> Judge:
        self._call("POST", "reset", {})
        if behaviors:
            self._call("POST", "scenario", {"behaviors": list(behaviors)})
        return self

    @property
    def requests(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "requests")["requests"])

    @property
    def statuses(self) -> list[int]:
        return [record["status"] for record in self.requests]

    @property
    def complaints(self) -> list[str]:
        """What the client did wrong, and what it might have done better."""
        return [finding["title"] for finding in self._call("GET", "verdict")["findings"]]

    @property
    def grave_complaints(self) -> list[str]:
        """The same but for the advice to let pauses grow: where many wait, it is their turn they wait for."""
        return [title for title in self.complaints if "at a constant interval" not in title]

    def url(self, carrier: str) -> str:
        return self.address + ("/anthropic" if carrier == "anthropic" else "/v1")


@pytest.fixture(scope="module")
def start_llmock(start_service: Callable[..., int]) -> Callable[..., Judge]:
    usual = ("-c", CODE, "serve", "--port", "{port}", "--log-level", "error")
    return lambda *options: Judge(start_service("llmock", *usual, *options))


@pytest.fixture(scope="module")
def llmock(start_llmock: Callable[..., Judge]) -> Judge:
    return start_llmock()


@pytest.mark.asyncio
@pytest.mark.parametrize("carrier", ["aiohttp", "openai", "anthropic", "responses"])
async def test_a_429_with_retry_after_is_waited_out(
    carrier: str, llmock: Judge, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    llmock.play({"type": "fail", "status": 429, "retry_after": 1, "times": 2}, {"type": "reply", "text": "B"})
    asked = await ask(at(carrier, llmock.url(carrier)), policy=IN_EARNEST)
    assert asked.only.text == "B"
    assert llmock.statuses == [429, 429, 200]
    assert llmock.complaints == []


@pytest.mark.asyncio
async def test_anthropics_529_passes(llmock: Judge, ask: Callable[..., Any], at: Callable[..., Any]) -> None:
    llmock.play({"type": "fail", "status": 529, "times": 2}, {"type": "reply", "text": "C"})
    asked = await ask(at("anthropic", llmock.url("anthropic")), policy=IN_EARNEST)
    assert asked.only.text == "C"
    assert llmock.statuses == [529, 529, 200]
    assert llmock.complaints == []


@pytest.mark.asyncio
@pytest.mark.parametrize("carrier", ["aiohttp", "openai", "anthropic"])
@pytest.mark.parametrize(
    ("status", "kind", "most"), [(500, Overloaded, 40), (401, Rejected, 1), (400, Rejected, 1)]
)
async def test_a_failure_that_stays_is_told_and_the_judge_is_content(
    status: int,
    kind: type[Exception],
    most: int,
    carrier: str,
    llmock: Judge,
    ask: Callable[..., Any],
    at: Callable[..., Any],
) -> None:
    llmock.play({"type": "fail", "status": status, "times": None})
    asked = await ask(at(carrier, llmock.url(carrier)), policy=IN_EARNEST)
    assert type(asked.only) is kind
    assert set(llmock.statuses) == {status}
    assert min(most, 3) <= len(llmock.statuses) <= most
    assert llmock.complaints == []


@pytest.mark.asyncio
async def test_a_hundred_questions_through_a_storm_of_faults_all_get_their_answer(
    llmock: Judge, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    # Streams are not asked for, so cut ones cannot come; every kind of failure of a plain reply does.
    kinds = [(429, 0.5), (500, None), (502, None), (503, 0.2), (529, None), (408, None)]
    faults = [
        {"type": "fail", "status": status, "times": 5, **({"retry_after": wait} if wait else {})}
        for status, wait in kinds
    ]
    llmock.play(*faults, {"type": "delay", "seconds": 0.05, "times": None})
    asked = await ask(at("aiohttp", llmock.url("aiohttp")), count=100, ahead=16, policy=IN_EARNEST)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert len(llmock.statuses) == 130
    assert llmock.grave_complaints == []


@pytest.mark.asyncio
async def test_requests_per_minute_of_the_server_are_found_out_and_kept(
    start_llmock: Callable[..., Judge], ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    # 600 a minute, all 600 to be had at once, and then ten a second: its headers say when nothing is left.
    judge = start_llmock("--rpm", "600")
    asked = await ask(at("aiohttp", judge.url("aiohttp")), count=660, ahead=32, policy=IN_EARNEST)
    assert all(isinstance(result, Completion) for result in asked.results)
    assert judge.statuses.count(429) <= 40  # those under way when it ran out, and a few more
    assert judge.complaints == []


@pytest.mark.asyncio
@pytest.mark.parametrize("carrier", ["aiohttp", "openai", "anthropic"])
async def test_a_prompt_too_long_for_the_model_is_told_once_and_costs_the_others_nothing(
    carrier: str, start_llmock: Callable[..., Judge], ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    judge = start_llmock("--context-window", "1")  # tokens; the question has two
    asked = await ask(at(carrier, judge.url(carrier)), policy=IN_EARNEST)
    assert type(asked.only) is Rejected
    assert "HTTP 400" in str(asked.only)
    assert judge.statuses == [400]
    assert judge.complaints == []


@pytest.mark.asyncio
@pytest.mark.parametrize("carrier", ["aiohttp", "openai", "anthropic"])
async def test_streams_that_are_cut_are_nobodys_trouble(
    carrier: str, llmock: Judge, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    # We ask for whole replies: a fault that waits for a stream waits in vain. Bodies cut half way: test_faults_wire.
    llmock.play({"type": "stream_fault", "kind": "truncate", "after_chunks": 1, "times": None})
    asked = await ask(at(carrier, llmock.url(carrier)), policy=IN_EARNEST)
    assert isinstance(asked.only, Completion)
    assert not any(request["stream"] for request in llmock.requests)
    assert llmock.complaints == []


def test_a_whole_run_through_a_storm_loses_nothing_and_the_judge_is_content(
    llmock: Judge, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    faults = [(429, 1.0), (503, 0.2), (500, None), (502, None), (408, None), (429, 0.5)]
    llmock.play(
        {"type": "delay", "seconds": 0.05, "times": None},
        *({"type": "fail", "status": status, "times": 2, "retry_after": wait} for status, wait in faults),
    )
    # Without the pre-flight, whose requests the judge would count.
    options = ["--data", "sample", "--concurrency", "8", "--min-accuracy", "0", "--max-unparsed-rate", "1"]
    options += ["--no-preflight", "--no-store"]
    ran = run_pytest(make_folder(), "--model", f"vllm/any@{llmock.url('aiohttp')}", *options, timeout_s=180)
    assert ran.status == 0, ran.output
    assert "error" not in ran.outcomes().values()
    assert Counter(llmock.statuses) == {200: 120, 429: 4, 503: 2, 500: 2, 502: 2, 408: 2}
    assert llmock.grave_complaints == []
