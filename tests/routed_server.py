"""A server that answers each route as a real one was seen to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mmlubench.models.names.from_entry import from_name
from mmlubench.models.spec import ModelSpec

#: The answer to a request: status and body; a text is sent as it is.
Answer = tuple[int, Any]
Routes = dict[str, Answer]

#: What vLLM 0.32 answers with one adapter loaded.
VLLM: Routes = {
    "GET /health": (200, ""),
    "GET /version": (200, {"version": "0.32.0"}),
    "GET /v1/models": (
        200,
        {
            "object": "list",
            "data": [
                {
                    "id": "smollm2",
                    "owned_by": "vllm",
                    "root": "/models/smollm2",
                    "parent": None,
                    "max_model_len": 1024,
                },
                {"id": "letters", "owned_by": "vllm", "root": "/adapters/letters", "parent": "smollm2"},
            ],
        },
    ),
}
#: What llama.cpp's server answers.
LLAMACPP: Routes = {
    "GET /health": (200, {"status": "ok"}),
    "GET /props": (
        200,
        {"default_generation_settings": {}, "model_path": "/m/SmolLM2.gguf", "build_info": "b1"},
    ),
    "GET /v1/models": (
        200,
        {"data": [{"id": "/m/SmolLM2.Q4_1.gguf", "owned_by": "llamacpp", "meta": {"n_ctx": 2048}}]},
    ),
}


class Routed:
    """A running server; `seen` lists what was requested, with the body of a POST."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer.seen.append((f"{self.command} {self.path}", self.rfile.read(length).decode()))
                status, body = outer.routes.get(f"{self.command} {self.path}", (404, {"detail": "Not Found"}))
                content = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def spec(self, name: str) -> ModelSpec:
        """The spec of `client/model-id` at this server."""
        spec = from_name(f"{name}@{self.url}")
        assert spec is not None
        return spec


@pytest.fixture
def serve() -> Iterator[Callable[[Routes], Routed]]:
    """Start servers that are closed when the test is over."""
    running: list[Routed] = []

    def start(routes: Routes) -> Routed:
        running.append(Routed(dict(routes)))
        return running[-1]

    yield start
    for one in running:
        one.server.shutdown()
        one.server.server_close()
