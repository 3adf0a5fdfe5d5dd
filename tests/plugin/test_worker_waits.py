"""What the requests of workers wait for reaches the progress line of the controller."""

from __future__ import annotations

import re
import time
from pathlib import Path
from queue import Empty, Queue
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.waiting import Wait
from mmlubench.plugin.xdist import private_xdist, worker_state
from mmlubench.plugin.xdist.waits import joined, packed, unpacked
from tests.fake_server import FakeServer, Received, Reply, error

LIMITED = Wait("rate limit", 12, 45.0, 3.0, 80.0, "HTTP 429: slow down")
SILENT = Wait("", 64, 45.0, 0.0, 0.0)
seconds = st.floats(0, 1e6)
waits = st.builds(
    Wait, st.sampled_from(["", "rate limit"]), st.integers(0, 9999), seconds, seconds, seconds, st.text()
)


@given(told=st.dictionaries(st.text(max_size=40), waits, max_size=8))
def test_what_a_worker_writes_is_what_the_controller_reads(told: dict[str, Wait]) -> None:
    read = unpacked(packed(told, worker_state.WAITS_BYTES))
    assert read.keys() <= told.keys()
    for label, wait in read.items():
        assert (wait.requests, wait.why, wait.unanswered_s) == (
            told[label].requests,
            told[label].why,
            told[label].unanswered_s,
        )
        assert told[label].message.startswith(wait.message)


@given(told=st.dictionaries(st.text(), waits, max_size=300), most=st.integers(2, 4000))
def test_there_is_always_room(told: dict[str, Wait], most: int) -> None:
    assert len(packed(told, most)) <= most


@given(content=st.binary(max_size=80))
def test_half_a_line_is_no_line(content: bytes) -> None:
    assert isinstance(unpacked(content), dict)


def test_workers_are_added_up() -> None:
    other = Wait("overloaded server", 3, 20.0, 9.0, 40.0, "HTTP 503: loading")
    assert joined([{"m": LIMITED}, {"m": other, "n": SILENT}]) == {
        "m": Wait("rate limit", 15, 20.0, 3.0, 120.0, "HTTP 429: slow down"),
        "n": SILENT,
    }
    assert joined([]) == {}


def test_requests_that_are_merely_slow_are_not_added_to_those_that_wait() -> None:
    assert joined([{"m": SILENT}, {"m": LIMITED}])["m"].requests == 64


def test_a_worker_that_has_ended_waits_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state"
    worker_state.blank(file)
    assert worker_state.waits(file) == b""
    state = worker_state.WorkerState(file)
    state.note_spent(1.5)
    state.note_waits(packed({"m": LIMITED}, worker_state.WAITS_BYTES))
    assert unpacked(worker_state.waits(file)) == {"m": LIMITED}
    worker_state.forget_waits(file)
    assert worker_state.waits(file) == b""
    assert worker_state.spent(file) == 1.5


def test_the_controller_looks_while_it_waits_and_loses_no_event() -> None:
    queue: Queue[Any] = Queue()
    plugins = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(queue=queue))
    config: Any = SimpleNamespace(pluginmanager=plugins)
    looks: list[float] = []
    for _ in range(3):  # once for each worker
        private_xdist.while_waiting(config, 0.05, lambda: looks.append(time.monotonic()))
    with pytest.raises(Empty):
        queue.get(timeout=0.4)
    assert 2 <= len(looks) <= 9
    with pytest.raises(Empty):
        queue.get(block=False)
    queue.put("event")
    assert queue.get(timeout=2.0) == "event"


@pytest.mark.long  # a line is printed every ten seconds
def test_a_rate_limit_before_any_reply_is_shown_with_workers(folder: Any) -> None:
    begun = time.monotonic()

    def limited(request: Received) -> Reply:
        if time.monotonic() - begun < 16:
            return Reply(429, error("Slow down"), {"Retry-After": "2"})
        return Reply()

    folder.own_benchmark(count=6)
    with FakeServer(always=limited) as server:
        ran = folder.run_apart(
            "--model", f"vllm/m@{server.url}", "-k", "capitals", "-n", "2", "-p", "no:cacheprovider"
        )
    assert re.search(r"0/6 cases  waiting for rate limit, \d requests  ", ran.stdout.str())
    assert "(vllm-m: HTTP 429: Slow down)" in ran.stdout.str()
    assert folder.outcomes() == ["wrong"] * 6
