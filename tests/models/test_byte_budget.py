"""Many long replies at once: they wait for one another, none is lost, and together they stay within one budget."""

import asyncio
import gc
import gzip
import weakref
from functools import partial

import orjson
import pytest

from mmlubench.errors import BadReply, ProviderError
from mmlubench.models.http import byte_limit
from mmlubench.models.http.byte_limit import ARRIVING, UNCOUNTED, WAITING, Crowded, Room, Size
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.reply import Reply as HttpReply
from mmlubench.models.http.transport import Timeouts
from tests.fake_server import FakeServer, Reply
from tests.models.conftest import PLAIN

pytestmark = pytest.mark.asyncio
CARRIERS = ("direct", "aiohttp", "openai", "anthropic")
LENGTH, TOGETHER, REQUESTS = 200_000, 500_000, 8


@pytest.fixture
def most_held(monkeypatch):
    """The most bytes that were held at any time, in a room that is small."""
    monkeypatch.setattr(ARRIVING, "most", TOGETHER)
    held = []
    hold = Size.hold

    def noted(self, size):
        hold(self, size)
        held.append(ARRIVING.held)

    monkeypatch.setattr(Size, "hold", noted)
    yield held
    assert ARRIVING.held == 0
    assert not ARRIVING.waiting


def transport_to(server, kind, carrier, pool):
    return (
        PLAIN[kind](server.url, key=None, pool=pool, timeouts=Timeouts())
        if kind in PLAIN
        else carrier(kind, server.url)
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", CARRIERS)
async def test_long_replies_wait_for_one_another_and_all_arrive(kind, packed, carrier, most_held):
    content = orjson.dumps("x" * LENGTH)
    reply = (
        Reply(body=gzip.compress(content), headers={"Content-Encoding": "gzip"})
        if packed
        else Reply(body=content)
    )
    with FakeServer(always=reply) as server:
        one = transport_to(server, kind, carrier, REQUESTS)
        replies = await asyncio.gather(*(one.post("/chat/completions", {"n": n}) for n in range(REQUESTS)))
        await one.aclose()
    assert [reply.content for reply in replies] == [content] * REQUESTS
    assert len(server.requests) == REQUESTS
    assert max(most_held) <= TOGETHER


@pytest.mark.parametrize("kind", PLAIN)
async def test_a_reply_without_a_length_waits_for_room_for_the_longest_one(
    kind, carrier, most_held, monkeypatch
):
    monkeypatch.setattr("mmlubench.models.http.transport.MOST_BYTES", TOGETHER)
    with FakeServer(always=Reply(for_ever=b"x" * 50_000)) as server:
        one = transport_to(server, kind, carrier, REQUESTS)
        asking = (one.post("/chat/completions", {"n": n}) for n in range(REQUESTS))
        failures = await asyncio.gather(*asking, return_exceptions=True)
        await one.aclose()
    assert {type(failure) for failure in failures} == {BadReply}
    assert max(most_held) <= TOGETHER


@pytest.mark.parametrize("kind", CARRIERS)
async def test_a_length_that_is_too_long_is_refused_before_it_comes(kind, carrier):
    with FakeServer(always=Reply(body=b"x" * 1000, claimed=100_000)) as server:
        one = carrier(kind, server.url)
        with pytest.raises(BadReply, match="sent more than 16 MB in one reply"):
            await asyncio.wait_for(one.post("/chat/completions", {}), 20)  # the rest of it never comes
        await one.aclose()


async def test_who_is_alone_has_room_for_any_size():
    size = Size(Room(100_000))
    assert size.reserve(10_000_000, lambda: None)
    assert not Size(Room(100_000))._room.held


async def test_room_is_given_in_the_order_of_asking_and_a_place_in_line_can_be_given_up():
    room = Room(200_000)
    woken: list[int] = []
    first, *others = (Size(room) for _ in range(4))
    assert first.reserve(150_000, lambda: None)
    for number, one in enumerate(others):
        assert not one.reserve(90_000 + number, partial(woken.append, number))
    assert Size(room).reserve(UNCOUNTED, lambda: None)  # what is short never waits
    others[1].release()
    assert woken == []
    first.release()
    assert woken == [0, 2]
    for one in others:
        one.release()
    assert room.held == 0


async def test_replies_that_wait_to_be_graded_leave_no_room_for_ever_more(monkeypatch):
    monkeypatch.setattr(byte_limit, "MOST_EVER_WAITING", 1_000_000)
    waiting = Size(WAITING)
    waiting.hold(1_000_001)
    with pytest.raises(Crowded):
        Size(Room(10_000_000)).reserve(UNCOUNTED + 1, lambda: None)
    waiting.release()
    assert Size(Room(10_000_000)).reserve(UNCOUNTED + 1, lambda: None)


class Watched(dict[str, str]):
    """Headers that can be watched."""


async def test_an_error_keeps_nothing_of_the_reply_that_it_is_about(make_spec, make_request):
    # It may wait for minutes to be tried again, beside hundreds of others.
    headers = []

    class Transport:
        async def post(self, path, body):
            made = Watched()
            headers.append(weakref.ref(made))
            return HttpReply(200, made, b"[" * 1_000_000)

        async def get(self, path):
            raise AssertionError(path)

        async def aclose(self): ...

    with pytest.raises(BadReply, match="not JSON") as caught:
        await OpenAICompatible(make_spec(), transport=Transport()).generate(make_request())
    failure = caught.value
    del caught
    gc.collect()
    assert isinstance(failure, ProviderError)
    assert [one() for one in headers] == [None]
