"""One HTTP/1.1 connection: writes a request, parses the reply as it arrives, and tells when each was on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from time import perf_counter
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from mmlubench.models.http.byte_limit import (
    ARRIVING,
    UNCOUNTED,
    Broken,
    Size,
    TooLong,
    is_too_long,
    needed,
    unpacked,
)
from mmlubench.models.http.reply import Reply

#: The most bytes of a reply that are not its body: headers, trailers, interim responses.
_MOST_BESIDE = 64_000
_LENGTH_CHARS = len("content-length")
#: Linux tells how long ago a socket last received data (`tcpi_last_data_recv`, in ms and in ticks of up to 10 ms).
_TCP_INFO = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_LAST_DATA_RECV, _TICK_MS = struct.Struct("52xI"), 10


class Malformed(Exception):
    """The bytes that arrived are no HTTP."""


class Allowed(NamedTuple):
    """What a reply may take."""

    until: float
    """The time of `perf_counter` at which the whole reply must be there."""
    silence_s: float
    """The seconds without a single byte."""
    most: int
    """The bytes of the body, as sent and unpacked."""


class Connection(asyncio.Protocol):
    """One request at a time: `ask`, await the future, and `ask` again as long as `is_free`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parser = HttpResponseParser(self)
        # Strict about what tells replies apart, lenient about the rest, as aiohttp is: some servers are old.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._size = Size(ARRIVING)
        self.free_since = 0.0
        """The time of `perf_counter` at which the last reply was complete."""

    @property
    def is_free(self) -> bool:
        """Whether the connection is open and has no request under way."""
        return self._answer is None and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, allowed: Allowed) -> asyncio.Future[Reply]:
        """Send a whole request; the future gets the reply.

        It fails with Malformed, Broken, TooLong, TimeoutError of asyncio, or the OSError that ended the connection. Who
        does not wait for the future any longer must `close` the connection.
        """
        if self._transport is None:
            raise Broken("Server disconnected")
        self._allowed = allowed
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._is_head = self._is_fit = True
        self._is_whole = False
        self._beside = 0
        self._length: bytes | None = None
        self._is_paused = False
        self._answer = answer = self._loop.create_future()
        self._transport.write(request)
        # The last byte goes out here or, if the socket takes only a part, before `resume_writing`.
        self._sent_at = self._heard_at = perf_counter()
        if self._timer is None:
            self._watch()
        return answer

    def release(self) -> None:
        """Let go of the body of the last reply, which has been read or is not wanted."""
        self._body = bytearray()
        self._size.release()

    def close(self) -> None:
        """Close the connection at once; a request under way fails."""
        self._fail(Broken("Server disconnected"))

    # -- what asyncio calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # so that `resume_writing` tells of the last byte

    def resume_writing(self) -> None:
        """Note when the last byte of a long request was handed to the socket."""
        self._sent_at = perf_counter()

    def data_received(self, data: bytes) -> None:
        """Parse a piece of the reply."""
        self._heard_at = perf_counter()
        if self._answer is None:  # nothing was asked: whatever this is, it is no reply to the next request
            self.close()
            return
        self._beside += len(data)  # set to 0 by every piece of a body
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._is_fit, self._is_whole = False, True
        except HttpParserError as error:
            self._is_fit = False  # a reply that was complete before what cannot be parsed is a reply
            if not self._is_whole:
                self._fail(Malformed(str(error)))
                return
        size, most = len(self._body), self._allowed.most
        if size > most or is_too_long(self._length, most):
            self._fail(TooLong())
        elif self._is_whole:
            self._finish()
        elif size > UNCOUNTED:
            self._has_room(self._length, self._coding())
        elif self._beside > _MOST_BESIDE:
            self._fail(Malformed(f"more than {_MOST_BESIDE} bytes of headers"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete a reply that ends with the connection; fail any other that is under way."""
        has_begun = self._answer is not None and (self._beside or self._body)
        if has_begun and exc is None and not self._is_head and not self._has_length():
            self._is_fit, self._is_whole = False, True
            self._finish()
            if self._answer is not None:  # it waits for room
                return
        where = " in the middle of its reply" if has_begun else ""
        self._fail(exc or Broken(f"Server disconnected{where}"))

    # -- what the parser calls -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Refuse anything after the reply."""
        if self._is_whole:
            raise Malformed

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but no trailer."""
        if self._is_head:
            self._headers.append((name, value))
            if len(name) == _LENGTH_CHARS and name.lower() == b"content-length":
                self._length = value

    def on_headers_complete(self) -> None:
        """Note the end of the headers."""
        self._is_head = False

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body += body
        self._beside = 0

    def on_message_complete(self) -> None:
        """Note the end of the reply, unless it was an interim response (1xx), after which the reply follows."""
        if 100 <= self._parser.get_status_code() < 200 and not self._parser.should_upgrade():
            self._headers.clear()
            self._is_head = True
            return
        self._is_whole = True
        self._is_fit = self._parser.should_keep_alive()

    # -- how a request ends --------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Hand over a reply that is complete, as soon as there is room for what it unpacks to."""
        coding = self._coding()
        if coding and not self._has_room(b"%d" % len(self._body), coding):
            return
        answer, self._answer = self._answer, None
        status, body = self._parser.get_status_code(), bytes(self._body)
        self._body = bytearray()  # not two of them
        # In reverse, so that of two headers with one name the first one counts.
        headers = {
            name.decode("latin-1").lower(): value.decode("utf-8", "replace")
            for name, value in reversed(self._headers)
        }
        latency_s = max(0.0, self._arrived_at() - self._sent_at)
        if not self._is_fit or self._transport is None or self._transport.get_write_buffer_size():
            self.close()  # with a rest of the request unsent, a next one would be taken for that
        self.free_since = self._heard_at
        if answer is None or answer.done():
            return
        try:
            content = unpacked(body, coding, self._allowed.most)
            answer.set_result(Reply(status, headers, content, latency_s))
        except (Broken, TooLong) as error:
            answer.set_exception(error)

    def _coding(self) -> str:
        """Return the Content-Encoding; empty if there is none."""
        told = (value for name, value in self._headers if name.lower() == b"content-encoding")
        return next(told, b"").decode("latin-1").strip().lower()

    def _has_room(self, length: bytes | None, coding: str) -> bool:
        """Whether there is room for a body of this length; if not, nothing is read until `_go_on` is called."""
        amount = needed(len(self._body), length, coding, self._allowed.most)
        try:
            there = self._size.reserve(amount, self._go_on)
        except TooLong as refusal:
            self._fail(refusal)
            return False
        if not there and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        return there

    def _go_on(self) -> None:
        """Read on: there is room now."""
        self._is_paused, self._heard_at = False, perf_counter()
        if self._transport is not None:
            self._transport.resume_reading()
        if self._is_whole and self._answer is not None:
            self._finish()

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        transport, self._transport = self._transport, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if transport is not None:
            transport.abort()
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def _has_length(self) -> bool:
        """Whether the reply tells where its body ends; if not, the end of the connection is its end."""
        return any(
            name.lower() == b"content-length"
            or (name.lower() == b"transfer-encoding" and b"chunked" in value.lower())
            for name, value in self._headers
        )

    def _arrived_at(self) -> float:
        """Return when the last bytes arrived: before `data_received` if the event loop was busy, as far as is known."""
        if _TCP_INFO is None or self._transport is None:
            return self._heard_at
        try:
            own: socket.socket = self._transport.get_extra_info("socket")
            info = own.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_DATA_RECV.size)
            [age_ms] = _LAST_DATA_RECV.unpack(info)
        except (OSError, struct.error):
            return self._heard_at
        return min(self._heard_at, perf_counter() - age_ms / 1000) if age_ms >= _TICK_MS else self._heard_at

    def _watch(self) -> None:
        """Set a timer for the request under way. It is left running when the reply comes, for the requests after it."""
        now = perf_counter()
        heard_at = now if self._is_paused else self._heard_at
        due = min(self._allowed.until, heard_at + self._allowed.silence_s)
        if self._answer is None:
            self._timer = None
        elif now >= due:
            self._fail(asyncio.TimeoutError())
        else:
            self._timer = self._loop.call_later(due - now, self._watch)
