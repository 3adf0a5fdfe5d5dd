"""Helpers for the tests of models: a spec in one line, a transport that has its reply ready, a real little server."""

import asyncio
import contextlib

import orjson
import pytest

from mmlubench.models.http.transport import Reply
from mmlubench.models.names.presets import CLIENTS, preset_for
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Message, Params, Request

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def make_spec():
    def make(**changes):
        usual = {"label": "tested", "client": "vllm", "model_id": "some/model", "base_url": "http://host/v1"}
        values = {**usual, **changes}
        if values["client"] in CLIENTS:
            address = values["base_url"] if values.get("self_hosted") else None
            values.setdefault("features", preset_for(values["client"], address).features)
        return ModelSpec(**values)

    return make


@pytest.fixture
def make_request():
    def make(*contents, system=None, **params):
        messages = [Message("system", system)] if system else []
        messages += [Message("user", content) for content in contents or ("Which letter?",)]
        return Request("mmlu/anatomy/0001", tuple(messages), Params(**params))

    return make


class Canned:
    """A transport whose reply is known; it keeps what it was given."""

    def __init__(self, payload, status=200, headers=None):
        content = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        self.reply = Reply(status, headers or {}, content)
        self.posted = []

    async def post(self, path, body):
        self.posted.append((path, body))
        return self.reply

    async def aclose(self):
        self.posted.append("closed")


@pytest.fixture
def canned():
    return Canned


class Server:
    """One reply for all, in raw bytes; the requests it got; how many connections it saw."""

    def __init__(self, raw, wait_s=0.0):
        self.raw, self.wait_s = raw, wait_s
        self.requests, self.connections, self.talks = [], 0, []

    async def talk(self, reader, writer):
        self.connections += 1
        self.talks.append(asyncio.current_task())
        try:
            await self.answer(reader, writer)
        finally:
            writer.close()

    async def answer(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append((first, headers, orjson.loads(body)))
                await asyncio.sleep(self.wait_s)
                writer.write(self.raw)
                await writer.drain()
                if b"Content-Length: 9999" in self.raw or not self.raw:  # a reply that is cut off
                    break


@pytest.fixture
def serving():
    """`async with serving(raw) as (server, base_url)`."""

    @contextlib.asynccontextmanager
    async def serve(raw, wait_s=0.0):
        server = Server(raw, wait_s)
        listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        try:
            yield server, f"http://127.0.0.1:{port}/v1"
        finally:
            listening.close()
            for talk in server.talks:
                talk.cancel()
            await asyncio.gather(*server.talks, return_exceptions=True)
            await asyncio.sleep(0)  # the sockets close one turn later

    return serve


@pytest.fixture
def raw_reply():
    def make(payload, status=200, headers="", kind="application/json"):
        content = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        head = f"HTTP/1.1 {status} Word\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
        return head.encode() + content

    return make


@pytest.fixture
def chat_payload():
    """What an OpenAI-compatible server answers when all is well."""
    return {
        "id": "chatcmpl-1",
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "B"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 103},
    }
