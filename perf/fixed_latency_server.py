"""A server that answers every request after the same delay: a ruler for the harness, a villain for tests.

    python perf/fixed_latency_server.py --port 0 --latency-ms 50
    {"port": 40123, "url": "http://127.0.0.1:40123/v1"}

It speaks OpenAI's `/v1/chat/completions` and Anthropic's `/v1/messages`, and counts what it sees (`/stats`,
`/reset`). It replies with the letter crc32(last message) & 3: a quarter is right, the same quarter each time.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import time
import zlib
from http.client import responses
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import httptools
import orjson

MAX_BODY = 4_000_000  # bytes; a prompt is a few kB, anything larger is a mistake


class Counters:
    """What `/stats` tells."""

    def __init__(self, in_flight: int = 0) -> None:
        self.total, self.errors, self.in_flight, self.max_in_flight = 0, 0, in_flight, in_flight
        self.bodies: set[int] = set()
        self.first_request = self.last_reply = 0.0
        self.cpu_at_start = time.process_time()

    def arrived(self, body: bytes) -> None:
        self.first_request = self.first_request or time.perf_counter()
        self.total += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.bodies.add(hash(body))

    def left(self, status: int) -> None:
        self.last_reply = time.perf_counter()
        self.in_flight -= 1
        self.errors += status != 200

    def to_dict(self) -> dict[str, float]:
        seen = {"total": self.total, "errors": self.errors}
        load = {"in_flight": self.in_flight, "max_in_flight": self.max_in_flight}
        span_s = max(0.0, self.last_reply - self.first_request)
        cpu_s = time.process_time() - self.cpu_at_start
        return {**seen, **load, "unique_bodies": len(self.bodies), "span_s": span_s, "server_cpu_s": cpu_s}


class Responder:
    """Turns a request into a status and a body; all connections share it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.counters = Counters()
        self.random = random.Random(0)  # the same requests fail each time

    def look(self, path: str) -> tuple[int, Any] | None:
        """The answer to a question about the server itself; None for anything a model would answer."""
        if path == "/reset":
            self.counters = Counters(self.counters.in_flight)
        if path in ("/stats", "/reset"):
            return 200, self.counters.to_dict()
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "nobody"}]}
        if path in ("/version", "/props"):  # the kind of server: none that anybody knows
            return error(404, f"no such path: {path}")
        return (200, {"status": "ok"}) if path == "/health" else None

    def take(self, path: str, body: bytes) -> tuple[int, Any]:
        """Count a request and decide on the reply."""
        if self.counters.total >= self.options.die_after:
            os._exit(1)  # no goodbye to anyone: that is what the option is for
        self.counters.arrived(body)
        if self.counters.in_flight > self.options.concurrency_limit:
            return error(429, f"more than {self.options.concurrency_limit} requests at once")
        if self.random.random() < self.options.error_rate:
            return error(self.random.choice(self.options.error_codes), "an error as ordered")
        return self.answer(path, body)

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """What a model would say."""
        if path not in REPLIES:
            return error(404, f"no such path: {path}")
        try:
            request = orjson.loads(body)
            content = request["messages"][-1]["content"]
            prompt = content if isinstance(content, str) else "".join(block["text"] for block in content)
        except (ValueError, LookupError, TypeError):
            return error(400, "the body must be JSON with a list of messages")
        letter = "ABCD"[zlib.crc32(prompt.encode()) & 3]
        text = self.options.text.replace("{letter}", letter)
        is_cut = request.get("max_tokens", math.inf) < self.options.cut_below
        text = "Let me think" if is_cut else text
        tokens = (1 + len(prompt) // 4, 1 + len(text) // 4)
        model = self.options.model_name or request.get("model", "fake")
        return 200, REPLIES[path](model, text, tokens, is_cut)


def error(status: int, message: str) -> tuple[int, Any]:  # one body that both vendors' clients can read
    return status, {"type": "error", "error": {"type": "fake_error", "code": str(status), "message": message}}


def chat_completion(model: str, text: str, tokens: tuple[int, int], is_cut: bool) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "length" if is_cut else "stop",
    }
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    head = {"id": "chatcmpl-0", "object": "chat.completion", "created": 1_700_000_000, "model": model}
    return {**head, "choices": [choice], "usage": usage}


def anthropic_message(model: str, text: str, tokens: tuple[int, int], is_cut: bool) -> dict[str, Any]:
    usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    head = {"id": "msg_0", "type": "message", "role": "assistant", "model": model, "usage": usage}
    reason = "max_tokens" if is_cut else "end_turn"
    return {**head, "content": [{"type": "text", "text": text}], "stop_reason": reason}


REPLIES = {"/v1/chat/completions": chat_completion, "/v1/messages": anthropic_message}


class Connection(asyncio.Protocol):
    """One client connection: httptools calls the `on_…` methods as it parses."""

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.url, self.body = bytearray(), bytearray()

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_body(self, part: bytes) -> None:
        self.body += part
        if len(self.body) > MAX_BODY:
            self.transport.close()

    def on_message_complete(self) -> None:
        path = self.url.partition(b"?")[0].decode("latin-1")
        looked = self.responder.look(path)
        if looked:
            self.send(*looked)
            return
        reply, delay_s = self.responder.take(path, bytes(self.body)), self.responder.options.latency_ms / 1000
        asyncio.get_running_loop().call_later(delay_s, self.reply, *reply)

    def reply(self, status: int, body: Any) -> None:
        self.responder.counters.left(status)
        if not self.transport.is_closing():  # else the client went away
            self.send(status, body)

    def send(self, status: int, body: Any) -> None:
        content, after = orjson.dumps(body), self.responder.options.retry_after
        head = f"HTTP/1.1 {status} {responses.get(status, 'Error')}\r\nContent-Length: {len(content)}\r\n"
        head += f"Retry-After: {after}\r\n" if after is not None and status >= 429 else ""
        self.transport.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + content)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A local model server with a fixed latency.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes any free port; the first line printed tells which")
    add("--latency-ms", type=float, default=50.0)
    add("--concurrency-limit", type=float, default=math.inf, help="answer 429 to more requests at once")
    add("--error-rate", type=float, default=0.0, help="share of requests that get an error, 0 to 1")
    add("--error-codes", type=lambda s: [int(c) for c in s.split(",")], default=[429, 500], metavar="N,N")
    add("--retry-after", metavar="SECONDS", help="send this Retry-After with 429 and above")
    add("--die-after", type=float, default=math.inf, metavar="N", help="exit hard on the request after N")
    add("--text", default="ANSWER: {letter}", help="what to reply; {letter} is filled in")
    add(
        "--cut-below",
        type=float,
        default=0,
        metavar="N",
        help="cut replies off that may have fewer than N tokens",
    )
    add("--model-name", metavar="NAME", help="say that this model answered, whoever was asked for")
    add("--max-seconds", type=float, default=3600.0, help="exit after this time, so that none is forgotten")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    loop, responder = asyncio.get_running_loop(), Responder(options)
    server = await loop.create_server(lambda: Connection(responder), "127.0.0.1", options.port, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f'{{"port": {port}, "url": "http://127.0.0.1:{port}/v1"}}', flush=True)
    await asyncio.sleep(options.max_seconds)


if __name__ == "__main__":
    loop = import_module("uvloop" if find_spec("uvloop") else "asyncio").new_event_loop()
    loop.run_until_complete(serve(parse_options()))
