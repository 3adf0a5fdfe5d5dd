"""The state of a worker, in a mapped file that outlives it: running case, money spent, what it waits for, orders.

With many cases under way, pytest's current item is often not the case whose code made a worker crash. So a worker
writes the position of a case each time that the case begins or goes on. It also writes the money that it has spent, so
that its replacement can go on with the rest of the budget. By a flag the controller stops a worker at once: xdist's own
signal comes only after all items that were handed out. It also names the benchmarks and models of which a worker has to
ask no more. What its requests wait for is shown in the progress line.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Coroutine, Generator, Iterable
from hashlib import blake2b
from pathlib import Path
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The position while pytest's own code runs: if the process dies then, pytest's current item is the cause.
_PYTEST = -1
#: The position until the worker begins to run items: if the process dies before, no item is the cause.
_NOT_BEGUN = -2
#: The formats of the position of a case, of US dollars, and of the flag to stop.
_POSITION, _DOLLARS, _STOP = struct.Struct("<q"), struct.Struct("<d"), struct.Struct("<?")
_DOLLARS_AT, _STOP_AT = 8, 16
#: The format of the length of what a worker waits for, where that stands, and the most bytes that it may have.
_LENGTH, _WAITS_AT, WAITS_BYTES = struct.Struct("<I"), 24, 4000
#: Where the number of benchmarks and models stands of which enough was asked, the bytes of each, and their most.
_ENOUGH_AT, _DIGEST, _MOST_ENOUGH = _WAITS_AT + _LENGTH.size + WAITS_BYTES, 8, 500
_BYTES = _ENOUGH_AT + _LENGTH.size + _DIGEST * _MOST_ENOUGH


class WorkerState:
    """The state file on the worker's side. Raises OSError if the file does not exist, as on another host."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), _BYTES)
        self.note(_NOT_BEGUN)

    def note(self, position: int = _PYTEST) -> None:
        """Write the position in the collection of the case that runs now; without one, pytest's own code runs."""
        _POSITION.pack_into(self._bytes, 0, position)

    def note_spent(self, dollars: float) -> None:
        """Write how many US dollars of its part of the budget the worker has spent."""
        _DOLLARS.pack_into(self._bytes, _DOLLARS_AT, dollars)

    def note_waits(self, content: bytes) -> None:
        """Write what the worker's requests wait for, at most `WAITS_BYTES`."""
        begin = _WAITS_AT + _LENGTH.size
        _LENGTH.pack_into(self._bytes, _WAITS_AT, 0)  # nothing, for who reads it meanwhile
        self._bytes[begin : begin + len(content)] = content
        _LENGTH.pack_into(self._bytes, _WAITS_AT, len(content))

    @property
    def must_stop(self) -> bool:
        """Whether the worker must run no further item."""
        return bool(_STOP.unpack_from(self._bytes, _STOP_AT)[0])

    def has_enough(self, asking: Iterable[str]) -> bool:
        """Whether the controller said that enough was asked of this benchmark and model."""
        [count] = _LENGTH.unpack_from(self._bytes, _ENOUGH_AT)
        if not count:
            return False
        begin = _ENOUGH_AT + _LENGTH.size
        told = self._bytes[begin : begin + count * _DIGEST]
        return _digest(asking) in (told[at : at + _DIGEST] for at in range(0, len(told), _DIGEST))

    async def watch(self, position: int, case: Coroutine[Any, Any, T]) -> T:
        """Run a case's coroutine, writing its position each time it goes on."""
        return await self._step(position, case)

    @coroutine
    def _step(self, position: int, case: Coroutine[Any, Any, T]) -> Generator[Any, None, T]:
        go_on: BaseException | None = None
        while True:
            self.note(position)
            try:
                waits_for = case.send(None) if go_on is None else case.throw(go_on)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # a coroutine's result
            try:
                yield waits_for
                go_on = None
            except BaseException as error:  # also a cancellation, which the case handles itself
                go_on = error


def blank(path: Path) -> None:
    """Make the file of a worker that is about to start."""
    known = _POSITION.pack(_PYTEST) + _DOLLARS.pack(0.0) + _STOP.pack(False)
    path.write_bytes(known.ljust(_BYTES, b"\0"))


def stop(path: Path) -> None:
    """Tell a worker to stop after the item that it runs."""
    with path.open("r+b") as file:
        file.seek(_STOP_AT)
        file.write(_STOP.pack(True))


def write_enough(path: Path, askings: Iterable[Iterable[str]]) -> None:
    """Tell a worker the benchmarks and models of which enough was asked."""
    digests = [_digest(asking) for asking in askings][:_MOST_ENOUGH]
    with path.open("r+b") as file:
        file.seek(_ENOUGH_AT + _LENGTH.size)
        file.write(b"".join(digests))
        file.flush()  # the number comes last, for who reads meanwhile
        file.seek(_ENOUGH_AT)
        file.write(_LENGTH.pack(len(digests)))


def _digest(asking: Iterable[str]) -> bytes:
    return blake2b("\0".join(asking).encode(), digest_size=_DIGEST).digest()


def last_noted(path: Path) -> int | None:
    """Return the position of the case that ran last; None if pytest's own code ran, or if it is not known."""
    position = _position(path)
    return position if position >= 0 else None


def has_begun(path: Path) -> bool:
    """Return whether the worker began to run items; True if it is not known, as for a worker on another host."""
    return _position(path) != _NOT_BEGUN


def waits(path: Path) -> bytes:
    """Return what the worker wrote with `note_waits`; nothing if it has written none."""
    content = path.read_bytes()
    [length] = _LENGTH.unpack_from(content, _WAITS_AT)
    return content[_WAITS_AT + _LENGTH.size :][:length]


def forget_waits(path: Path) -> None:
    """Write that a worker waits for nothing any more, as it has ended."""
    with path.open("r+b") as file:
        file.seek(_WAITS_AT)
        file.write(_LENGTH.pack(0))


def _position(path: Path) -> int:
    try:
        return int(_POSITION.unpack_from(path.read_bytes())[0])
    except OSError:
        return _PYTEST


def spent(path: Path) -> float:
    """Return the US dollars that the worker has spent."""
    return float(_DOLLARS.unpack_from(path.read_bytes(), _DOLLARS_AT)[0])
