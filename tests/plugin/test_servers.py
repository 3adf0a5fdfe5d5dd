"""Servers that fail: the user is told once why and what to do, nobody waits long, and no figure misleads."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.figures import TIMES
from tests.plugin.sums import sums


@pytest.fixture(scope="module")
def nobody() -> str:
    """An address where no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def lost(
    nobody: str,
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> dict[str, Any]:
    """Two runs that try again for some seconds before they give up; they do so at the same time."""
    dying = start_server("--latency-ms", "20", "--die-after", "60")
    options = ("--model", dying.model, "--data", "sample", "--concurrency", "8", "--give-up-after", "5")
    # It was there a moment ago, when a pre-flight would have looked.
    down = start_pytest(make_folder(test_mmlu=sums(500)), "--model", f"vllm/fake@{nobody}", "--no-preflight")
    dies = start_pytest(make_folder(), *options)
    return {"down": down.wait(timeout_s=60), "dies": dies.wait(timeout_s=60)}


def causes(ran: Any) -> list[str]:
    """The lines that say what went wrong, and how often."""
    return [line for line in ran.output.splitlines() if line[:1].isdigit() and f" {TIMES} " in line]


def assert_no_headline(ran: Any) -> None:
    assert ran.status == 1
    assert not ran.entry["headline"]
    assert "no headline number" in ran.output
    # Progress lines tell the accuracy so far.
    assert not [line for line in ran.output.splitlines() if "accuracy 0" in line and " cases  " not in line]
    assert "Traceback" not in ran.output


@pytest.mark.long
def test_a_server_that_is_down_ends_a_long_run_soon(lost: dict[str, Any], nobody: str) -> None:
    ran = lost["down"]
    assert_no_headline(ran)
    assert Counter(ran.outcomes().values()) == {"error": 500}
    (cause,) = causes(ran)
    assert cause.startswith(f"500 {TIMES} cannot reach {nobody} (Connection refused): is the server running")
    assert "500 errors in" in ran.output
    # Those that were tried are logged with every attempt; most were not tried at all.
    tried = {record["id"] for record in ran.lines("requests")}
    assert 64 <= len(tried) < 150
    assert all("Connection refused" in record["error"] for record in ran.lines("responses"))


@pytest.mark.long
def test_a_server_that_dies_half_way_leaves_what_was_graded(lost: dict[str, Any]) -> None:
    ran = lost["dies"]
    assert_no_headline(ran)
    count = Counter(ran.outcomes().values())
    assert sum(count.values()) == 120
    assert 52 <= 120 - count["error"] <= 60  # at most what was in flight is lost
    assert ran.entry["answered"] == 120 - count["error"]
    assert "cannot reach" in causes(ran)[0]
    replies = [record for record in ran.lines("responses") if "completion" in record]
    assert len(replies) == 120 - count["error"]


def test_limits_and_hiccups_are_waited_out_and_every_attempt_is_logged(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server(
        *("--latency-ms", "5", "--retry-after", "0.2"),
        *("--error-rate", "0.05", "--error-codes", "429,500,503,529"),
    )
    ran = run_pytest(make_folder(), "--model", server.model, "--data", "sample")
    stats = server.stats()
    assert stats["errors"] > 0
    assert ran.entry["outcomes"]["error"] == 0
    requests, responses = ran.lines("requests"), ran.lines("responses")
    assert len(requests) == len(responses) == stats["total"] == ran.entry["requests"]
    assert sum("error" in record for record in responses) == stats["errors"]
    assert {r["status"] for r in responses if "error" in r} <= {429, 500, 503, 529}
    attempts = Counter(record["id"] for record in requests)
    assert all(record["attempt"] <= attempts[record["id"]] for record in requests)
    assert {record["id"]: record["requests"] for record in ran.lines("results")} == attempts
    assert max(attempts.values()) > 1


@pytest.mark.parametrize(
    ("code", "told"),
    [("404", "but without /chat/completions"), ("401", "wants a key")],
    ids=["not-found", "bad-key"],
)
def test_a_refusal_of_everything_is_told_in_the_servers_words_and_not_asked_for_again(
    code: str,
    told: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "5", "--error-rate", "1", "--error-codes", code)
    options = ("--model", server.model, "--data", "sample", "--concurrency", "8")
    ran = run_pytest(make_folder(), *options)
    assert_no_headline(ran)
    (cause,) = causes(ran)
    assert cause.startswith(f"120 {TIMES} vllm-fake: HTTP {code}: an error as ordered")
    assert told in cause
    assert server.stats()["total"] <= 8 + 2  # what was in flight, and not the whole benchmark
    assert {record["attempt"] for record in ran.lines("requests")} == {1}


def test_a_wrong_address_is_recognized(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "5")
    wrong = server.model.removesuffix("/v1")
    refused = run_pytest(make_folder(), "--model", wrong, "--data", "sample", "-n", "2")
    assert refused.status == 4
    assert f"base_url must be {server.model.partition('@')[2]}" in refused.output
    ran = run_pytest(make_folder(), "--model", wrong, "--data", "sample", "-n", "2", "--no-preflight")
    assert_no_headline(ran)
    (cause,) = causes(ran)
    assert "no such path: /chat/completions" in cause
    assert f"base_url must be {server.model.partition('@')[2]}" in cause
