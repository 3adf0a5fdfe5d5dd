"""Every fault on the wire, through the real transports: what is asked again, what is told, and how often it is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Rejected, Unreachable
from mmlubench.schema import Completion
from tests.fake_server import LETTER, FakeServer

pytestmark = pytest.mark.asyncio

CARRIERS = ("direct", "aiohttp", "openai", "anthropic")
#: Fault, the error it is, and what the error says.
PASSING = [
    ("reset", Unreachable, "cut the connection"),
    ("reset_after_headers", Unreachable, "cut the connection"),
    ("half_body", Unreachable, "cut the connection"),
    ("too_long_length", Unreachable, "cut the connection"),
    ("too_short_length", BadReply, "not "),  # JSON, or HTTP: the rest looks like the next reply
    ("half_json", BadReply, "not JSON"),
    ("empty_200", BadReply, "not JSON"),
    ("error_in_200", BadReply, "the model crashed"),
    ("status_in_200", Overloaded, "no worker is free"),
    ("html_200", BadReply, "Please log in"),
    ("null_choices", BadReply, "does not follow the protocol"),
    ("html_502", Overloaded, "HTTP 502: 502 Bad Gateway"),
    ("same_500", Overloaded, "HTTP 500: CUDA error"),
    ("rate_429", RateLimited, "HTTP 429"),
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(("fault", "kind", "said"), PASSING, ids=[fault for fault, _, _ in PASSING])
async def test_a_fault_that_passes_costs_no_answer_and_is_in_the_log(
    fault: str,
    kind: type[ProviderError],
    said: str,
    carrier: str,
    ask: Callable[..., Any],
    at: Callable[..., Any],
) -> None:
    # Never an answer made of half a reply, never a wrong letter, never a lost question.
    with FakeServer(fault, fault) as server:
        asked = await ask(at(carrier, server.url))
    assert isinstance(asked.only, Completion)
    assert (asked.only.text, asked.only.usage.input_tokens) == (LETTER, 100)
    assert [request.fault for request in server.requests] == [fault, fault, "ok"]
    assert list(server.bodies.values()) == [3]
    requests, responses = asked.lines("requests"), asked.lines("responses")
    assert [line["attempt"] for line in requests] == [1, 2, 3]
    assert ["completion" in line for line in responses] == [False, False, True]
    assert all(said in line["error"] and "\n" not in line["error"] for line in responses[:2])


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("fault", "kind", "sent"),
    [
        ("reset", Unreachable, range(10, 100)),  # until the server is given up
        ("half_body", Unreachable, range(10, 100)),
        ("html_502", Overloaded, range(10, 100)),
        ("rate_429", RateLimited, range(10, 100)),
        ("html_200", BadReply, range(3, 13)),  # until the question is given up
        ("half_json", BadReply, range(3, 13)),
        ("same_500", Overloaded, range(3, 13)),
        ("quota_429", Rejected, [1]),
        ("tomorrow_429", RateLimited, [1]),
        ("no_key_401", Rejected, [1]),
        ("moderated_403", Rejected, [1]),
    ],
)
async def test_a_fault_that_stays_is_told_after_a_bounded_number_of_requests(
    fault: str,
    kind: type[ProviderError],
    sent: Collection[int],
    carrier: str,
    ask: Callable[..., Any],
    at: Callable[..., Any],
) -> None:
    with FakeServer("ok", always=fault) as server:
        await ask(at(carrier, server.url))  # it is there, and has answered
        begun = len(server.requests)
        asked = await ask(at(carrier, server.url))
    assert type(asked.only) is kind
    assert "\n" not in str(asked.only)
    number = len(server.requests) - begun
    assert number in sent
    assert len(asked.lines("requests")) == len(asked.lines("responses")) == number


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_stall_is_cut_off_and_the_question_asked_again(
    carrier: str, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    with FakeServer("stall") as server:
        asked = await ask(at(carrier, server.url), timeout_s=0.5)
    assert asked.only.text == LETTER
    assert "did not answer in time" in asked.lines("responses")[0]["error"]


@pytest.mark.parametrize("fault", ["no_key_401", "quota_429", "tomorrow_429", "html_200"])
async def test_what_concerns_all_is_asked_a_few_times_and_not_thousands(
    fault: str, ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    with FakeServer(always=fault) as server:
        asked = await ask(at("direct", server.url), count=200, wide=4, ahead=4)
    assert all(isinstance(result, ProviderError) for result in asked.results)
    assert len(server.requests) <= (40 if fault == "html_200" else 3 + 3)
    assert sum(str(result).startswith("not asked: ") for result in asked.results) >= 190 - 3


async def test_prompts_that_are_moderated_do_not_stop_the_others(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    with FakeServer(*["moderated_403"] * 20) as server:
        asked = await ask(at("direct", server.url), count=100, wide=1)
    assert sum(isinstance(result, Completion) for result in asked.results) == 80
    assert set(server.bodies.values()) == {1}


async def test_many_faults_among_many_questions_lose_nothing(
    ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    plan = [fault for fault, _, _ in PASSING if fault != "rate_429"] * 4
    with FakeServer(*plan, latency_s=0.01) as server:
        asked = await ask(at("direct", server.url), count=300, wide=16)
    assert {getattr(result, "text", result) for result in asked.results} == {LETTER}
    assert len(server.requests) == 300 + len(plan)


async def test_a_wrong_address_is_told_after_few_requests(
    ask: Callable[..., Any], at: Callable[..., Any], unused_tcp_port: int
) -> None:
    asked = await ask(at("direct", f"http://127.0.0.1:{unused_tcp_port}/v1"), count=100, ahead=8)
    assert {str(result).removeprefix("not asked: ") for result in asked.results} == {
        f"cannot reach http://127.0.0.1:{unused_tcp_port}/v1 (Connection refused): "
        "is the server running and the address right?"
    }
    assert len(asked.lines("requests")) <= 8 * 8 + 8  # those at work when it is plain, and no others
