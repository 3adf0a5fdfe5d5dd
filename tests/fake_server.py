"""A fake HTTP server on 127.0.0.1, in a thread of its own; what it answers and how it fails is data.

    with FakeServer("half_body", "reset") as server:  # the first two requests; all others are answered
        … server.url …
    assert [request.fault for request in server.requests] == ["half_body", "reset", "ok"]

An answer is a name out of `FAULTS`, a `Reply`, or a function from the request to a `Reply`. A GET gets 404, and is in
`looks`, not in `requests`; `tells` may have a `Reply` for the end of its path, such as `/models`. For speed, and where
a run is to take its time, there is `perf/fixed_latency_server.py` (the fixture `start_server`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import Self

LETTER = "ANSWER: B"


@dataclass
class Received:
    """One request, and what was made of it."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case names."""
    content: bytes
    at: float = field(default_factory=time.monotonic)
    fault: str = ""
    """The name of its answer; empty for one without."""
    status: int = 0
    """0 until it is answered."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Reply:
    """What one request gets; as it stands, the answer of a healthy model server."""

    status: int = 200
    body: Any = None
    """Bytes and texts are sent as they are, anything else as JSON; None: what a healthy model server says."""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    """Seconds of silence before it."""
    sent: float = 1.0
    """The share of the body that is sent."""
    claimed: float | None = None
    """The share that Content-Length tells of; the connection ends where that is not what is sent."""
    resets: bool = False
    """Whether the connection ends as a crashed process or an angry firewall ends it."""
    for_ever: bytes = b""
    """In place of a body: sent again and again, without end …"""
    every_s: float = 0.0
    """… with pauses of so many seconds."""
    raw: bytes | None = None
    """Sent in place of an HTTP response; the connection ends."""


Answer: TypeAlias = "str | Reply | Callable[[Received], Reply]"


@dataclass
class Limit:
    """An answer: a token bucket of so many requests a second, and `burst` that may be saved up."""

    rate: float
    burst: float
    retry_after: str | None = None
    """Sent with every 429 as Retry-After."""
    headers: bool = False
    """Whether every reply says how much is left, in OpenAI's headers."""
    latency_s: float = 0.0
    """Of replies that are no 429."""
    level: float = field(init=False)
    as_of: float = field(init=False)

    def __post_init__(self) -> None:
        self.level, self.as_of = self.burst, time.monotonic()

    def __call__(self, request: Received) -> Reply:
        now = time.monotonic()
        self.level, self.as_of = min(self.burst, self.level + (now - self.as_of) * self.rate), now
        is_allowed = self.level >= 1
        self.level -= is_allowed
        headers = {}
        if not is_allowed and self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        if self.headers:
            headers["x-ratelimit-remaining-requests"] = str(int(self.level))
            whole_again_s = (self.burst - self.level) / self.rate
            headers["x-ratelimit-reset-requests"] = f"{whole_again_s * 1000:.0f}ms"
        if is_allowed:
            return Reply(headers=headers, wait_s=self.latency_s)
        return Reply(429, FAULTS["rate_429"].body, headers)


def error(message: str, code: str | int | None = None) -> dict[str, Any]:
    """A body that both vendors' clients take for an error."""
    return {"type": "error", "error": {"type": "some_error", "code": code, "message": message}}


HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
FAULTS: dict[str, Reply] = {
    "ok": Reply(),
    "stall": Reply(wait_s=60),
    "reset": Reply(raw=b"", resets=True),
    "reset_after_headers": Reply(sent=0, claimed=1, resets=True),
    "half_body": Reply(sent=0.5, claimed=1),
    "too_long_length": Reply(claimed=2),
    "too_short_length": Reply(claimed=0.5),
    "half_json": Reply(sent=0.5),
    "empty_200": Reply(body=b""),
    "error_in_200": Reply(body=error("the model crashed")),
    "status_in_200": Reply(body=error("no worker is free", 503)),
    "html_200": Reply(body="<html>Please log in</html>"),
    "null_choices": Reply(body={"choices": None, "content": None}),
    "html_502": Reply(502, HTML),
    "same_500": Reply(500, error("CUDA error: device-side assert triggered")),
    "rate_429": Reply(429, error("Rate limit reached for requests")),
    "quota_429": Reply(429, error("You exceeded your current quota", "insufficient_quota")),
    "tomorrow_429": Reply(429, error("Daily limit reached"), {"Retry-After": "40000"}),
    "wait_429": Reply(429, error("Slow down"), {"Retry-After": "1"}),
    "moderated_403": Reply(403, error("Your input was flagged")),
    "no_key_401": Reply(401, error("Incorrect API key provided")),
}


def healthy(path: str) -> dict[str, Any]:
    """What a model server answers, in the format of Anthropic or of OpenAI."""
    usage = {"prompt_tokens": 100, "completion_tokens": 4, "input_tokens": 100, "output_tokens": 4}
    shared = {"id": "1", "model": "faulty-1", "usage": usage}
    if path.endswith("/messages"):
        text = [{"type": "text", "text": LETTER}]
        return {**shared, "type": "message", "role": "assistant", "content": text, "stop_reason": "end_turn"}
    message = {"role": "assistant", "content": LETTER}
    return {**shared, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


class FakeServer:
    """See above. It begins and ends with a `with` block, or by `start` and `stop`, also more than once."""

    def __init__(self, *answers: Answer, always: Answer = "ok", latency_s: float = 0.0) -> None:
        self.port = self.connections = 0
        self.tells: dict[str, Reply | Callable[[Received], Reply]] = {}
        self.looks: list[str] = []
        self.play(*answers, always=always, latency_s=latency_s)

    def play(self, *answers: Answer, always: Answer = "ok", latency_s: float = 0.0) -> Self:
        """Begin anew with these answers, one a request, and another one afterwards; `latency_s` before each."""
        self.requests: list[Received] = []
        self.bytes_sent = 0
        self._plan, self._always, self._latency_s = deque(answers), always, latency_s
        return self

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    @property
    def faults(self) -> Counter[str]:
        """How many requests got which answer."""
        return Counter(request.fault for request in self.requests)

    @property
    def bodies(self) -> Counter[bytes]:
        """How often each body was sent."""
        return Counter(request.content for request in self.requests)

    @property
    def statuses(self) -> Counter[int]:
        """How many replies had which status."""
        return Counter(request.status for request in self.requests)

    def start(self) -> Self:
        """Listen, on the same port as before if there was one."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def wait_for(self, requests: int, timeout_s: float = 30) -> None:
        """Until so many requests were made."""
        end = time.monotonic() + timeout_s
        while len(self.requests) < requests:
            assert time.monotonic() < end, f"{requests} requests were not made within {timeout_s} s"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets close one turn later

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            # Cancelled at the end of a test: asyncio would log a task that says so.
            with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    await writer.drain()
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply. Returns whether the connection lives on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        method, path, _ = first.split(" ")
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, path, headers, content)
        if method == "GET":
            self.looks.append(path)
            told = next((told for end, told in self.tells.items() if path.endswith(end)), None)
            given = Reply(404, error("Not Found")) if told is None else told
            return await self._give(given if isinstance(given, Reply) else given(request), request, writer)
        self.requests.append(request)
        answer = self._plan.popleft() if self._plan else self._always
        if isinstance(answer, str):
            request.fault, answer = answer, FAULTS[answer]
        return await self._give(answer if isinstance(answer, Reply) else answer(request), request, writer)

    async def _give(self, reply: Reply, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Answer a request. Returns whether the connection lives on."""
        await asyncio.sleep(reply.wait_s + (0.0 if request.method == "GET" else self._latency_s))
        request.status = reply.status
        if reply.raw is not None:
            writer.write(reply.raw)
            goes_on = False
        else:
            goes_on = await self._send(reply, request, writer)
        if reply.resets:
            await writer.drain()
            await asyncio.sleep(0.01)  # so that the headers arrive before the reset
            reset(writer)
        return goes_on

    async def _send(self, reply: Reply, request: Received, writer: asyncio.StreamWriter) -> bool:
        body = healthy(request.path) if reply.body is None else reply.body
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        sent = body[: round(len(body) * reply.sent)]
        claimed = len(sent) if reply.claimed is None else round(len(body) * reply.claimed)
        size = {"Transfer-Encoding": "chunked"} if reply.for_ever else {"Content-Length": str(claimed)}
        headers = {"Content-Type": "application/json", **size, **reply.headers}
        word = HTTPStatus(reply.status).phrase if reply.status in list(HTTPStatus) else "Error"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} {word}\r\n{head}\r\n".encode())
        if request.method != "HEAD" and not reply.for_ever:
            writer.write(sent)
        while reply.for_ever:
            chunk = b"%x\r\n%b\r\n" % (len(reply.for_ever), reply.for_ever)
            writer.write(chunk)
            await writer.drain()
            self.bytes_sent += len(chunk)
            await asyncio.sleep(reply.every_s)
        return claimed == len(sent)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset."""
    sock: Any = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
