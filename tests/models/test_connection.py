"""Replies as they may come, byte by byte: the same as an independent implementation of HTTP (h11) makes of them."""

import asyncio
import gzip
import itertools
import struct
import zlib

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.models.http import connection as module
from mmlubench.models.http.byte_limit import Broken, TooLong, unpacked
from mmlubench.models.http.connection import Allowed, Connection, Malformed

REQUEST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
AMPLE = Allowed(until=float("inf"), silence_s=3600.0, most=1_000_000)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """The lower end of a connection: keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written, self.is_closed, self.unsent = b"", False, 0
        self.socket = NoSocket()

    def write(self, data):
        self.written += data

    def abort(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed

    def get_write_buffer_size(self):
        return self.unsent

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def get_extra_info(self, name, default=None):
        return self.socket


class NoSocket:
    def getsockopt(self, *_):
        raise OSError


class Socket:
    """One that received its last data some milliseconds ago."""

    def __init__(self, age_ms):
        self.age_ms = age_ms

    def getsockopt(self, level, name, size):
        return struct.pack("52xI", self.age_ms)[:size]


def connected():
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    return connection, wire


def outcome(answer):
    """Status, headers and body; or `broken` or `malformed`; or None while there is none yet."""
    if not answer.done():
        return None
    if error := answer.exception():
        return type(error).__name__.lower()
    reply = answer.result()
    return reply.status, dict(reply.headers), reply.content


def heard(pieces, ends):
    """What comes of the pieces of a reply, and whether the connection can be used again."""

    async def main():
        connection, wire = connected()
        answer = connection.ask(REQUEST, AMPLE)
        for piece in pieces:
            if not wire.is_closed:
                connection.data_received(piece)
        is_fit = connection.is_free
        if ends:
            connection.connection_lost(None)
        found = outcome(answer)
        answer.cancel()
        connection.close()
        return found, is_fit

    return asyncio.run(main())


def expected(data, ends):
    """The same of h11."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("Host", "h"), ("Content-Length", "2")]))
    client.send(h11.Data(b"{}"))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    reply, body = None, b""
    try:
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                if not ends:
                    return None, False
                ends = False
                client.receive_data(b"")
            elif isinstance(event, h11.Response):
                reply = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                return "broken", False
    except h11.RemoteProtocolError:
        is_cut = client.trailing_data[1]
        return "broken" if is_cut else "malformed", False
    headers: dict[str, str] = {}
    for name, value in reply.headers:
        headers.setdefault(name.decode(), value.decode("latin-1"))
    is_fit = client.their_state is h11.DONE and not any(client.trailing_data)
    return (reply.status_code, headers, body), is_fit


# --- replies of every shape

bodies = st.binary(max_size=60)
token = st.text("abcdefgXYZ-_09", min_size=1, max_size=8).map(lambda text: f"x-{text}".encode())
# A value of nothing but blanks is an empty one.
value = st.text("abc ,;=/\"'()[]09.:", max_size=12).map(lambda text: text.strip().encode())
more_headers = st.lists(st.tuples(token, value), max_size=5).map(
    lambda pairs: b"".join(b"%b: %b\r\n" % pair for pair in pairs)
)
ending = st.sampled_from([b"", b"Connection: close\r\n", b"connection: Keep-Alive\r\n"])


def in_chunks(body, sizes, trailer):
    parts, rest = [], body
    for size in sizes:
        part, rest = rest[:size], rest[size:]
        if part:
            parts.append(b"%x\r\n%b\r\n" % (len(part), part))
    if rest:
        parts.append(b"%X;ext=1\r\n%b\r\n" % (len(rest), rest))
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


@st.composite
def replies(draw):
    """A whole reply, perhaps after interim ones."""
    before = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 2))
    if draw(st.booleans()):
        before += b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    status = draw(st.sampled_from([200, 204, 301, 304, 400, 413, 429, 500, 503, 529]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    more, end = draw(more_headers), draw(ending)
    if version == b"1.0":
        end = b""  # h11 never keeps such a connection; a server that says Keep-Alive means it
    body = draw(bodies)
    shape = draw(st.sampled_from(["length", "chunked", "to the end"]))
    if status in (204, 304):
        framed = b"\r\n"
    elif shape == "length":
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    elif shape == "chunked" and version == b"1.1":
        sizes, trailer = draw(st.lists(st.integers(1, 20), max_size=4)), draw(more_headers)
        framed = b"Transfer-Encoding: chunked\r\n\r\n" + in_chunks(body, sizes, trailer)
    else:
        framed = b"\r\n" + body
    return before + b"HTTP/%b %d Some words\r\n%b%b%b" % (version, status, more, end, framed)


def split(data, places):
    """The pieces of some bytes, cut in these places."""
    cuts = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(cuts) if a < b]


cuts = st.lists(st.integers(0, 10_000), max_size=6)


@given(reply=replies(), places=cuts, ends=st.booleans())
def test_a_reply_in_any_pieces_is_what_another_implementation_reads(reply, places, ends):
    assert heard(split(reply, places), ends) == expected(reply, ends)


@given(reply=replies(), ends=st.booleans())
def test_a_reply_byte_by_byte_is_the_reply(reply, ends):
    assert heard([reply[i : i + 1] for i in range(len(reply))], ends) == expected(reply, ends)


@given(reply=replies(), length=st.integers(0, 10_000), places=cuts)
def test_a_reply_that_is_cut_is_never_taken_for_a_whole_one(reply, length, places):
    part = reply[: length % len(reply)]
    found, is_fit = heard(split(part, places), ends=True)
    whole, is_whole_fit = expected(part, ends=True)
    assert (isinstance(found, str), is_fit) == (isinstance(whole, str), is_whole_fit)
    assert isinstance(found, str) or found == whole


@given(reply=replies(), garbage=st.binary(min_size=1, max_size=20), places=cuts)
def test_after_bytes_that_nobody_asked_for_a_connection_is_not_used_again(reply, garbage, places):
    found, is_fit = heard(split(reply + garbage, places), ends=False)
    whole, _ = expected(reply, ends=False)
    if whole is not None:  # its end is told
        assert found == whole
        assert not is_fit or not garbage.strip(b"\r\n")  # some servers end a body with a line break too many


@settings(max_examples=300)
@given(
    data=st.binary(max_size=80) | st.binary(max_size=40).map(lambda rest: b"HTTP/1.1 " + rest), places=cuts
)
def test_no_bytes_whatever_are_taken_for_a_reply_that_they_are_not(data, places):
    found, is_fit = heard(split(data, places), ends=True)
    if not isinstance(found, str):
        assert found == expected(data, ends=True)[0]
    assert not is_fit


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",  # HTTP/2
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_said_so(data):
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        assert heard(pieces, ends=True) == ("malformed", False)


def test_two_framings_that_disagree_are_never_joined_with_the_end():
    # Where only the end of the connection would tell the end of the body, a cut body looks whole.
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"
    assert heard([reply], ends=True)[0] in ("broken", "malformed")


@pytest.mark.parametrize("line", [b"X: %b\r\n" % (b"a" * 90_000), b"X: a\r\n" * 20_000])
@pytest.mark.parametrize(
    "before",
    [b"HTTP/1.1 200 OK\r\n", OK.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2] + b"0\r\n"],
)
def test_headers_and_trailers_have_a_limit(line, before):
    data = before + line
    pieces = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    assert heard(pieces, ends=False) == ("malformed", False)


def test_interim_replies_have_one_too():
    assert heard([b"HTTP/1.1 100 Continue\r\n\r\n"] * 4000, ends=False) == ("malformed", False)


def test_a_switch_of_protocols_is_a_reply_and_the_end_of_the_connection():
    reply = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfurther"
    (status, _, content), is_fit = heard([reply], ends=False)
    assert (status, content, is_fit) == (101, b"", False)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["bare line feeds", "folded header"],
)
def test_the_habits_of_old_servers_are_put_up_with(reply):
    assert heard([reply], ends=False)[0][2] == b"{}"


@pytest.mark.parametrize(("kept", "is_fit"), [(b"Connection: keep-alive\r\n", True), (b"", False)])
def test_an_old_server_that_keeps_its_connections_says_so(kept, is_fit):
    reply = b"HTTP/1.0 200 OK\r\n" + kept + b"Content-Length: 2\r\n\r\n{}"
    found, was_fit = heard([reply], ends=False)
    assert (found[2], was_fit) == (b"{}", is_fit)


# --- one connection, several requests


async def _asked(connection, reply):
    answer = connection.ask(REQUEST, AMPLE)
    connection.data_received(reply)
    return outcome(answer)


def test_a_connection_is_used_for_one_reply_after_the_other():
    async def main():
        connection, wire = connected()
        for number in range(3):
            body = b"%d" % number * 2
            assert (await _asked(connection, OK[:-2] + body))[2] == body
            assert connection.is_free
        assert wire.written == REQUEST * 3
        connection.close()

    asyncio.run(main())


def test_a_second_reply_at_once_is_not_mixed_into_the_first():
    second = b"HTTP/1.1 500 Oops\r\nX: y\r\nContent-Length: 3\r\n\r\nno!"
    for pieces in ([OK + second], [OK, second], [OK + second[:9], second[9:]]):
        found, is_fit = heard(pieces, ends=False)
        assert found == (200, {"content-length": "2"}, b"{}")
        assert not is_fit


def test_a_reply_to_no_request_ends_the_connection():
    async def main():
        connection, wire = connected()
        connection.data_received(OK)
        assert wire.is_closed
        assert not connection.is_free
        with pytest.raises(Broken):
            connection.ask(REQUEST, AMPLE)

    asyncio.run(main())


def test_a_reply_before_the_request_was_sent_whole_ends_the_connection():
    async def main():
        connection, wire = connected()
        wire.unsent = 1
        early = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
        assert (await _asked(connection, early))[0] == 413
        assert wire.is_closed

    asyncio.run(main())


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("coding", [b"", b"Content-Encoding: gzip\r\n"])
def test_the_longest_body_is_read_and_no_longer_one(over, coding):
    body = b"x" * (AMPLE.most + over)
    sent = gzip.compress(body) if coding else body
    reply = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (coding, len(sent), sent)
    found, _ = heard([reply[i : i + 65_536] for i in range(0, len(reply), 65_536)], ends=False)
    assert (found == "toolong") if over else (found[2] == body)


# --- the time of the server


@pytest.mark.parametrize(
    ("age_ms", "latency_s"),
    [
        (None, 3.0),  # the system does not tell
        (4, 3.0),  # ticks of the system are too coarse for so little
        (1500, 1.5),
        (9000, 0.0),  # before the request: whatever that was, it is no negative time
    ],
)
def test_a_reply_is_as_late_as_it_reached_the_socket(age_ms, latency_s, monkeypatch):
    async def main():
        clock = iter([10.0, 10.0, *[13.0] * 9])
        monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
        monkeypatch.setattr(module, "_TCP_INFO", 11)
        connection, wire = connected()
        wire.socket = NoSocket() if age_ms is None else Socket(age_ms)
        answer = connection.ask(REQUEST, AMPLE)
        connection.data_received(OK)
        connection.close()
        return (await answer).latency_s

    assert asyncio.run(main()) == latency_s


def test_a_long_request_is_on_its_way_when_its_last_byte_is(monkeypatch):
    async def main():
        now = [10.0]
        monkeypatch.setattr(module, "perf_counter", lambda: now[0])
        connection, _ = connected()
        answer = connection.ask(REQUEST, AMPLE)
        now[0] = 12.0
        connection.resume_writing()
        now[0] = 13.0
        connection.data_received(OK)
        connection.close()
        return (await answer).latency_s

    assert asyncio.run(main()) == 1.0


# --- bodies that are packed


@given(
    body=st.binary(max_size=2000),
    coding=st.sampled_from(["gzip", "x-gzip", "deflate", "raw", "", "identity"]),
)
def test_a_packed_body_is_unpacked(body, coding):
    packers = {"deflate": zlib.compress, "raw": lambda data: zlib.compress(data)[2:-4]}
    packed = packers.get(coding, gzip.compress if "gzip" in coding else bytes)(body)
    assert unpacked(packed, "deflate" if coding == "raw" else coding, 2000) == body
    if body and coding not in ("", "identity"):
        with pytest.raises(TooLong):
            unpacked(packed, "deflate" if coding == "raw" else coding, len(body) - 1)


@given(body=st.binary(min_size=1, max_size=500), coding=st.sampled_from(["gzip", "deflate"]), data=st.data())
def test_a_packed_body_that_is_cut_is_no_body(body, coding, data):
    packed = (gzip.compress if coding == "gzip" else zlib.compress)(body)
    short = packed[: data.draw(st.integers(1, len(packed) - 1))]
    with pytest.raises(Broken):
        unpacked(short, coding, 1000)


def test_malformed_says_what():
    async def main():
        connection, _ = connected()
        answer = connection.ask(REQUEST, AMPLE)
        connection.data_received(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        with pytest.raises(Malformed, match="Expected HTTP/"):
            await answer

    asyncio.run(main())
