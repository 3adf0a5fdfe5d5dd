"""A server that limits requests in many ways: in the process that asks it, or over HTTP on a port of its own.

    python perf/limited_server.py '{"bucket": 20, "burst": 5}'
    {"url": "http://127.0.0.1:40123/v1"}

`perf/limits.py` measures with it how close a run comes to what a server allows.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import responses

import httptools

#: Seconds until a server refuses.
REFUSAL_S = 0.002


@dataclass(frozen=True)
class Server:
    """How a server answers and refuses; times in seconds, rates in requests a second. Unset limits do not exist."""

    latency: float = 0.02
    spread: tuple[float, float] | None = None
    """The median and 99th percentile of the latency, log-normal, in place of a fixed one."""
    random: float = 0.0
    """The share of requests that fail at random, with one of these statuses."""
    statuses: Sequence[int] = (429,)
    retry_after: float | None = None
    """The `Retry-After` of refusals; -1 for the whole seconds until the limit lets one through."""
    bucket: float = 0.0
    """The rate of a token bucket that holds `burst`."""
    burst: float = 1.0
    counts_refused: bool = False
    """Whether refused requests use up the bucket, too."""
    window: int = 0
    """Requests in each minute of the clock."""
    at_once: int = 0
    quota: int = -1
    """The number of requests that are answered before everything is refused."""
    changed: tuple[float, float] | None = None
    """A time and the rate of the bucket from then on."""
    outage: tuple[float, float, int] | None = None
    """Its beginning, its end, and the status during it; 0 for a refused connection."""


class Serving:
    """A server at work: `answer` returns the status of one request and its `Retry-After`."""

    def __init__(self, server: Server, clock: Callable[[], float], seed: int = 1) -> None:
        self._server, self._clock = server, clock
        self._random = random.Random(seed)
        self._begun = self._as_of = clock()
        self._level, self._under_way, self._minute, self._used = server.burst, 0, -1, 0
        self.answered_at: list[float] = []
        self.busy_s = 0.0
        self.refused = self.requests = 0
        self.refused_at: list[float] = []

    async def answer(self) -> tuple[int, float | None]:
        """Answer one request, when its latency is over."""
        self.requests += 1
        status, retry_after = self._status()
        if status != 200:
            self.refused += 1
            self.refused_at.append(self._clock() - self._begun)
            await asyncio.sleep(self._server.latency if status == 500 else REFUSAL_S)
            return status, retry_after
        self._under_way += 1
        taken_at = self._clock()
        try:
            await asyncio.sleep(self._latency())
        finally:
            self._under_way -= 1
            self.busy_s += self._clock() - taken_at
        self.answered_at.append(self._clock() - self._begun)
        return 200, None

    def _status(self) -> tuple[int, float | None]:
        server, at = self._server, self._clock() - self._begun
        if server.outage is not None and server.outage[0] <= at < server.outage[1]:
            return server.outage[2], None
        if self._random.random() < server.random:
            return self._random.choice(server.statuses), server.retry_after
        limits: tuple[Callable[[float], float | None], ...] = (self._bucket, self._window, self._places)
        for limit in limits:
            wait_s = limit(at)
            if wait_s is not None:
                asked = server.retry_after
                return 429, max(1, math.ceil(wait_s)) if asked == -1 else asked
        if 0 <= server.quota <= len(self.answered_at) + self._under_way:
            return 429, server.retry_after
        return 200, None

    def _bucket(self, at: float) -> float | None:
        server = self._server
        if not server.bucket:
            return None
        rate = server.changed[1] if server.changed and at >= server.changed[0] else server.bucket
        now = self._clock()
        self._level = min(server.burst, self._level + (now - self._as_of) * rate)
        self._as_of = now
        if self._level >= 1:
            self._level -= 1
            return None
        if server.counts_refused:
            self._level = max(-rate, self._level - 1)
        return (1 - self._level) / rate

    def _window(self, at: float) -> float | None:
        if not self._server.window:
            return None
        minute = int(at // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += 1
        return 60 * (minute + 1) - at if self._used > self._server.window else None

    def _places(self, _at: float) -> float | None:
        return 1.0 if self._server.at_once and self._under_way >= self._server.at_once else None

    def _latency(self) -> float:
        if self._server.spread is None:
            return self._server.latency
        median, high = self._server.spread
        return median * math.exp(self._random.gauss(0, 1) * math.log(high / median) / 2.326)

    def stats(self) -> dict[str, object]:
        """Return what a client wants to know afterwards."""
        return {"answered_at": self.answered_at, "refused": self.refused, "busy_s": self.busy_s}


class Http(asyncio.Protocol):
    """HTTP/1.1 around a `Serving`: chat completions, and `GET /stats`."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._parser = httptools.HttpRequestParser(self)
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_message_complete(self) -> None:
        if self._url == b"/stats":
            self._reply(200, self._serving.stats())
            return
        task = asyncio.ensure_future(self._answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self) -> None:
        status, retry_after = await self._serving.answer()
        if self._transport.is_closing():
            return
        if not status:
            self._transport.abort()
        elif status != 200:
            self._reply(status, {"error": {"message": "too many requests"}}, retry_after)
        else:
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": "ANSWER: A"},
                "finish_reason": "stop",
            }
            self._reply(200, {"model": "limited", "choices": [choice]})

    def _reply(self, status: int, payload: object, retry_after: float | None = None) -> None:
        body = json.dumps(payload)
        more = "" if retry_after is None else f"Retry-After: {retry_after:g}\r\n"
        head = f"HTTP/1.1 {status} {responses[status]}\r\nContent-Type: application/json\r\n{more}"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())


async def serve(server: Server) -> None:
    """Serve until the process is ended. The clock of the server begins with its first connection."""
    serving: list[Serving] = []

    def protocol() -> Http:
        serving[:] = serving or [Serving(server, time.monotonic)]
        return Http(serving[0])

    listening = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=2048)
    port = listening.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}/v1"}), flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Server(**json.loads(sys.argv[1]))))
