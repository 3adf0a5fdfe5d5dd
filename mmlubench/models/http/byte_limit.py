"""Byte limits for the bodies of replies: of each one, and of all that are under way in this process together."""

from __future__ import annotations

import gzip
import io
import zlib

from mmlubench.inputs import LINE_BYTES

#: The largest body that is read, the same as for a line of `responses.jsonl`. No model writes that much; without the
#: limit, one endless reply could fill the memory.
MOST_BYTES = LINE_BYTES
#: The most bytes of all bodies together, apart from the first `UNCOUNTED` ones of each: hundreds of requests are under
#: way at once, and each of them may bring `MOST_BYTES`.
MOST_TOGETHER = 128_000_000
UNCOUNTED = 64_000


class TooLong(Exception):
    """The body is longer than allowed."""


class Crowded(TooLong):
    """The body is not too long by itself, but there is no room for it beside those of other replies."""


class Broken(Exception):
    """The connection ended before the reply was complete, or the body cannot be unpacked."""


class Room:
    """The bytes that the replies under way in one process hold together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


#: The room of this process.
ROOM = Room(MOST_TOGETHER)


class Size:
    """The bytes that one reply holds, from the first one that arrives until the reply is parsed."""

    __slots__ = ("_held", "_room")

    def __init__(self, room: Room | None = None) -> None:
        self._room = room or ROOM
        self._held = 0

    def grow(self, size: int, most: int) -> None:
        """Count a body of `size` bytes so far. Raises TooLong for more than `most`, Crowded if there is no room."""
        if size > most:
            raise TooLong
        more = size - UNCOUNTED - self._held
        if more > 0:
            if self._room.held + more > self._room.most:
                raise Crowded
            self._room.held += more
            self._held += more

    def release(self) -> None:
        """Give the room back."""
        self._room.held -= self._held
        self._held = 0


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
        if coding in ("gzip", "x-gzip"):
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
