"""Whole runs through LiteLLM's proxy, in both formats it speaks, with the answers and errors it makes up by itself."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real_server, pytest.mark.long]

FORMATS = ("openai", "anthropic")
KEY = "sk-gateway-of-the-tests"
MODELS = """
models:
  asked:
    model_name: {client}/{name}
    base_url: {address}
    api_key_env: GATEWAY_KEY
"""
N = 40


@pytest.fixture
def folder_for(gateway: str, make_folder: Callable[..., Path]) -> Callable[[str, str], Path]:
    """A folder whose models.yaml names one model of the gateway, by format and name."""

    def make(client: str, name: str) -> Path:
        folder = make_folder()
        address = gateway if client == "anthropic" else f"{gateway}/v1"
        (folder / "models.yaml").write_text(MODELS.format(client=client, name=name, address=address))
        return folder

    return make


@pytest.fixture
def run_against(folder_for: Callable[..., Path], run_pytest: Callable[..., Any]) -> Callable[..., Any]:
    def run(client: str, name: str, key: str = KEY) -> Any:
        options = ("--model", "asked", "--data", "sample", "--limit", str(N), "--concurrency", "8")
        ran = run_pytest(folder_for(client, name), *options, timeout_s=240, GATEWAY_KEY=key)
        written = "".join(path.read_text() for path in ran.folder.rglob("*.json*"))
        assert key not in written + ran.output
        assert "Traceback" not in ran.output
        return ran

    return run


@pytest.mark.parametrize("client", FORMATS)
def test_what_the_gateway_answers_is_graded(client: str, run_against: Callable[..., Any]) -> None:
    ran = run_against(client, "says-b")
    results = ran.lines("results")
    assert {record["prediction"] for record in results} == {"B"}
    assert {record["served_model"] for record in results} == {"says-b"}
    right = sum(record["answer"] == "B" for record in results)
    assert Counter(ran.outcomes().values()) == {"correct": right, "wrong": N - right}
    assert ran.entry["requests"] == len(ran.lines("requests")) == N
    assert all(record["usage"]["output_tokens"] for record in results)


@pytest.mark.parametrize("client", FORMATS)
@pytest.mark.parametrize(
    ("name", "most", "told"),
    [
        ("broken", 100, "HTTP 500: litellm.InternalServerError: this is a mock internal server error"),
        ("too-long", N, "HTTP 400: litellm.ContextWindowExceededError"),
        ("no-such-model", N, "HTTP 400: "),
    ],
)
def test_errors_that_stay_are_told_in_the_gateways_words_and_no_answer_is_made_of_them(
    name: str, most: int, told: str, client: str, run_against: Callable[..., Any]
) -> None:
    ran = run_against(client, name)
    assert ran.status == 1
    assert Counter(ran.outcomes().values()) == {"error": N}
    assert "no headline number" in ran.output
    said = [line for line in ran.output.splitlines() if f"/{N} cases  " not in line]  # the progress lines
    assert sum(told in line for line in said) == 1
    assert 9 <= len(ran.lines("requests")) <= most


@pytest.mark.parametrize("client", FORMATS)
def test_a_key_that_the_gateway_does_not_know_is_an_error_and_no_answer(
    client: str, run_against: Callable[..., Any]
) -> None:
    # Without a data base it cannot look the key up, and says that instead of 401.
    ran = run_against(client, "says-b", key="sk-somebody-elses-key")
    assert ran.status == 1
    assert Counter(ran.outcomes().values()) == {"error": N}
    assert "HTTP 400: No connected db." in ran.output
    assert len(ran.lines("requests")) <= N


@pytest.mark.parametrize("client", FORMATS)
def test_a_rate_limit_that_stays_is_waited_for_until_the_run_is_stopped(
    client: str, folder_for: Callable[..., Path], start_pytest: Callable[..., Any]
) -> None:
    options = ("--model", "asked", "--data", "sample", "--limit", "8", "--concurrency", "2")
    run = start_pytest(folder_for(client, "limited"), *options, GATEWAY_KEY=KEY)
    for line in run.process.stdout:
        if "waiting for rate limit, " in line:
            break
    else:
        pytest.fail("no line said what the run waited for")
    run.process.send_signal(signal.SIGTERM)  # as Ctrl-C; but that is ignored in what a shell runs behind
    ran = run.wait(60)
    assert ran.status == 2
    assert set(ran.outcomes().values()) <= {"error", "skipped"}
    statuses = Counter(record.get("status") for record in ran.lines("responses"))
    assert set(statuses) == {429}
    assert statuses.total() <= 20  # in ten seconds: it slows down where it is turned down
