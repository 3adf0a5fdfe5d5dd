"""A folder in which keys are planted, and a server that gives away every key it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.fake_server import FakeServer, Received, Reply


def key_of(request: Received) -> str:
    """The key that a request brought."""
    return request.headers.get("x-api-key") or request.headers["authorization"].removeprefix("Bearer ")


def repeat_key(request: Received) -> Reply:
    """Answers as the model's name says, with the key wherever a server can put it."""
    key, model = key_of(request), request.body["model"]
    if "401" in model:
        # So far back that the cut to a line's length goes through the middle of it.
        message = f"Incorrect API key provided: {key}. {'You said' * 27}: {key}"
        said = json.dumps({"error": {"message": message, "type": key, "code": "invalid_api_key", "key": key}})
        return Reply(401, said.replace("/", "\\/"))  # as PHP writes it
    if "page" in model:
        return Reply(400, f"<html><title>Error</title>{key} {'.' * 60} {key}</html>")
    if "garbage" in model:
        return Reply(body=f"{'.' * 70}{key}{key}")
    if "redirect" in model:
        return Reply(302, {}, {"Location": f"/login?key={quote(key, safe='')}"})
    text = f"You sent {key}. ANSWER: A"
    if request.path.endswith("/messages"):
        usage, content = {"input_tokens": 9, "output_tokens": 3}, [{"type": "text", "text": text}]
        return Reply(body={"model": key, "content": content, "usage": usage, "stop_reason": "end_turn"})
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    choice = {"message": {"content": text, "reasoning": key}, "finish_reason": "stop"}
    return Reply(body={"model": key, "provider": key, "choices": [choice], "usage": usage})


@pytest.fixture(scope="module")
def gossip() -> Iterator[FakeServer]:
    with FakeServer(always=repeat_key) as server:
        yield server


@pytest.fixture(scope="session")
def keys_sent() -> Callable[[FakeServer], set[str]]:
    """The keys that a server was sent."""
    return lambda server: {key_of(request) for request in server.requests}


@pytest.fixture(scope="session")
def leaks() -> Callable[..., list[str]]:
    """Where a secret, or its first or last part, stands in what a run printed or wrote."""

    def find(ran: Any, *secrets: str, planted: tuple[str, ...] = (".env",)) -> list[str]:
        files: list[Path] = [path for path in ran.folder.rglob("*") if path.is_file()]
        texts = {str(path): path.read_bytes() for path in files if path.name not in planted}
        texts["what was printed"] = ran.output.encode()
        parts = [part.encode() for secret in secrets for part in (secret[:16], secret[-16:])]
        return [
            f"{where}: …{text[max(0, at - 150) : at + 40]!r}"
            for part in parts
            for where, text in texts.items()
            if (at := text.find(part)) >= 0
        ]

    return find
