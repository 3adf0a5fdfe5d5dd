"""The run folder: its files are appended to while the run goes on, and put into the order of the run at its end."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from errno import EEXIST, ENOTEMPTY
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from mmlubench import zstd
from mmlubench.engine.store.salvage import MAGIC
from mmlubench.errors import UserError
from mmlubench.jsonl import Appender, PackedAppender, pretty, write_atomic
from mmlubench.locks import Locks
from mmlubench.private import make_folder, opener
from mmlubench.reports.report import File
from mmlubench.settings import STORE_NAME

#: The JSON-lines files: a line per case, or a line per request.
STREAMS = ("requests", "responses", "results")
#: Those that may be compressed; the results are a tenth of a run, and what people look into.
_PACKED = ("requests", "responses")
#: The end of the name of a folder in which a mock has answered.
MOCK = "-MOCK"
#: The beginning of every SQLite file, and so of a store, whatever its name.


class Place(NamedTuple):
    """Where the folder of a run is made."""

    parent: str
    name: str = "{}"
    """The name of the folder, in which `{}` stands for the id of the run."""
    run_id: str = ""
    """The id of the run, if it is known: that of an earlier merge."""


class RunFolder:
    """A new folder `reports/<run-id>/` for one run. Raises UserError if it cannot be written."""

    def __init__(self, place: Place | str, *, mock: bool, packed: bool = False) -> None:
        """Make the folder at its place, or in this parent; `packed` compresses requests and responses."""
        parent, name, run_id = Place(place) if isinstance(place, str) else place
        self._packed = _PACKED if packed else ()
        self._locks = Locks()
        """Say that the process which writes it is alive."""
        now = datetime.now(timezone.utc)
        stamp = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}"  # two runs may start in one second
        self.run_id = run_id or f"{stamp}-{secrets.token_hex(2)}{MOCK if mock else ''}"
        self._name = name
        self.path = Path(parent) / name.format(self.run_id)
        try:
            make_folder(self.path.parent)
            self.path.mkdir(mode=0o700)
            self._locks.take(self.path)
            self._streams = {name: self._appender(name) for name in STREAMS}
        except OSError as error:
            raise _unwritable(parent, error) from None
        self._blocks = {name: _Blocks() for name in STREAMS}

    def append(self, order: int, lines: Mapping[str, bytes]) -> None:
        """Append one case's lines to each file; `order` is the position of the case in the run."""
        for name, block in lines.items():
            self._streams[name].write(block)
            self._blocks[name].add(order, len(block))

    def withdraw(self, order: int) -> None:
        """Take back the result and the debate of the case at this position: it was run again, and others follow."""
        for name, blocks in self._blocks.items():
            if name not in _PACKED:
                blocks.withdraw(order)

    def append_entry(self, name: str, order: int, entry: bytes) -> None:
        """Append a line `"key": value` of the JSON object that `close` writes to `name`.json."""
        if name not in self._streams:
            self._streams[name] = Appender(self._file(name))
            self._blocks[name] = _Blocks()
        self.append(order, {name: entry})

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been appended yet."""
        return not any(blocks.sizes for blocks in self._blocks.values())

    def discard(self) -> None:
        """Remove the folder, unless somebody has put other files into it. Raises OSError."""
        self._locks.release()
        for stream in self._streams.values():
            with suppress(FileNotFoundError):
                stream.close()
        for path in (self.path / "manifest.json", *map(self._file, self._streams)):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()

    def close(self) -> None:
        """Close the files, and put the cases into the order of the run where workers sent them in another.

        Raises the first OSError, after all the others are written.
        """
        self._locks.release()
        failures = []
        for name, stream in self._streams.items():
            try:
                stream.close()
                _put_in_order(self._file(name), self._blocks[name])
                if name not in STREAMS:
                    _close_object(self._file(name), self.path / f"{name}.json")
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def blocks(self) -> dict[str, dict[str, list[int]]]:
        """Return for each closed file where its cases are: `orders` and `sizes` in bytes of its blocks of lines."""
        return {name: blocks.in_order() for name, blocks in self._blocks.items()}

    def rename(self, name: str) -> bool:
        """Give the closed folder another name, if there is nothing of that name. Raises OSError."""
        path = self.path.with_name(name)
        if path.exists():
            return False
        try:
            self.path = self.path.rename(path)
        except OSError as error:
            if error.errno in (ENOTEMPTY, EEXIST):  # another process was faster
                return False
            raise
        return True

    def drop_mock(self) -> None:
        """Take MOCK out of the name of a closed folder: no mock was asked after all. Raises OSError."""
        self.run_id = self.run_id.removesuffix(MOCK)
        self.path = self.path.rename(self.path.with_name(self._name.format(self.run_id)))

    def _file(self, name: str) -> Path:
        end = zstd.SUFFIX if name in self._packed else ""
        return self.path / (f"{name}.jsonl{end}" if name in STREAMS else f"{name}.json.part")

    def _appender(self, name: str) -> Appender:
        return (PackedAppender if name in self._packed else Appender)(self._file(name))

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one of the run's JSON files atomically."""
        write_atomic(self.path / name, pretty(content))

    def may_replace(self, name: str) -> bool:
        """Whether a report may write a file of that name beside the folder: no store, folder or link is replaced."""
        path = self.path.parent / name
        try:
            if name.startswith(STORE_NAME) or not S_ISREG(path.lstat().st_mode):
                return False
            with path.open("rb") as file:
                return file.read(len(MAGIC)) != MAGIC
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def write_file(self, file: File) -> bool:
        """Write a file of a report atomically, unless it keeps the one that is there; return whether it was written."""
        path = (self.path.parent if file.beside else self.path) / file.name
        if path.is_file() and file.keeps(path.read_bytes(), file.text):
            return False
        write_atomic(path, file.text)
        return True


def check_parent(parent: str) -> None:
    """Raise UserError if the parent of run folders cannot be made or written to. The folder is not made."""
    path = Path(parent).absolute()
    try:
        with TemporaryFile(dir=next(folder for folder in (path, *path.parents) if folder.exists())):
            pass
    except OSError as error:
        raise _unwritable(parent, error) from None


def make_parent(parent: str) -> None:
    """Make the parent of run folders, which also holds the store. Raises UserError if it cannot be written to."""
    check_parent(parent)
    try:
        make_folder(parent)
    except OSError as error:
        raise _unwritable(parent, error) from None


def _unwritable(parent: str, error: OSError) -> UserError:
    return UserError(
        f"--run-dir {parent}: cannot be written ({error.strerror}), so nothing was asked; "
        "name a folder you may write to."
    )


class _Blocks:
    """The places of cases in a file: position in the run and size in bytes of each block of lines, as appended."""

    def __init__(self) -> None:
        self.orders, self.sizes = array("q"), array("q")  # 16 bytes a case; a tuple of two numbers takes 120
        self.withdrawn: set[int] = set()
        """The numbers of the blocks that are left out in the end."""
        self.are_in_order = True

    def add(self, order: int, size: int) -> None:
        self.are_in_order = self.are_in_order and not (self.orders and self.orders[-1] > order)
        self.orders.append(order)
        self.sizes.append(size)

    def in_order(self) -> dict[str, list[int]]:
        """Return `orders` and `sizes` of the blocks as they are in the file at the end."""
        numbers = [n for n in range(len(self.orders)) if n not in self.withdrawn]
        if not self.are_in_order:
            numbers.sort(key=self.orders.__getitem__)
        return {"orders": [self.orders[n] for n in numbers], "sizes": [self.sizes[n] for n in numbers]}

    def withdraw(self, order: int) -> None:
        numbers = {number for number, other in enumerate(self.orders) if other == order}
        self.withdrawn |= numbers
        self.are_in_order = self.are_in_order and not numbers


def _put_in_order(path: Path, blocks: _Blocks) -> None:
    if blocks.are_in_order:
        return
    packed = path.suffix == zstd.SUFFIX
    content = b"".join(zstd.chunks(path)) if packed else path.read_bytes()
    starts = [0, *accumulate(blocks.sizes)]
    by_order = sorted(range(len(blocks.orders)), key=blocks.orders.__getitem__)
    ordered = b"".join(content[starts[n] : starts[n + 1]] for n in by_order if n not in blocks.withdrawn)
    write_atomic(path, zstd.frame(ordered) if packed else ordered)


def _close_object(lines: Path, whole: Path) -> None:
    """Write a file of lines `"key": value` as one JSON object, and delete the lines."""
    with lines.open("rb") as entries, open(whole, "xb", opener=opener) as file:
        file.write(b"{\n")
        for number, entry in enumerate(entries):
            file.write((b",\n" if number else b"") + entry.rstrip(b"\n"))
        file.write(b"\n}\n")
    lines.unlink()
