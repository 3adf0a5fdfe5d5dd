"""Helpers for the tests of models: a spec in one line, a transport that has its reply ready."""

import orjson
import pytest

from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.transport import AioTransport, SdkTransport, Timeouts
from mmlubench.models.names.presets import CLIENTS, preset_for
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Message, Params, Request
from tests.routed_server import serve

__all__ = ["serve"]

UNHURRIED = Timeouts()
PLAIN = {"direct": DirectTransport, "aiohttp": AioTransport}
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def key():
    return KEY


@pytest.fixture(params=PLAIN)
def plain(request):
    """Each of the transports that carry requests to one's own servers."""
    return PLAIN[request.param]


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

    async def get(self, path):
        return Reply(404, {}, b"")

    async def aclose(self):
        self.posted.append("closed")


@pytest.fixture
def canned():
    return Canned


@pytest.fixture
def chat_payload():
    """What an OpenAI-compatible server answers when all is well."""
    return {
        "id": "chatcmpl-1",
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "B"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 103},
    }


@pytest.fixture
def carrier():
    """A transport to a server by its kind: `direct`, `aiohttp`, or the SDK of `openai` or `anthropic`."""

    def make(kind, url, timeouts=UNHURRIED):
        if kind in PLAIN:
            return PLAIN[kind](url, key=None, pool=1, timeouts=timeouts)
        return SdkTransport(kind, url, key=None, pool=1, timeouts=timeouts)

    return make
