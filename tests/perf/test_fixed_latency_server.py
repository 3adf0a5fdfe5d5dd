"""The fixed-latency server: if it counts, waits or fails wrongly, all speed figures and fault tests are wrong."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "perf" / "fixed_latency_server.py"
CHAT = "/v1/chat/completions"
Reply = tuple[int, Any, str | None]


class Server:
    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(SCRIPT), "--port", "0", "--max-seconds", "60", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = json.loads(self.process.stdout.readline())["port"]

    def ask(self, path: str, body: object = None) -> Reply:
        """Status, decoded body, and the Retry-After header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST" if body else "GET", path, json.dumps(body) if body else None)
            response = connection.getresponse()
            return response.status, json.loads(response.read()), response.headers["Retry-After"]
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def starter(*options: str) -> Server:
        servers.append(Server(*options))
        return servers[-1]

    yield starter
    for server in servers:
        server.stop()


def question(text: str, model: str = "m") -> dict[str, Any]:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": text}]
    return {"model": model, "messages": messages}


def test_both_vendors_shapes_carry_the_letter_of_the_last_message(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "0", "--text", "The answer is {letter}.")
    expected = f"The answer is {'ABCD'[zlib.crc32(b'why?') & 3]}."
    status, chat, _ = server.ask(CHAT, question("why?", model="org/model"))
    assert (status, chat["choices"][0]["message"]["content"], chat["model"]) == (200, expected, "org/model")
    blocks = {"messages": [{"role": "user", "content": [{"type": "text", "text": "why?"}]}]}
    status, message, _ = server.ask("/v1/messages", blocks)
    assert (status, message["content"][0]["text"], message["stop_reason"]) == (200, expected, "end_turn")


def test_it_counts_overlapping_requests_and_makes_each_wait(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "200")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: server.ask(CHAT, question(f"question {n % 4}")), range(8)))
    stats = server.ask("/stats")[1]
    assert (stats["total"], stats["errors"], stats["unique_bodies"], stats["in_flight"]) == (8, 0, 4, 0)
    assert 2 <= stats["max_in_flight"] <= 8
    assert stats["span_s"] >= 0.19
    assert server.ask("/reset")[1]["total"] == server.ask("/stats")[1]["max_in_flight"] == 0


def test_errors_come_as_ordered_with_their_retry_after(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "0", "--error-rate", "1", "--error-codes", "529", "--retry-after", "2")
    status, body, retry_after = server.ask(CHAT, question("x"))
    assert (status, body["error"]["code"], retry_after) == (529, "529", "2")
    assert server.ask("/stats")[1]["errors"] == 1


def test_a_bad_request_and_a_wrong_path_are_refused(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "0")
    assert server.ask(CHAT, {"messages": []})[0] == 400
    assert server.ask("/v1/nothing", question("x"))[0] == 404
    assert server.ask("/health")[:2] == (200, {"status": "ok"})
    assert server.ask("/v1/models")[1]["data"][0]["id"] == "fake"


def test_it_dies_on_the_request_after_the_last_it_was_to_answer(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "0", "--die-after", "2")
    assert [server.ask(CHAT, question("x"))[0] for _ in range(2)] == [200, 200]
    with pytest.raises(ConnectionError):
        server.ask(CHAT, question("x"))
    assert server.process.wait(timeout=5) == 1


def test_too_many_requests_at_once_are_told_so(start: Callable[..., Server]) -> None:
    server = start("--latency-ms", "600", "--concurrency-limit", "1")
    with ThreadPoolExecutor(3) as pool:
        statuses = [reply[0] for reply in pool.map(lambda _: server.ask(CHAT, question("x")), range(3))]
    assert sorted(statuses) == [200, 429, 429]
