"""A server that hangs costs a request, not the run; one that is merely slow costs nothing."""

import asyncio
from typing import Any

import orjson
import pytest

from mmlubench.errors import Unreachable
from mmlubench.models import open_model
from mmlubench.models.http.transport import Timeouts
from tests.fake_server import FakeServer, Reply, healthy

pytestmark = pytest.mark.asyncio


CARRIERS = ("direct", "aiohttp", "openai", "anthropic")


@pytest.mark.parametrize("kind", CARRIERS)
async def test_a_reply_that_never_ends_is_given_up_though_bytes_keep_coming(kind, carrier):
    # The SDKs know no limit for the whole request: a byte now and then would keep them waiting for ever.
    with FakeServer(always=Reply(for_ever=b" ", every_s=0.05)) as server:
        transport = carrier(kind, server.url, Timeouts.within(0.4))
        with pytest.raises(
            Unreachable, match=r"did not answer in time \(0.4 s to connect, 0.4 s in all\); a slow"
        ):
            await transport.post("/chat/completions", {"model": "m"})
        await transport.aclose()


@pytest.mark.parametrize("kind", CARRIERS)
async def test_silence_is_bounded_by_itself_where_wanted(kind, carrier):
    with FakeServer("stall") as server:
        transport = carrier(kind, server.url, Timeouts(read_s=0.2))
        with pytest.raises(Unreachable, match="did not answer in time"):
            await transport.post("/chat/completions", {"model": "m"})
        await transport.aclose()


@pytest.mark.parametrize("kind", CARRIERS)
async def test_a_reply_within_the_time_is_a_reply(kind, carrier):
    with FakeServer(latency_s=0.2) as server:
        transport = carrier(kind, server.url, Timeouts.within(5))
        reply = await transport.post("/chat/completions", {"model": "m"})
        assert (reply.status, orjson.loads(reply.content)) == (200, healthy("/chat/completions"))
        await transport.aclose()


@pytest.mark.parametrize("kind", CARRIERS)
async def test_being_stopped_is_not_a_time_out(kind, carrier):
    with FakeServer("stall") as server:
        transport = carrier(kind, server.url, Timeouts())
        task = asyncio.create_task(transport.post("/chat/completions", {"model": "m"}))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.aclose()


@pytest.mark.parametrize("client", ["vllm", "openai", "anthropic"])
async def test_the_users_own_limit_reaches_the_transport(client, make_spec):
    spec = make_spec(client=client, transport="sdk" if client == "openai" else None)

    def timeouts(timeout_s=None):
        opened: Any = open_model(spec, pool=1, env={}, timeout_s=timeout_s)
        return opened._transport._timeouts

    assert timeouts(30) == (10.0, 30, None)
    assert timeouts(3) == (3, 3, None)
    usual = timeouts()
    assert (usual.connect_s, usual.total_s, usual.silence_s) == (10, 600, 600)


async def test_a_mock_has_no_use_for_it(make_spec, make_request):
    model = open_model(make_spec(client="mock", rule="hash"), pool=1, env={}, timeout_s=30)
    assert (await model.generate(make_request())).text
