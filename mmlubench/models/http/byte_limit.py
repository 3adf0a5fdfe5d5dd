"""Byte limits for the bodies of replies: of each one, and of all that are under way in this process together."""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable

from mmlubench.inputs import LINE_BYTES

#: The largest body that is read, the same as for a line of `responses.jsonl`. No model writes that much; without the
#: limit, one endless reply could fill the memory.
MOST_BYTES = LINE_BYTES
#: The most bytes of all bodies that arrive at the same time, apart from the first `UNCOUNTED` ones of each: hundreds of
#: requests are under way at once, and each may bring `MOST_BYTES`.
MOST_TOGETHER = 128_000_000
UNCOUNTED = 64_000
#: The most bytes of replies that have arrived and wait to be graded, perhaps behind a slow one, up to which further
#: questions are begun, and up to which long replies to those that were begun are read.
MOST_WAITING, MOST_EVER_WAITING = 128_000_000, 512_000_000
#: The largest ratio of deflate (zlib.net/zlib_tech.html).
_LARGEST_RATIO = 1032
_GZIP = ("gzip", "x-gzip")
_PACKED = (*_GZIP, "deflate")


class TooLong(Exception):
    """The body is longer than allowed."""


class Crowded(TooLong):
    """The body is not too long by itself, but the replies that wait to be graded leave no room for it."""


class Broken(Exception):
    """The connection ended before the reply was complete, or the body cannot be unpacked."""


class Room:
    """The bytes that several replies hold together in one process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self.waiting: deque[Size] = deque()
        """Those that found no room, the first one first."""

    @property
    def has_some(self) -> bool:
        """Whether there is any room left."""
        return self.held < self.most

    def fits(self, amount: int) -> bool:
        """Whether there is room for so many bytes; a reply that is alone has any room it needs."""
        return not self.held or self.held + amount <= self.most

    def admit(self) -> None:
        """Let those in that now find room."""
        while self.waiting and self.fits(self.waiting[0].wanted):
            self.waiting.popleft().enter()


#: The room of this process for bodies that arrive, and that for replies that wait to be graded.
ARRIVING, WAITING = Room(MOST_TOGETHER), Room(MOST_WAITING)


class Size:
    """The bytes that one reply holds. It asks for all of its room at once: none waits for more while it holds some."""

    __slots__ = ("_held", "_room", "_wake", "wanted")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0
        self._wake: Callable[[], object] | None = None
        self.wanted = 0
        """The bytes that it waits for."""

    def reserve(self, amount: int, wake: Callable[[], object]) -> bool:
        """Take so many bytes, or wait in line for them; `wake` is called when they are there. Raises Crowded."""
        if amount <= UNCOUNTED or self._held or self._wake is not None:
            return self._wake is None
        if WAITING.held > MOST_EVER_WAITING:
            raise Crowded
        self.wanted, self._wake = amount, wake
        if self._room.waiting or not self._room.fits(amount):
            self._room.waiting.append(self)
            return False
        self._wake = None
        self.hold(amount)
        return True

    async def reserved(self, amount: int) -> None:
        """Wait until so many bytes are taken. Raises Crowded."""
        there = asyncio.Event()
        if not self.reserve(amount, there.set):
            await there.wait()

    def enter(self) -> None:
        """Take the bytes that were waited for."""
        wake, self._wake = self._wake, None
        self.hold(self.wanted)
        if wake is not None:
            wake()

    def hold(self, size: int) -> None:
        """Take so many bytes, whether or not there is room for them."""
        self._held += size
        self._room.held += size

    def release(self) -> None:
        """Give all bytes back, or the place in line."""
        if self._wake is not None:
            self._wake = None
            self._room.waiting.remove(self)
        if self._held:
            self._room.held -= self._held
            self._held = 0
            self._room.admit()


def needed(size: int, length: str | bytes | None, coding: str, most: int) -> int:
    """Return the bytes that a body takes in the end, of which `size` are here, at most.

    `length` is its Content-Length, if it has one, and `coding` its Content-Encoding.
    """
    whole = most if length is None or not length.isdigit() else min(int(length[:20]), most)
    whole = max(whole, size)
    return whole + min(whole * _LARGEST_RATIO, most) if coding in _PACKED else whole


def is_too_long(length: str | bytes | None, most: int) -> bool:
    """Whether a Content-Length tells of more than `most` bytes, so that none of them need be read."""
    return length is not None and length.isdigit() and length.isascii() and int(length[:20]) > most


def unpacked(body: bytes, coding: str, most: int) -> bytes:
    """Undo a Content-Encoding of gzip or deflate; no other one was asked for, and it is left as it is.

    So is plain JSON whose header says that it is packed. Raises TooLong for more than `most` bytes, and Broken
    if the body is damaged or cut.
    """
    try:
        if _is_plain(body):
            return body
        if coding in _GZIP:
            whole = gzip.GzipFile(fileobj=io.BytesIO(body)).read(most + 1)
        elif coding == "deflate" and body:
            has_header = body[0] & 15 == zlib.DEFLATED  # some servers leave it out
            unpacker = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
            whole = unpacker.decompress(body, most + 1)
            if not unpacker.eof and len(whole) <= most:
                raise EOFError
        else:
            return body
    except (OSError, EOFError, zlib.error):
        raise Broken(f"Can not decode content-encoding: {coding}") from None
    if len(whole) > most:
        raise TooLong
    return whole


def _is_plain(body: bytes) -> bool:
    """Whether a body is JSON or an event stream as it stands; a deflated one has bytes that neither can have."""
    return body[:64].lstrip().startswith((b"{", b"data:", b"event:")) and body.isascii() and b"\0" not in body
