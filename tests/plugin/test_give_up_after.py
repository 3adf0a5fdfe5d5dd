"""`--give-up-after`: a server that answers nothing ends the run in so many seconds, and nothing answered is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.figures import TIMES
from tests.fake_server import FakeServer

N = 40
USUAL = ("--data", "sample", "--limit", str(N), "--concurrency", "8", "--give-up-after", "2")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
@pytest.mark.parametrize(
    ("fault", "options", "told"),
    [
        ("rate_429", (), "HTTP 429: Rate limit reached for requests"),
        ("stall", ("--request-timeout", "1"), "did not answer in time"),
        ("reset", (), "Connection reset by peer"),
    ],
    ids=["refuses", "is silent", "hangs up"],
)
def test_a_server_that_stops_answering_ends_the_run_and_what_was_answered_is_kept(
    fault: str,
    options: tuple[str, ...],
    told: str,
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
) -> None:
    folder = make_folder()
    with FakeServer(*["ok"] * 16, always=fault, latency_s=0.02) as server:
        model = ("--model", f"vllm/faulty@{server.url}")
        ran = run_pytest(folder, *model, *USUAL, *options, *workers)
        assert ran.status == 1, ran.output
        assert "Traceback" not in ran.output
        assert Counter(ran.outcomes().values())["error"] == N - 16
        assert ran.entry["answered"] == 16
        assert "no headline number" in ran.output
        assert len(server.requests) <= 16 + 100
        causes = [line for line in ran.output.splitlines() if line[:1].isdigit() and f" {TIMES} " in line]
        assert len(causes) == 1
        assert told in causes[0]

        server.play(latency_s=0.02)
        store = ("--store", "reports/store.sqlite", "--run-dir", "again")
        again = run_pytest(folder, *model, *USUAL, *store, *workers, "--min-accuracy", "0")
        assert again.status == 0, again.output
        assert server.faults == {"ok": N - 16}
        assert "16 answered by the store" in again.output


def test_the_option_reaches_the_layer_that_tries_again(folder, monkeypatch):
    patience = []

    def init(self, model, policy, limiter, real=Retried.__init__):
        patience.append(policy.patience_s)
        real(self, model, policy, limiter)

    monkeypatch.setattr(Retried, "__init__", init)
    folder.run("--model", "mock", "--data", "sample", "--limit", "2", "--give-up-after", "77")
    folder.run("--model", "mock", "--data", "sample", "--limit", "2")
    assert patience == [77.0, 300.0] == [77.0, RetryPolicy().patience_s]


@pytest.mark.parametrize("given", ["0", "-1", "nan", "soon"])
def test_what_is_no_time_is_told_before_anything_is_asked(given, folder):
    result = folder.run("--model", "mock", "--data", "sample", "--give-up-after", given)
    said = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--give-up-after" in said
    assert "Traceback" not in said
