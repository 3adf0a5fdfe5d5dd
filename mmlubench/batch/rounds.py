"""Rounds of batches: a pass of the run records what is missing, batches bring it, until a pass records nothing.

The pass is the very pytest run in a process of its own that sends nothing (`engine/store/withheld.py`), so that every
solver is known exactly. Requests that depend on replies, such as the second round of a debate or the second ask of a
reply that was cut off, come up in the pass after those replies.
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmlubench.batch.collecting import AGAIN, FINAL, UNASKED, UNPAID
from mmlubench.batch.dispatch import Dispatch, State, ids_in, is_live, live_keys
from mmlubench.batch.folder import OFFLINE, SENT, Folder
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.requests import Asked, read
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.jsonl import encoded
from mmlubench.locks import Locks
from mmlubench.private import make_folder

#: How often a request is sent whose row failed in a way that may pass, or that never was asked.
MOST_TRIES = 3
#: The most rounds: a debate of ten rounds takes ten, and none goes on for ever.
_MOST_ROUNDS = 1000
#: pytest's exit statuses of a pass that went through: all passed, or some failed.
_WENT_THROUGH = (0, 1)
#: Its status where the command line makes no sense, and how it begins the sentence that says why.
_REFUSED_STATUS, _ERROR = 4, "ERROR: "
#: The names, in the folder that a pass is given, of what it is told and of its output.
REFUSED, LOG = "refused.json", "pass.log"
_LOG_CHARS = 4000


@dataclass(frozen=True)
class Job:
    """What a run wants of batches."""

    parent: Path
    """The folder of all batches."""
    store: Path
    lanes: Mapping[str, Lane]
    """By the label of the model."""
    command: Callable[[Path], Sequence[str]]
    """Returns the command of a pass, which writes its files of requests into the folder that it is given."""
    cwd: Path
    about: Mapping[str, Any]
    """What `mmlubench batch collect` needs to know of the run, for the plan of each folder."""
    max_cost: float | None = None
    timeout_s: float = 90_000.0


@dataclass
class Report:
    """What came of it."""

    is_done: bool = True
    """Whether nothing is left that a batch could bring."""
    is_live: bool = False
    """Whether any batch is, or may be, at a provider."""
    rounds: int = 0
    sent: int = 0
    """Requests that went out in batches that were made now."""
    found: int = 0
    """Requests whose batches were found, made by a process before."""
    replies: int = 0
    failed: int = 0
    """Requests that were given up."""
    unknown: int = 0
    twice: int = 0
    unreadable: int = 0
    spent_usd: float = 0.0
    why_unpaid: str = ""
    unasked: dict[str, str] = field(default_factory=dict)


class Rounds:
    """Runs passes and batches in turn."""

    def __init__(self, job: Job, show: Callable[[State], object], tell: Callable[[str], object]) -> None:
        """`show` shows the state of batches that are waited for; `tell` tells a line that stays."""
        self.report = Report()
        self._job, self._show, self._tell = job, show, tell
        self._purse = Purse(job.max_cost)
        self._submission = secrets.token_hex(8)
        self._tries: Counter[str] = Counter()
        self._closed: set[str] = set()
        """The keys of requests that are sent no more: answered, refused for good, or not to be paid for."""
        self._refused: dict[str, dict[str, str | None]] = {}
        self._until = time.monotonic() + job.timeout_s
        self._locks = Locks()

    async def run(self, *, once: bool = False, wait: bool = True) -> Report:
        """Go on until a pass finds nothing to send. With `once` there is one pass; without `wait` nobody waits.

        Raises UserError, ProviderError, StoreError, OSError.
        """
        make_folder(self._job.parent)
        try:
            for _ in range(_MOST_ROUNDS):
                folders = self._folders(self._missing())
                if not folders:
                    break
                self.report.rounds += 1
                if not await self._dispatch(folders, wait=wait):
                    self.report.is_done = False
                    break
                if once:
                    break
        finally:
            self._locks.release()
            self.report.spent_usd = self._purse.spent
            for lane in self._job.lanes.values():
                await lane.aclose()
        return self.report

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The lanes of the run, by the label of the model."""
        return self._job.lanes

    @contextmanager
    def planned(self) -> Iterator[list[Folder]]:
        """A context with folders for what is missing: new ones, and those of files without results. Raises as `run`."""
        make_folder(self._job.parent)
        try:
            yield [
                folder
                for folder in self._folders(self._missing())
                if all(part.batch_id == OFFLINE for part in folder.parts)
            ]
        finally:
            self._locks.release()

    def _missing(self) -> list[Asked]:
        """Run a pass; return the requests that the store does not answer and that may be sent."""
        with TemporaryDirectory(prefix="mmlubench-") as name:
            folder = Path(name)
            (folder / REFUSED).write_bytes(encoded(self._refused))
            with (folder / LOG).open("wb") as log:
                command = self._job.command(folder)
                process = subprocess.run(
                    command, cwd=self._job.cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
                )
            if process.returncode not in _WENT_THROUGH:
                said = (folder / LOG).read_text("utf-8", "replace")[-_LOG_CHARS:].strip()
                sentences = [line for line in said.splitlines() if line.startswith(_ERROR)]
                if process.returncode == _REFUSED_STATUS and len(sentences) == 1:
                    raise UserError(sentences[0].removeprefix(_ERROR))
                raise UserError(f"what the run would ask could not be found out; pytest said:\n{said}")
            asked = {one.key: one for one in read(sorted(folder.glob("*.jsonl")))}
        return [one for key, one in asked.items() if key not in self._closed]

    def _folders(self, missing: Sequence[Asked]) -> list[Folder]:
        """Return the folders that bring what is missing: those with batches under way, and new ones for the rest."""
        job, wanted = self._job, {one.key for one in missing}
        if not wanted:
            return []
        under_way: set[str] = set()
        found = []
        for folder in Folder.open_all(job.parent):
            if folder.is_done or folder.plan.get("store") != str(job.store.resolve()):
                continue
            if not self._locks.take(folder.path):
                if wanted & {one.key for one in folder.asked}:
                    raise UserError(
                        f"another process works on the batches in {folder.path}, which ask the same questions: "
                        "wait for it, or end it first."
                    )
                continue
            if wanted & {one.key for one in folder.asked}:
                folder.abandon()
            if is_live(folder) and (keys := live_keys(folder)) & wanted and folder.plan["label"] in job.lanes:
                under_way |= keys
                found.append(folder)
                self.report.found += sum(part.count for part in folder.parts if part.state == SENT)
        return [*found, *self._new(one for one in missing if one.key not in under_way)]

    def _new(self, asked: Iterable[Asked]) -> list[Folder]:
        groups: dict[tuple[str, str], list[Asked]] = {}
        for one in asked:
            groups.setdefault((one.label, one.path), []).append(one)
        folders = []
        for (label, path), members in groups.items():
            lane = self._job.lanes[label]
            plan = {
                **self._job.about,
                "created": f"{time.time():.3f}",
                "submission": self._submission,
                "store": str(self._job.store.resolve()),
                "label": label,
                "path": path,
                "client": lane.spec.client,
                "base_url": lane.spec.base_url,
                "refused": self._refused.get(label, {}),
            }
            folders.append(Folder.create(self._job.parent, members, plan))
            self._locks.take(folders[-1].path)
            self.report.sent += len(members)
        return folders

    async def _dispatch(self, folders: Sequence[Folder], *, wait: bool) -> bool:
        """Send and collect the batches of folders; return whether all have ended."""
        total = sum(len(folder.asked) for folder in folders)
        self._tell(f"round {self.report.rounds}: {several(total, 'request')} in batches")
        known = ids_in(Folder.open_all(self._job.parent))
        states: dict[Path, State] = {}
        store = Store.open(self._job.store, check=False)

        def show(folder: Folder, state: State) -> None:
            states[folder.path] = state
            self._show(_sum(states.values(), total))

        dispatches = []
        for folder in folders:
            lane = self._job.lanes[folder.plan["label"]]
            lane.model.adapt(folder.plan.get("refused", {}))
            dispatches.append(
                Dispatch(
                    folder,
                    lane,
                    store,
                    self._purse,
                    show=partial(show, folder),
                    known=lambda: known,
                )
            )
        running = [asyncio.ensure_future(one.run(self._until, wait=wait)) for one in dispatches]
        try:
            ended = await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            store.close()
            for one in dispatches:
                self._learn(one)
        return all(ended)

    def _learn(self, dispatch: Dispatch) -> None:
        """Take note of what came, so that nothing is sent a second time for nothing."""
        report, label = self.report, dispatch.lane.spec.label
        report.is_live = report.is_live or is_live(dispatch.folder)
        report.why_unpaid = report.why_unpaid or dispatch.outcome.why_unpaid
        failed = {row["key"]: row for row in dispatch.folder.failures()}
        for found in dispatch.outcome.collected:
            report.replies += found.replies
            report.unknown += found.unknown
            report.twice += found.twice
            report.unreadable += found.unreadable
            if found.unsupported:
                self._refused.setdefault(label, {}).update(found.unsupported)
                self._job.lanes[label].model.adapt(found.unsupported)
        for part in dispatch.folder.parts:
            if part.state != "done":
                continue
            for number in part.numbers:
                key = dispatch.folder.asked[number].key
                self._close(key, failed.get(key))

    def _close(self, key: str, failure: Mapping[str, Any] | None) -> None:
        kind = None if failure is None else failure.get("kind")
        if kind in (AGAIN, UNASKED):
            self._tries[key] += 1
            if self._tries[key] < MOST_TRIES:
                return
        if kind in (AGAIN, UNASKED, FINAL):
            self.report.failed += 1
        if kind == UNPAID:
            self.report.unasked[key] = str((failure or {}).get("message"))
        self._closed.add(key)


def _sum(states: Iterable[State], total: int) -> State:
    whole = State(total=total)
    for state in states:
        whole.batches += state.batches
        whole.done += state.done
        whole.failed += state.failed
        whole.note = whole.note or state.note
    return whole
