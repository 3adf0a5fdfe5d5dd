"""Odd replies, one by one: a good text is never lost, and what is no answer is an error that is asked again."""

import json

import pytest

from mmlubench.errors import ProviderError
from mmlubench.grading import read_answer
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import AioTransport
from mmlubench.schema import Question
from tests.fake_server import FakeServer
from tests.odd_replies import CHAT, MESSAGES, chat, of_wire

pytestmark = pytest.mark.asyncio
QUESTION = Question("mmlu/anatomy/0001", "mmlu", "anatomy", "stem", "Which?", ("1", "2", "3", "4"), "B")


@pytest.fixture(scope="module")
def server():
    with FakeServer() as running:
        yield running


async def becomes(model, make_request):
    """What comes of the one reply that a model gets."""
    try:
        completion = await model.generate(make_request())
    except ProviderError as error:
        return "again" if error.retryable and "\x1b" not in str(error) else repr(error)
    finally:
        await model.aclose()
    told = [completion.model, completion.finish_reason, json.dumps(dict(completion.metadata))]
    assert all(text.isprintable() for text in told), told
    completion.usage.checked()
    completion.text.encode()
    answer = read_answer(QUESTION, completion)
    return answer.letter or answer.failure.value


WIRE = of_wire(chat)


def handed(odd, canned):
    """A transport that has an odd reply ready: for oddities of JSON, not of the wire."""
    reply = odd.reply
    body = reply.body if isinstance(reply.body, bytes | str) else json.dumps(reply.body)
    return canned(body if isinstance(body, bytes) else body.encode(), reply.status, {})


@pytest.mark.parametrize("name", [name for name in CHAT if name not in WIRE])
async def test_of_a_chat(name, canned, make_spec, make_request):
    model = OpenAICompatible(make_spec(), transport=handed(CHAT[name], canned))
    assert await becomes(model, make_request) == CHAT[name].becomes


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in WIRE])
async def test_of_anthropics_messages(name, canned, make_spec, make_request):
    model = Anthropic(make_spec(client="anthropic"), transport=handed(MESSAGES[name], canned))
    assert await becomes(model, make_request) == MESSAGES[name].becomes


@pytest.mark.parametrize("kind", [DirectTransport, AioTransport])
@pytest.mark.parametrize("name", WIRE)
async def test_on_the_wire(name, kind, server, make_spec, make_request):
    server.play(always=WIRE[name].reply)
    transport = kind(server.url, key=None, pool=1)
    model = OpenAICompatible(make_spec(base_url=server.url), transport=transport)
    assert await becomes(model, make_request) == WIRE[name].becomes


@pytest.mark.parametrize("name", WIRE)
async def test_on_the_wire_through_a_vendors_sdk(name, server, make_spec, make_request):
    server.play(always=MESSAGES[name].reply)
    model = Anthropic(make_spec(client="anthropic", base_url=server.address, self_hosted=True))
    assert await becomes(model, make_request) == MESSAGES[name].becomes
