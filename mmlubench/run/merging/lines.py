"""The cases of shards as a stream, in the order of the run without shards: one of each shard in memory at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from heapq import merge
from io import BufferedReader
from pathlib import Path
from typing import IO, NamedTuple

import orjson

from mmlubench import zstd
from mmlubench.errors import DataError
from mmlubench.jsonl import present
from mmlubench.run.entries import LAST
from mmlubench.run.folder import STREAMS
from mmlubench.run.shard_folder import PLACES

_BUFFER = 256 * 1024
_DEBATE = "debate_"
_STREAMS = ("results", "requests", "responses")


class Placed(NamedTuple):
    """The lines of one case, and its place in the run as a whole."""

    place: int
    shard: int
    """The number of its shard."""
    results: bytes
    requests: bytes
    responses: bytes
    debate: bytes


def placed(folders: Mapping[int, Path]) -> Iterator[Placed]:
    """Yield the cases of the shards in these folders, by the number of the shard, in the order of their places.

    Raises DataError for a folder whose files are not as they were written, and OSError.
    """
    return merge(*(_cases(number, folder) for number, folder in folders.items()))


def _cases(number: int, folder: Path) -> Iterator[Placed]:
    with ExitStack() as open_files:
        streams = {
            name: _Blocks(open_files.enter_context(_opened(folder, name)), orders, sizes, folder / name)
            for name, orders, sizes in _places(folder)
        }
        debates = [name for name in streams if name.startswith(_DEBATE)]
        while True:
            place = min((stream.next for stream in streams.values() if stream.next is not None), default=None)
            if place is None:
                break
            results, requests, responses = (streams[name].take(place) for name in _STREAMS)
            debate = b"".join(streams[name].take(place) for name in debates)
            yield Placed(place, number, results, requests, responses, debate)
        for stream in streams.values():
            stream.check_end()


def _places(folder: Path) -> Iterable[tuple[str, array[int], array[int]]]:
    """Yield the name of each file with the places and the sizes of its blocks. Raises DataError and OSError."""
    file = folder / PLACES
    try:
        values = orjson.loads(file.read_bytes())
        found = [(name, array("q", of["orders"]), array("q", of["sizes"])) for name, of in values.items()]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise DataError(file, "it does not tell the places of the cases.") from None
    names = {name for name, _, _ in found}
    if not {*STREAMS} <= names or any(Path(name).name != name for name in names):
        raise DataError(file, "it does not tell the places of the cases.")
    return found


def _opened(folder: Path, name: str) -> IO[bytes]:
    if name not in STREAMS:
        return (folder / f"{name}.json").open("rb", buffering=_BUFFER)
    path = present(folder / f"{name}.jsonl")
    if path.suffix == zstd.SUFFIX:
        return BufferedReader(zstd.Unpacked(path), _BUFFER)
    return path.open("rb", buffering=_BUFFER)


class _Blocks:
    """The blocks of lines of one file, in order."""

    def __init__(self, file: IO[bytes], orders: array[int], sizes: array[int], name: Path) -> None:
        self._file, self._orders, self._sizes, self._name = file, orders, sizes, name
        self._at = 0
        self._is_object = name.name.startswith(_DEBATE)
        if self._is_object:
            file.readline()  # the brace
        self.next: int | None = orders[0] if orders else None
        """The place of the next block; None at the end."""

    def take(self, place: int) -> bytes:
        """Return the blocks at a place, together; empty if the next one is of another place. Raises DataError.

        At the place behind all cases are those of many: each of their blocks is returned alone.
        """
        taken = b""
        while self.next == place and not (taken and place == LAST):
            taken += self._entry() if self._is_object else self._block(self._sizes[self._at])
            self._at += 1
            self.next = self._orders[self._at] if self._at < len(self._orders) else None
        return taken

    def check_end(self) -> None:
        """Raise DataError if there are more lines than cases."""
        if not self._is_object and self._file.read(1):
            raise DataError(self._name, "it has more lines than the shard wrote.")

    def _block(self, size: int) -> bytes:
        lines = self._file.read(size)
        if len(lines) != size or not lines.endswith(b"\n" if size else b""):
            raise DataError(
                self._name, "it is not as the shard wrote it, or was copied in part: copy it again."
            )
        return lines

    def _entry(self) -> bytes:
        line = self._file.readline().rstrip(b",\n")
        if not line.startswith(b'"'):
            raise DataError(
                self._name, "it is not as the shard wrote it, or was copied in part: copy it again."
            )
        return line + b"\n"
