"""A server that sends without end costs one request and a sentence, and never the memory."""

import asyncio
import gzip
import zlib

import pytest

from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import BadReply
from mmlubench.models.http import transport
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import AioTransport, SdkTransport

pytestmark = pytest.mark.asyncio
CARRIERS = ("aiohttp", "openai", "anthropic")
MOST = 1_000_000


@pytest.fixture
def endless():
    """An address where every reply goes on for ever, and how many bytes left it; `head` are more header lines."""

    class Endless:
        def __init__(self, part=b"x" * 10_000, head="", status=200):
            self.part, self.head, self.status, self.sent, self.asked, self.talks = (
                part,
                head,
                status,
                0,
                0,
                set(),
            )

        async def __aenter__(self):
            self.server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
            return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

        async def talk(self, reader, writer):
            self.talks.add(asyncio.current_task())
            self.asked += 1
            chunk = b"%x\r\n%b\r\n" % (len(self.part), self.part)
            try:
                await reader.readuntil(b"\r\n\r\n")
                head = f"HTTP/1.1 {self.status} Word\r\n{self.head}Transfer-Encoding: chunked\r\n\r\n"
                writer.write(head.encode())
                while True:
                    writer.write(chunk)
                    await writer.drain()
                    self.sent += len(chunk)
            except OSError:
                pass
            finally:
                writer.close()

        async def __aexit__(self, *_):
            self.server.close()
            for talk in self.talks:
                talk.cancel()
            await asyncio.gather(*self.talks, return_exceptions=True)

    return Endless


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES", MOST)


def carrier(kind, url):
    if kind == "aiohttp":
        return AioTransport(url, key=None, pool=1)
    return SdkTransport(kind, url, key=None, pool=1)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("kind", CARRIERS)
async def test_a_reply_without_end_is_no_reply(kind, status, endless):
    server = endless(status=status)
    async with server as url:
        one = carrier(kind, url)
        with pytest.raises(BadReply) as caught:
            await one.post("/chat/completions", {"model": "m"})
        await one.aclose()
        assert str(caught.value) == f"{url} sent more than 1 MB in one reply: is it a model's address?"
    # What the sockets on both sides hold comes on top of what was read.
    assert server.sent < MOST + 20_000_000


async def test_what_a_small_body_unpacks_to_counts(endless):
    # 10 kB of zeros for each 30 bytes: counted as they come, 10 GB would fit.
    packer = zlib.compressobj(wbits=31)
    part = packer.compress(b"\0" * 100_000_000) + packer.flush()
    server = endless(part, "Content-Encoding: gzip\r\n")
    async with server as url:
        one = carrier("aiohttp", url)
        with pytest.raises(BadReply, match="sent more than"):
            await one.post("/chat/completions", {"model": "m"})
        await one.aclose()


@pytest.mark.parametrize("kind", CARRIERS)
@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_of_the_longest_length_is_read_whole(kind, packed, serving, raw_reply):
    content = b"x" * MOST
    headers = "Content-Encoding: gzip\r\n" if packed else ""
    async with serving(raw_reply(gzip.compress(content) if packed else content, headers=headers)) as (_, url):
        one = carrier(kind, url)
        for _ in range(2):  # and the connection is fit for the next one
            assert (await one.post("/chat/completions", {"model": "m"})).content == content
        await one.aclose()


async def test_asking_again_ends_soon_and_so_does_the_run(endless, make_spec, make_request):
    server = endless()
    async with server as url:
        model = Retried(OpenAICompatible(make_spec(base_url=url)), RetryPolicy(first_wait_s=0.01))
        for _ in range(4):
            with pytest.raises(BadReply, match="sent more than"):
                await model.generate(make_request())
        await model.aclose()
    assert server.asked <= 3 * 3  # three tries each; the fourth request is not made any more
