"""LiteLLM's proxy in front of servers that fail, and of a real model: what it makes of their errors is its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fake_server import FakeServer

pytestmark = [pytest.mark.real_server, pytest.mark.long]

KEY = "sk-gateway-of-the-tests"
MODELS = """
models:
  asked:
    model_name: {client}/{name}
    base_url: {address}
    api_key_env: GATEWAY_KEY
"""
AT_ONCE = 8
#: How we ask the gateway, and which of its ways to a server it takes.
WAYS = [("openai", "vllm"), ("openai", "openai"), ("anthropic", "messages"), ("anthropic", "vllm")]
FAULTS = (
    "reset",
    "half_body",
    "html_502",
    "same_500",
    "rate_429",
    "html_200",
    "half_json",
    "empty_200",
    "wait_429",
)


@pytest.fixture
def run_through(make_folder: Callable[..., Path], start_pytest: Callable[..., Any]) -> Callable[..., Any]:
    """Start a run through a gateway: its address, the format we ask in, the model's name there."""

    def run(gateway: str, client: str, name: str, *options: str) -> Any:
        folder = make_folder()
        address = gateway if client == "anthropic" else f"{gateway}/v1"
        (folder / "models.yaml").write_text(MODELS.format(client=client, name=name, address=address))
        usual = ("--model", "asked", "--data", "sample", "--min-accuracy", "0", "--max-unparsed-rate", "1")
        return start_pytest(folder, *usual, *options, GATEWAY_KEY=KEY)

    return run


@pytest.mark.parametrize(("client", "name"), WAYS)
def test_what_fails_behind_the_gateway_is_asked_again_and_nothing_is_lost(
    client: str, name: str, gateway: str, backend: FakeServer, run_through: Callable[..., Any]
) -> None:
    # Some answers first, so that the pace is known before a rejection cuts it; no request meets the same fault thrice.
    backend.play(*["ok"] * 16, *(each for fault in FAULTS for each in (fault, "ok")), latency_s=0.05)
    ran = run_through(gateway, client, name, "--limit", "60", "--concurrency", str(AT_ONCE)).wait(300)
    assert ran.status == 0, ran.output
    assert "error" not in ran.outcomes().values()
    assert {record["prediction"] for record in ran.lines("results")} == {"B"}
    done = backend.faults
    sent, seen = len(ran.lines("requests")), done.total()
    print(f"\n{client} over {name}: {sent} requests for 60 questions, {seen} of them came to the server")
    assert done.pop("ok") == 60
    assert done == dict.fromkeys(FAULTS, 1)
    assert 60 < sent <= seen  # the gateway asks again by itself now and then


@pytest.mark.parametrize(("client", "name"), WAYS)
def test_a_server_that_restarts_behind_the_gateway_costs_no_answer(
    client: str, name: str, gateway: str, backend: FakeServer, run_through: Callable[..., Any]
) -> None:
    backend.play(latency_s=0.3)
    run = run_through(gateway, client, name, "--limit", "100", "--concurrency", str(AT_ONCE))
    end = time.monotonic() + 120
    while len(backend.requests) < 30:
        assert time.monotonic() < end, "the run did not begin"
        time.sleep(0.05)
    answered = sum(request.status == 200 for request in backend.requests)
    begun = len(backend.requests)
    backend.stop()
    time.sleep(4)
    backend.start()
    ran = run.wait(300)
    assert ran.status == 0, ran.output
    assert Counter(ran.outcomes().values()).keys() <= {"correct", "wrong"}
    assert len(ran.outcomes()) == 100
    again = {record["id"] for record in ran.lines("requests") if record["attempt"] > 1}
    twice = answered + len(backend.requests[begun:]) - 100
    print(f"\n{client} over {name}: {len(again)} questions met the outage, {twice} were answered twice")
    assert 1 <= len(again) <= AT_ONCE + 4  # a few others are tried in the meantime
    assert twice <= AT_ONCE + 4


def test_a_pause_that_the_server_behind_asks_for_is_kept(
    gateway: str, backend: FakeServer, run_through: Callable[..., Any]
) -> None:
    # The gateway passes Retry-After on under another name, and only in OpenAI's format.
    backend.play(*["ok"] * 8, "wait_429", latency_s=0.05)
    ran = run_through(gateway, "openai", "vllm", "--limit", "12", "--concurrency", "1").wait(120)
    assert ran.status == 0, ran.output
    begun = [request.at for request in backend.requests]
    assert begun[9] - begun[8] >= 1.0


@pytest.mark.real_model
@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_a_real_model_answers_through_the_gateway(
    client: str, llama_server: str, start_litellm: Callable[..., str], run_through: Callable[..., Any]
) -> None:
    small = {"model": "hosted_vllm/smollm2", "api_base": f"{llama_server}/v1", "api_key": "none"}
    gateway = start_litellm({"small": small})
    brief = ("--max-tokens", "8", "--concurrency", "2", "--limit", "12")
    ran = run_through(gateway, client, "small", *brief).wait(300)
    assert ran.status == 0, ran.output
    assert len(ran.outcomes()) == 12
    assert set(ran.outcomes().values()) <= {"correct", "wrong", "unparsed", "truncated"}
    assert all(record["usage"]["input_tokens"] > 20 for record in ran.lines("results"))
    assert {record["served_model"] for record in ran.lines("results")} == {"small"}
