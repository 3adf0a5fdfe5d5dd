"""The engine of a vLLM is killed in the middle of a run, and the server is started again without its adapter."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.servers

QUESTIONS, BEFORE, AT_ONCE = 20, 4, 4
RUN_S, GONE_S = 900, 120
LOADED = '"POST /v1/load_lora_adapter HTTP/1.1" 200'
OPTIONS = (
    *("--recipe", "hendrycks", "--shots", "0", "--scoring", "logprob:completions", "--limit", str(QUESTIONS)),
    *(
        "--concurrency",
        str(AT_ONCE),
        "--min-accuracy",
        "0",
        "--min-letter-mass",
        "0",
        "--max-unparsed-rate",
        "1",
    ),
)


@pytest.fixture
def begin(
    vllm: Any,
    adapters: Path,
    questions: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
) -> Iterator[Callable[..., Any]]:
    """Start a run of the adapter, in a folder that may have had one."""
    asked = ("--model", vllm.model, "--adapter", "letters", "--adapter-path", str(adapters / "letters"))

    def start(*options: str, folder: Path | None = None) -> Any:
        return start_pytest(folder or make_folder(), *asked, *questions, *OPTIONS, *options)

    yield start
    if vllm.process.poll() is not None:  # the next test finds it as it was
        vllm.start()
    vllm.ready()


def kill_in_the_middle(run: Any, vllm: Any) -> None:
    """Kill the engine once there are some results, and see vLLM end of it."""
    end = time.monotonic() + RUN_S
    while sum(file.read_bytes().count(b"\n") for file in run.folder.glob("reports/*/results.jsonl")) < BEFORE:
        assert run.process.poll() is None, run.process.communicate()[0]
        assert time.monotonic() < end, f"there were no {BEFORE} results within {RUN_S} s"
        time.sleep(0.1)
    vllm.kill_engine()
    vllm.process.wait(GONE_S)


def answered(folder: Path) -> Counter[str]:
    """How often the server answered each question, in all runs of a folder; replies from the store are none of it."""
    lines = [
        json.loads(line)
        for file in folder.glob("reports/*/responses.jsonl")
        for line in file.read_text().splitlines()
    ]
    return Counter(line["id"] for line in lines if "completion" in line and not line.get("stored"))


def test_a_run_waits_for_the_server_loads_the_adapter_again_and_asks_nothing_twice(
    vllm: Any, begin: Callable[..., Any]
) -> None:
    run = begin()
    kill_in_the_middle(run, vllm)
    loads = vllm.log.read_text(errors="replace").count(LOADED)
    vllm.start()
    ran = run.wait(RUN_S)
    assert ran.status == 0, ran.output
    assert "waiting for unreachable server" in ran.output
    assert vllm.ready().log.read_text(errors="replace").count(LOADED) == loads + 1
    results = ran.lines("results")
    assert len(results) == len({line["id"] for line in results}) == QUESTIONS
    assert {line["served_model"] for line in results} == {"letters"}
    assert ran.entry["outcomes"]["error"] == ran.entry["outcomes"]["skipped"] == 0
    assert answered(ran.folder) == Counter(line["id"] for line in results)
    again = {line["id"] for line in ran.lines("requests") if line["attempt"] > 1}
    print(f"\n{len(again)} of {QUESTIONS} questions met the outage")
    assert 1 <= len(again) <= AT_ONCE + 8  # a few others are tried in the meantime


def test_a_run_that_shall_not_wait_stops_and_the_next_one_asks_only_what_is_left(
    vllm: Any, begin: Callable[..., Any]
) -> None:
    run = begin("--wait-for-server", "3")
    kill_in_the_middle(run, vllm)
    stopped = run.wait(RUN_S)
    assert stopped.status == 1, stopped.output
    assert "no headline" in stopped.output
    before = answered(stopped.folder)
    assert BEFORE <= len(before) < QUESTIONS
    vllm.start()
    vllm.ready()  # it is waited for only in the middle of a run, unless one says so
    after = begin(folder=stopped.folder).wait(RUN_S)
    assert after.status == 0, after.output
    counts = answered(stopped.folder)
    assert len(counts) == QUESTIONS
    assert set(counts.values()) == {1}
