"""Whole runs against a server that fails: what the user sees, how much more is sent, and that no answer is lost.

With `-s` each prints a line of the table: fault, what the user sees, requests beyond one a question, answers lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.figures import TIMES
from tests.fake_server import FakeServer

pytestmark = pytest.mark.long

N = 40
#: So many requests meet each fault that passes; some others lie between them, as when a server hiccups.
HICCUPS = 3
PASSING = (
    *("reset", "reset_after_headers", "half_body", "too_long_length", "too_short_length"),
    *("half_json", "empty_200", "error_in_200", "status_in_200", "html_200", "null_choices"),
    *("html_502", "same_500", "rate_429", "wait_429"),
)
#: Fault that stays, requests that are made of N questions at the least and at the most, what the user reads.
STAYING = [
    ("same_500", 9, 100, "HTTP 500: CUDA error: device-side assert triggered"),
    ("half_json", 9, 100, "the body is not JSON"),
    ("html_200", 9, 100, "the body is not JSON: '<html>Please log in</html>'"),
    ("error_in_200", 9, 100, "the body is an error: the model crashed"),
    ("quota_429", 3, 8 + 3, "out of credit or over its spend limit, and waiting will not help"),
    ("tomorrow_429", 3, 8 + 3, "HTTP 429: Daily limit reached"),
    ("no_key_401", 3, 8 + 3, "Incorrect API key provided"),
    ("moderated_403", N, N, "Your input was flagged"),
]


@pytest.fixture
def run_against(
    fake_server: FakeServer, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> Callable[..., Any]:
    def run(*options: str) -> Any:
        model = f"vllm/faulty@{fake_server.url}"
        usual = ("--data", "sample", "--limit", str(N), "--concurrency", "8", "--min-accuracy", "0")
        ran = run_pytest(make_folder(), "--model", model, *usual, *options, timeout_s=180)
        assert "Traceback" not in ran.output
        return ran

    return run


def tell(fault: str, seen: str, more: int, lost: int) -> None:
    """Print a line of the table."""
    print(f"\n| {fault} | {seen} | {more} | {lost} |")


@pytest.mark.parametrize("fault", PASSING)
def test_a_hiccup_costs_its_own_requests_and_no_answer(
    fault: str, fake_server: FakeServer, run_against: Callable[..., Any]
) -> None:
    fake_server.play(*["ok"] * 16, *[fault, "ok"] * HICCUPS, latency_s=0.02)
    ran = run_against()
    assert ran.status == 0, ran.output
    assert Counter(ran.outcomes().values()).keys() <= {"correct", "wrong"}
    assert {record["prediction"] for record in ran.lines("results")} == {"B"}
    assert fake_server.faults == {"ok": N, fault: HICCUPS}
    assert len(ran.lines("requests")) == ran.entry["requests"] == N + HICCUPS
    tell(fault, "nothing but the progress line", HICCUPS, 0)


@pytest.mark.parametrize(("fault", "least", "most", "told"), STAYING, ids=[fault for fault, *_ in STAYING])
def test_a_fault_that_stays_is_told_once_and_no_figure_is_claimed(
    fault: str, least: int, most: int, told: str, fake_server: FakeServer, run_against: Callable[..., Any]
) -> None:
    fake_server.play(always=fault, latency_s=0.02)
    ran = run_against()
    assert ran.status == 1
    assert Counter(ran.outcomes().values()) == {"error": N}
    said = " ".join(ran.output.split())
    assert "no headline number" in said
    assert told in said
    sent = sum(fake_server.faults.values())
    assert least <= sent == len(ran.lines("requests")) <= most
    (cause,) = (line for line in ran.output.splitlines() if line.startswith(f"{N} {TIMES} "))
    tell(f"{fault}, for ever", f"exit 1, no headline number; `{cause[:150]}`", sent - N, 0)


def test_a_server_that_falls_silent_is_asked_again_after_the_time_out(
    fake_server: FakeServer, run_against: Callable[..., Any]
) -> None:
    fake_server.play(*["ok"] * 16, *["stall", "ok"] * HICCUPS, latency_s=0.02)
    ran = run_against("--request-timeout", "4")
    assert ran.status == 0, ran.output
    assert {record["prediction"] for record in ran.lines("results")} == {"B"}
    assert fake_server.faults["ok"] == N
    failed = [record["error"] for record in ran.lines("responses") if "error" in record]
    assert len(failed) == HICCUPS
    assert all("did not answer in time" in error for error in failed)
    tell("silence of a minute, with --request-timeout", "nothing but the progress line", HICCUPS, 0)


def test_every_hiccup_at_once_costs_two_workers_no_answer_either(
    fake_server: FakeServer, run_against: Callable[..., Any]
) -> None:
    fake_server.play(*["ok"] * 16, *(each for fault in PASSING for each in (fault, "ok")), latency_s=0.02)
    ran = run_against("-n", "2")
    assert ran.status == 0, ran.output
    assert {record["prediction"] for record in ran.lines("results")} == {"B"}
    assert fake_server.faults == {"ok": N, **dict.fromkeys(PASSING, 1)}
    assert len(ran.lines("requests")) == N + len(PASSING)


def test_a_run_that_met_a_fault_which_stayed_is_taken_up_where_it_was(
    fake_server: FakeServer, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder = make_folder()
    options = ("--model", f"vllm/faulty@{fake_server.url}", "--data", "sample", "--limit", str(N))
    fake_server.play(*["ok"] * 16, always="no_key_401", latency_s=0.02)
    first = run_pytest(folder, *options, "--concurrency", "8")
    assert first.status == 1
    assert Counter(first.outcomes().values())["error"] == N - 16
    fake_server.play(latency_s=0.02)
    second = run_pytest(
        folder, *options, "--concurrency", "8", "--run-dir", "again", "--store", "reports/store.sqlite"
    )
    assert fake_server.faults == {"ok": N - 16}
    assert "· error 0 ·" in " ".join(second.output.split())
