"""A server that sends without end costs one request and a sentence, and never the memory."""

import gzip
import zlib
from dataclasses import replace

import pytest

from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import BadReply
from mmlubench.models.http import transport
from mmlubench.models.http.openai_compatible import OpenAICompatible
from tests.fake_server import FakeServer, Reply

pytestmark = pytest.mark.asyncio
CARRIERS = ("direct", "aiohttp", "openai", "anthropic")
MOST = 1_000_000


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES", MOST)


ENDLESS = Reply(for_ever=b"x" * 10_000)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("kind", CARRIERS)
async def test_a_reply_without_end_is_no_reply(kind, status, carrier):
    with FakeServer(always=replace(ENDLESS, status=status)) as server:
        one = carrier(kind, server.url)
        with pytest.raises(BadReply) as caught:
            await one.post("/chat/completions", {"model": "m"})
        await one.aclose()
        assert str(caught.value) == f"{server.url} sent more than 1 MB in one reply: is it a model's address?"
    # What the sockets on both sides hold comes on top of what was read.
    assert server.bytes_sent < MOST + 20_000_000


@pytest.mark.parametrize("kind", ["direct", "aiohttp"])
async def test_what_a_small_body_unpacks_to_counts(kind, carrier):
    # 10 kB of zeros for each 30 bytes: counted as they come, 10 GB would fit.
    packer = zlib.compressobj(wbits=31)
    part = packer.compress(b"\0" * 100_000_000) + packer.flush()
    bomb = Reply(headers={"Content-Encoding": "gzip"}, for_ever=part)
    with FakeServer(always=bomb) as server:
        one = carrier(kind, server.url)
        with pytest.raises(BadReply, match="sent more than"):
            await one.post("/chat/completions", {"model": "m"})
        await one.aclose()


@pytest.mark.parametrize("kind", CARRIERS)
@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_of_the_longest_length_is_read_whole(kind, packed, carrier):
    content = b"x" * MOST
    zipped = Reply(body=gzip.compress(content), headers={"Content-Encoding": "gzip"})
    with FakeServer(always=zipped if packed else Reply(body=content)) as server:
        one = carrier(kind, server.url)
        for _ in range(2):  # and the connection is fit for the next one
            assert (await one.post("/chat/completions", {"model": "m"})).content == content
        await one.aclose()


async def test_asking_again_ends_soon_and_so_does_the_run(make_spec, make_request):
    with FakeServer(always=ENDLESS) as server:
        model = Retried(OpenAICompatible(make_spec(base_url=server.url)), RetryPolicy(longest_wait_s=0.01))
        for _ in range(4):
            with pytest.raises(BadReply, match="sent more than"):
                await model.generate(make_request())
        await model.aclose()
    assert len(server.requests) <= 3 * 9  # nine tries each; the fourth request is not made any more
