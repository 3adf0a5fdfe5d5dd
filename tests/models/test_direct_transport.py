"""The transport of our own over real sockets: what it opens, keeps and closes, TLS, and time as the wire has it."""

import asyncio
import gzip
import socket
import time
from contextlib import asynccontextmanager

import pytest

from mmlubench.errors import Unreachable
from mmlubench.models.http import connection, direct
from mmlubench.models.http import transport as http
from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.transport import Timeouts
from tests import tls_server
from tests.fake_server import FakeServer

pytestmark = pytest.mark.asyncio
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def request_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


class Server:
    """What was seen by a server that is a coroutine `(reader, writer)`."""

    def __init__(self):
        self.opened = self.closed = self.asked = 0


@asynccontextmanager
async def serving(talk, *, tls=None, host="127.0.0.1", pool=4, timeouts=Timeouts(5, 10), scheme=None):  # noqa: B008
    """A server and a transport to it."""
    seen = Server()
    tasks = set()

    async def handle(reader, writer):
        seen.opened += 1
        tasks.add(asyncio.current_task())
        try:
            await talk(seen, reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            seen.closed += 1
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    url = f"{scheme or ('https' if tls else 'http')}://{host}:{port}/v1"
    transport = DirectTransport(url, key="sk-secret", pool=pool, timeouts=timeouts)
    try:
        yield seen, transport
    finally:
        await transport.aclose()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


def answers(*parts, then_close=False, ahead_s=0.0):
    """Answers every request with these bytes; a number is a pause in seconds."""

    async def talk(seen, reader, writer):
        while True:
            await request_of(reader)
            seen.asked += 1
            for part in parts:
                if isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
                    await writer.drain()
            if then_close:
                return

    return talk


async def until(is_true):
    while not is_true():
        await asyncio.sleep(0.005)


# --- connections


async def test_as_many_connections_as_requests_at_once_and_no_more():
    async with serving(answers(0.02, OK), pool=16) as (seen, transport):
        await asyncio.gather(*(transport.post("/c", {}) for _ in range(200)))
        assert (seen.asked, seen.opened) == (200, 16)


async def test_a_connection_that_the_server_closes_is_not_used_again():
    async with serving(answers(OK, then_close=True)) as (seen, transport):
        for number in range(3):
            await transport.post("/c", {})
            await until(lambda: seen.closed > number)  # noqa: B023
            await asyncio.sleep(0.02)
        assert seen.opened == 3


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"garbage",
        OK + OK,
    ],
)
async def test_a_connection_is_left_where_the_next_reply_would_be_another_requests(reply):
    async with serving(answers(reply)) as (seen, transport):
        for _ in range(3):
            assert (await transport.post("/c", {})).content == b"{}"
        await until(lambda: seen.closed == 3)
        assert seen.opened == 3


async def test_an_old_connection_is_not_trusted(monkeypatch):
    # uvicorn closes an idle one after 5 s; a request sent at that moment would fail.
    monkeypatch.setattr(http, "IDLE_S", 0.02)
    async with serving(answers(OK)) as (seen, transport):
        await transport.post("/c", {})
        await asyncio.sleep(0.05)
        await transport.post("/c", {})
        assert (seen.opened, seen.asked) == (2, 2)


@pytest.mark.parametrize("parts", [[], [0.02], [b"HTTP/1.1 200"], [OK[:-1]]])
async def test_a_connection_that_ends_before_the_reply_does_is_a_failure_that_passes(parts):
    async with serving(answers(*parts, then_close=True)) as (_, transport):
        with pytest.raises(Unreachable, match="Server disconnected") as caught:
            await transport.post("/c", {})
        assert caught.value.retryable
        assert "sk-secret" not in str(caught.value)


async def test_a_request_that_is_cancelled_takes_its_connection_with_it():
    # Its reply would otherwise be read as that to the next request.
    async with serving(answers(0.2, OK), pool=1) as (seen, transport):
        task = asyncio.create_task(transport.post("/c", {}))
        await until(lambda: seen.asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: seen.closed)
        assert (await transport.post("/c", {})).content == b"{}"  # and its place is free again
        assert seen.opened == 2


async def test_waiting_for_a_place_counts_and_can_be_cancelled():
    async with serving(answers(0.3, OK), pool=1, timeouts=Timeouts(0.1, 0.1)) as (seen, transport):
        tasks = [asyncio.create_task(transport.post("/c", {})) for _ in range(3)]
        await until(lambda: seen.asked)
        tasks[2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [Unreachable, Unreachable, asyncio.CancelledError]
        assert "did not answer in time" in str(results[1])
        assert not transport._places.locked()


async def test_a_request_larger_than_any_buffer_arrives_whole():
    async def talk(seen, reader, writer):
        seen.asked = len(await request_of(reader))
        writer.write(OK)

    async with serving(talk) as (seen, transport):
        await transport.post("/c", {"text": "x" * 8_000_000})
        assert seen.asked > 8_000_000


async def test_a_reply_in_the_middle_of_a_request_is_read_and_ends_the_connection():
    async def talk(seen, reader, writer):
        await reader.readexactly(1000)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.sleep(5)

    async with serving(talk) as (_, transport):
        reply = await transport.post("/c", {"text": "x" * 20_000_000})
        assert (reply.status, reply.content) == (413, b"{}")
        assert not transport._free


@pytest.mark.parametrize("status", [b"301 Moved", b"429 Slow down"])
async def test_the_reply_is_handed_over_whatever_it_says(status):
    reply = (
        b"HTTP/1.1 %b\r\nLocation: /x\r\nRetry-After: 3\r\nRETRY-AFTER: 4\r\nContent-Length: 0\r\n\r\n"
        % status
    )
    async with serving(answers(reply)) as (_, transport):
        found = await transport.post("/c", {})
        assert (found.status, found.headers["location"], found.headers["retry-after"]) == (
            int(status[:3]),
            "/x",
            "3",
        )


async def test_chunks_trailers_interim_replies_and_packed_bodies_arrive():
    packed = gzip.compress(b'{"a": 1}')
    reply = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        b"5\r\n%b\r\n%x\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (packed[:5], len(packed) - 5, packed[5:])
    )
    async with serving(answers(reply)) as (seen, transport):
        for _ in range(2):
            assert (await transport.post("/c", {})).content == b'{"a": 1}'
        assert seen.opened == 1


async def test_a_reply_without_a_length_ends_with_its_connection():
    async with serving(answers(b"HTTP/1.1 200 OK\r\n\r\n{", 0.02, b"}", then_close=True)) as (_, transport):
        assert (await transport.post("/c", {})).content == b"{}"


async def test_closing_ends_what_is_under_way_and_the_transport_can_be_used_again():
    async with serving(answers(0.05, OK)) as (seen, transport):
        task = asyncio.create_task(transport.post("/c", {}))
        await until(lambda: seen.asked)
        await transport.aclose()
        with pytest.raises(Unreachable):
            await task
        assert (await transport.post("/c", {})).status == 200


# --- addresses


@pytest.fixture
def names(monkeypatch):
    """What a host name stands for; the list of look-ups grows with each."""
    found: list[str] = []
    lookups: list[str] = []

    def getaddrinfo(host, port, *_):
        lookups.append(host)
        if not found:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    return found, lookups


async def test_a_name_is_looked_up_once_for_many_connections(names):
    names[0].append("127.0.0.1")
    async with serving(answers(0.05, OK), host="model.test", pool=8) as (seen, transport):
        await asyncio.gather(*(transport.post("/c", {}) for _ in range(8)))
        assert (seen.opened, names[1]) == (8, ["model.test"])


async def test_the_second_address_of_a_name_is_tried(names):
    names[0].extend(["127.0.0.2", "127.0.0.1"])  # the server listens at the second one only
    async with serving(answers(OK), host="model.test") as (_, transport):
        assert (await transport.post("/c", {})).status == 200


async def test_several_addresses_that_fail_in_several_ways_are_one_sentence(monkeypatch, unused_tcp_port):
    # `localhost` in a container without IPv6: no address for ::1, nobody at 127.0.0.1.
    async def fails(*_, **__):
        raise OSError(
            "Multiple exceptions: [Errno 99] Cannot assign ('::1', 1), [Errno 111] Connect call failed ('1', 1)"
        )

    monkeypatch.setattr(direct, "start_connection", fails)
    transport = DirectTransport(f"http://localhost:{unused_tcp_port}/v1", key=None, pool=1)
    with pytest.raises(Unreachable) as caught:
        await transport.post("/c", {})
    assert str(caught.value) == (
        f"cannot reach http://localhost:{unused_tcp_port}/v1 (Cannot assign requested address, Connection refused): "
        "is the server running and the address right?"
    )
    await transport.aclose()


async def test_a_name_that_is_not_found_is_looked_up_again(names):
    async with serving(answers(OK), host="model.test") as (_, transport):
        with pytest.raises(Unreachable, match="Temporary failure in name resolution"):
            await transport.post("/c", {})
        names[0].append("127.0.0.1")
        assert (await transport.post("/c", {})).status == 200


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
async def test_a_name_that_cannot_exist_is_said_so(host):
    transport = DirectTransport(f"http://{host}/v1", key=None, pool=1)
    with pytest.raises(Unreachable, match="cannot reach"):
        await transport.post("/c", {})
    await transport.aclose()


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return tls_server.certificate(tmp_path_factory.mktemp("tls") / "both.pem")


@pytest.fixture
def tls(certificate):
    return tls_server.context(certificate)


async def test_a_server_with_a_trusted_certificate_is_asked_over_kept_connections(
    tls, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(answers(0.01, OK), tls=tls, pool=4) as (seen, transport):
        await asyncio.gather(*(transport.post("/c", {"text": "x" * 300_000}) for _ in range(40)))
        assert (seen.asked, seen.opened) == (40, 4)


async def test_tls_that_breaks_off_in_a_body_is_a_failure_that_passes(tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(answers(OK[:-1], then_close=True), tls=tls) as (_, transport):
        with pytest.raises(Unreachable, match="Server disconnected"):
            await transport.post("/c", {})


# --- time


async def test_the_latency_is_that_of_the_server_and_leaves_out_connecting_and_places():
    async with serving(answers(0.05, OK), pool=1) as (_, transport):
        started = time.perf_counter()
        replies = await asyncio.gather(*(transport.post("/c", {}) for _ in range(5)))
        # One after the other: with the waiting for the only place, they would add up to three times as much.
        assert 5 * 0.04 < sum(reply.latency_s for reply in replies) <= time.perf_counter() - started


async def test_a_reply_that_waits_in_the_socket_while_we_are_busy_is_not_a_slow_reply():
    with FakeServer(latency_s=0.05) as server:  # in a thread of its own
        transport = DirectTransport(server.url, key=None, pool=1)
        await transport.post("/chat/completions", {})
        task = asyncio.create_task(transport.post("/chat/completions", {}))
        await until(lambda: len(server.requests) == 2)
        time.sleep(1)  # this is the busy event loop
        reply = await task
        await transport.aclose()
    # Where the system does not tell, the time is that at which we came to look.
    assert reply.latency_s < (1.5 if connection._TCP_INFO else 10)
