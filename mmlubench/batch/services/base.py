"""What every batch API can do, in the words of this room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import orjson

from mmlubench.batch.http import BatchHttp
from mmlubench.batch.rows import UNREADABLE, Row
from mmlubench.inputs import read_lines


class Outgoing(NamedTuple):
    """The requests of one batch."""

    name: str
    """What the batch is called where its provider keeps a name."""
    path: str
    """The path of its requests behind the address of the server: `/chat/completions`."""
    model: str
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    """Custom ids and bodies."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a provider tells of a batch."""

    ended: bool
    done: int = 0
    failed: int = 0
    wait_s: float | None = None
    """The seconds after which the provider wants to be asked again, if it says so."""
    problem: str = ""
    """Why the whole batch was refused after it was taken; nothing of it was asked, and nothing is billed."""
    is_full: bool = False
    """Whether it was refused because too many tokens wait at the provider."""
    files: tuple[str, ...] = ()
    """Where the results are; none if there are none."""
    is_whole: bool = False
    """Whether the provider says that it has asked every request, so that each must have a row."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch in the provider's list."""

    batch_id: str
    created: float
    """In Unix seconds."""
    count: int | None
    name: str | None
    """The name that it was given, or else the file that was uploaded for it; None where there is neither."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one batch may hold."""

    count: int = 50_000
    size: int = 90_000_000
    """In bytes."""


class Service(ABC):
    """One provider's batch API. Every method raises ProviderError."""

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(self, http: BatchHttp) -> None:
        self.http = http

    async def prepare(self, out: Outgoing) -> str:
        """Do what costs nothing before a batch is started, such as an upload; return its id, empty if none."""
        return ""

    @abstractmethod
    async def start(self, out: Outgoing, prepared: str) -> str:
        """Start a batch, which is paid for from then on, and return its id."""

    @abstractmethod
    async def look(self, batch_id: str) -> Look:
        """Return the state of a batch."""

    @abstractmethod
    async def recent(self, since: float) -> list[Seen]:
        """Return the batches that were made since a moment (Unix seconds)."""

    @abstractmethod
    def read(self, line: Mapping[str, Any]) -> Row:
        """Read one row of results."""

    async def results(self, batch_id: str, files: Sequence[str], to: Path) -> Iterator[Row]:
        """Download the results of a batch that has ended to a file, and return its rows, in any order."""
        return self._rows(
            [await self._download(file, to.with_name(f"{to.name}.{n}")) for n, file in enumerate(files)]
        )

    async def _download(self, file: str, to: Path) -> Path:
        await self.http.download(file, to)
        return to

    def _rows(self, files: Sequence[Path]) -> Iterator[Row]:
        for file in files:
            for line in read_lines(file):
                value = loads(line)
                yield self.read(value) if isinstance(value, dict) else UNREADABLE
            file.unlink(missing_ok=True)


def loads(line: bytes) -> Any:
    """Return the JSON of a line; None for a line that is none."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def whole(value: Any) -> int:
    """Return a count that a provider tells; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def counts_of(value: Any) -> dict[str, int]:
    """Return the counts of a batch by their names."""
    return {name: whole(count) for name, count in value.items()} if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Names:
    """The names that a provider has for the states of a batch."""

    ended: frozenset[str]
    refused: frozenset[str] = field(default_factory=frozenset)
