"""A batch on disk: its requests, and the ids under which its provider has them, written before anything is sent.

`reports/batches/<fingerprint>/` has `requests.jsonl` (a line a request, with the key of its reply in the store),
`plan.json` (which model, which server) and `parts.json` (which lines went out under which id). Each is synced to disk
before the next step, so that a process that is killed at any point finds its batches again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from mmlubench import jsonl
from mmlubench.batch.requests import Asked, read
from mmlubench.errors import DataError
from mmlubench.private import make_folder, opener

#: The folder of all batches, in that of `--run-dir`.
BATCHES = "batches"
#: The states of a part, in order. `SENDING` is written before the request that starts a batch, `SENT` with its id.
PLANNED, SENDING, SENT, DONE = "planned", "sending", "sent", "done"
#: What stands in place of the id of a batch that is a file for a server without a batch API.
OFFLINE = "file"
_PLAN, _REQUESTS, _PARTS, _FAILURES = "plan.json", "requests.jsonl", "parts.json", "failures.jsonl"
#: The bytes of a store key in a custom id, which has at most 64 characters.
_KEY_CHARS = 40


@dataclass(slots=True)
class Part:
    """The lines of a folder that are sent as one batch."""

    first: int
    count: int
    state: str = PLANNED
    batch_id: str = ""
    file_id: str = ""
    """The uploaded file, at a provider that wants one."""
    begun: float = 0.0
    """When the request that starts the batch was about to be sent, in Unix seconds."""
    replies: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    """What its replies have cost."""
    most_usd: float = 0.0
    """The most that they may cost, where --max-cost limits it."""
    not_ours: list[str] = field(default_factory=list)
    """Batches that looked like this one, and proved to be others."""

    @property
    def numbers(self) -> range:
        """The numbers of its lines."""
        return range(self.first, self.first + self.count)


class Folder:
    """One folder of batches: the requests of one model that were missing at one moment."""

    def __init__(self, path: Path, plan: Mapping[str, Any], parts: list[Part]) -> None:
        """Use `create` or `open_all`."""
        self.path, self.plan, self.parts = path, plan, parts

    @classmethod
    def create(cls, parent: Path, asked: Sequence[Asked], plan: Mapping[str, Any]) -> Folder:
        """Write a new folder for requests of one model and path; synced to disk. Raises OSError."""
        fingerprint = sha256("\n".join(sorted(one.key for one in asked)).encode()).hexdigest()[:24]
        path = next(p for p in _names(parent / fingerprint) if not p.exists())
        making = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        make_folder(making)
        whole = {**plan, "fingerprint": path.name, "nonce": secrets.token_hex(4), "count": len(asked)}
        _write(making / _REQUESTS, b"".join(one.line() for one in asked))
        _write(making / _PLAN, jsonl.pretty(whole).encode())
        made = cls(making, whole, [])
        made.save()
        making.rename(path)  # no half of a folder ever has that name
        _sync_folder(parent)
        return cls(path, whole, [])

    @classmethod
    def open_all(cls, parent: Path) -> list[Folder]:
        """Return all folders, oldest first. Raises DataError for files that cannot be read."""
        paths = (path for path in parent.glob("*") if not path.name.startswith(".") and path.is_dir())
        found = [cls._open(path) for path in paths if (path / _PLAN).exists()]
        return sorted(found, key=lambda folder: str(folder.plan.get("created", "")))

    @classmethod
    def _open(cls, path: Path) -> Folder:
        try:
            plan = json.loads((path / _PLAN).read_bytes())
            parts = [Part(**part) for part in json.loads((path / _PARTS).read_bytes())]
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                path, f"its plan cannot be read ({error}); its batches may still be paid for."
            ) from None
        return cls(path, plan, parts)

    @cached_property
    def asked(self) -> list[Asked]:
        """Its requests, in order."""
        return list(read([self.path / _REQUESTS]))

    @cached_property
    def by_id(self) -> dict[str, int]:
        """The number of each request by its custom id."""
        return {self.custom_id(one): number for number, one in enumerate(self.asked)}

    def custom_id(self, one: Asked) -> str:
        """Return the id of a request in its batch: of [a-z0-9-], at most 64 characters, and of this folder alone.

        The last is what tells one's own batch from that of a colleague who asks the same questions.
        """
        return f"{one.key[:_KEY_CHARS]}-{self.plan['nonce']}"

    def name_of(self, part: Part) -> str:
        """Return what a batch is called at a provider that keeps a name for it."""
        return f"{self.path.name}.{self.plan['nonce']}.{part.first}.{part.count}"

    @property
    def is_done(self) -> bool:
        """Whether every batch has ended and was collected, and no line is left to be sent."""
        return bool(self.parts) and all(part.state == DONE for part in self.parts)

    def save(self) -> None:
        """Write the state of all parts; synced to disk. Raises OSError."""
        _write(self.path / _PARTS, jsonl.pretty([asdict(part) for part in self.parts]).encode())  # type: ignore[arg-type]

    def abandon(self) -> None:
        """Give up the parts that were not sent: whoever asks for them again makes a new folder. Raises OSError."""
        self.parts = [part for part in self.parts if part.state not in (PLANNED,)]
        self.parts = self.parts or [Part(0, 0, DONE)]
        self.save()

    def forget(self) -> int:
        """Give up all parts, also those at a provider, and return the number of their requests. Raises OSError."""
        lost = [part for part in self.parts if part.state in (SENDING, SENT)]
        for part in self.parts:
            part.state = DONE
        self.parts = self.parts or [Part(0, 0, DONE)]
        self.save()
        return sum(part.count for part in lost)

    def note_failures(self, failures: Iterable[Mapping[str, Any]]) -> None:
        """Append rows that failed: `key`, `message`, `kind`. Raises OSError."""
        lines = b"".join(jsonl.encoded(failure) + b"\n" for failure in failures)
        if lines:
            with open(self.path / _FAILURES, "ab", opener=opener) as file:
                file.write(lines)

    def failures(self) -> Iterator[Mapping[str, Any]]:
        """Yield what `note_failures` was given."""
        if (self.path / _FAILURES).exists():
            yield from jsonl.read(self.path / _FAILURES)


def _names(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}-{number}")
        number += 1


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and sync it and its name to disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb", opener=opener) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # Windows opens no folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
