"""The state of a worker, in a mapped file that outlives it: which case runs, what was spent, whether to stop.

With many cases under way, the item that pytest is at says nothing about the case whose code made a worker crash. So a
worker notes the position of a case each time that the case begins or goes on. Behind it stands what the worker has
spent, so that its replacement can go on with the rest of the budget; and a flag by which the controller stops it at
once, where xdist's own signal comes after all items that were handed out.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The position that is noted while pytest itself is at work: if the process dies then, its current item is at fault.
_PYTEST = -1
#: The position of a case, US dollars, whether to stop.
_POSITION, _DOLLARS, _STOP = struct.Struct("<q"), struct.Struct("<d"), struct.Struct("<?")
_DOLLARS_AT, _STOP_AT = 8, 16


class WorkerState:
    """The file as the worker writes it. Raises OSError if the controller has not made it, as on another host."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), _STOP_AT + _STOP.size)

    def note(self, position: int = _PYTEST) -> None:
        """Note that the case at this position of the collection runs now; without one, that pytest does."""
        _POSITION.pack_into(self._bytes, 0, position)

    def note_spent(self, dollars: float) -> None:
        """Note how many US dollars of this worker's part are gone."""
        _DOLLARS.pack_into(self._bytes, _DOLLARS_AT, dollars)

    @property
    def says_stop(self) -> bool:
        """Whether nothing shall be run any more."""
        return bool(_STOP.unpack_from(self._bytes, _STOP_AT)[0])

    async def watch(self, position: int, case: Coroutine[Any, Any, T]) -> T:
        """Run a case's coroutine, noted each time it goes on."""
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
            except BaseException as error:  # being cancelled is the case's own affair
                go_on = error


def blank(path: Path) -> None:
    """Make the file of a worker that is about to start."""
    path.write_bytes(_POSITION.pack(_PYTEST) + _DOLLARS.pack(0.0) + _STOP.pack(False))


def stop(path: Path) -> None:
    """Tell a worker to stop after the item that it runs."""
    with path.open("r+b") as file:
        file.seek(_STOP_AT)
        file.write(_STOP.pack(True))


def last_noted(path: Path) -> int | None:
    """The position of the case that ran last; None when it was pytest, or nobody knows."""
    try:
        position = int(_POSITION.unpack_from(path.read_bytes())[0])
    except OSError:
        return None
    return None if position == _PYTEST else position


def spent(path: Path) -> float:
    """How many US dollars the worker noted as gone."""
    return float(_DOLLARS.unpack_from(path.read_bytes(), _DOLLARS_AT)[0])
