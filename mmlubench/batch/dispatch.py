"""Dispatch: batches are sent, waited for and collected, and found again by whoever comes after a killed process.

Every step is on disk before the next. The one moment that no file can tell of lies between the request that starts a
batch and its answer: a part that is `sending` is looked for in the provider's list before anything is sent a second
time. Its name tells it where the provider keeps one, else number and time of its requests, and then its rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmlubench.batch.collecting import UNPAID, Collected, begin_in, collect
from mmlubench.batch.folder import DONE, PLANNED, SENDING, SENT, Folder, Part
from mmlubench.batch.http import is_ambiguous
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.requests import Asked
from mmlubench.batch.services.base import Look, Outgoing, Seen, Service
from mmlubench.batch.services.catalog import secrets_into
from mmlubench.batch.splitting import cut, parts_of
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import ProviderError, UserError

#: Seconds between two looks at a batch: at first, and at most; a provider may want more.
_FIRST_WAIT_S, _LONGEST_WAIT_S, _SLOWER = 1.0, 60.0, 1.3
#: Seconds by which the clock of a provider may differ from ours; too many only make the look at its list longer.
_CLOCKS_S = 86_400.0
#: Seconds after which a batch that was started must be in its provider's list.
_LISTED_S = 20.0
#: Seconds for which a provider may be out of reach while batches are waited for.
_PATIENCE_S = 3600.0
#: Seconds for which a batch, or its results, may be unknown to the provider that made it: some tell so for a moment.
_UNKNOWN_S = 600.0
#: Seconds for which rows may be missing or cut off after a batch has ended: files come later, and downloads break.
_ROWS_S = 300.0
_TOO_LARGE, _NOT_FOUND, _NOT_ALLOWED = 413, 404, 405


@dataclass
class State:
    """What is told of the batches under way."""

    batches: int = 0
    done: int = 0
    failed: int = 0
    total: int = 0
    note: str = ""


@dataclass
class Outcome:
    """What all batches of a folder have brought."""

    collected: list[Collected] = field(default_factory=list)
    why_unpaid: str = ""

    @property
    def replies(self) -> int:
        """The number of replies that came into the store."""
        return sum(one.replies for one in self.collected)


class Dispatch:
    """Sends and collects the parts of one folder."""

    def __init__(
        self,
        folder: Folder,
        lane: Lane,
        store: Store,
        purse: Purse,
        *,
        show: Callable[[State], object] = lambda _state: None,
        known: Callable[[], set[str]] = set,
        listed_s: float = _LISTED_S,
    ) -> None:
        """`known` returns the ids of all batches that folders know, none of which is a lost one of this folder."""
        assert lane.service is not None
        self.folder, self.lane, self.service = folder, lane, lane.service
        self.outcome = Outcome()
        self._store, self._purse, self._show, self._known = store, purse, show, known
        self._listed_s = listed_s
        self._wait_s = _FIRST_WAIT_S
        self._looks: dict[int, Look] = {}
        self._is_full = False
        """Whether the provider's queue is full: the next part is sent when one of ours has ended."""
        self._failing_since: float | None = None
        self._short_since: dict[int, float] = {}
        """Since when the results of a part that has ended are not whole."""

    async def run(self, until: float, *, wait: bool = True) -> bool:
        """Send what is planned and collect what has ended, until all is done; return whether it is.

        It gives up at the time `until` (monotonic clock), or without `wait` as soon as it would have to wait. Raises
        ProviderError, UserError, StoreError.
        """
        folder = self.folder
        if not folder.parts:
            folder.parts = parts_of(folder.asked, self.service.bounds)
            folder.save()
        for part in folder.parts:
            if part.state in (SENDING, SENT):
                self._purse.hold(id(part), self._asked(part), self.lane.spec.price)
        pause_s = 0.0
        while not folder.is_done:
            if pause_s and (not wait or time.monotonic() >= until):
                return False
            await asyncio.sleep(max(0.0, min(pause_s, until - time.monotonic())))
            try:
                pause_s = await asyncio.wait_for(self._step(), max(0.0, until - time.monotonic()))
            except asyncio.TimeoutError:
                return False
            self._tell()
        return True

    async def _step(self) -> float:
        """Look at everything once; return the seconds until the next look."""
        waits = [self._wait_s]
        self._wait_s = min(self._wait_s * _SLOWER, _LONGEST_WAIT_S)
        try:
            for part in [part for part in self.folder.parts if part.state == SENDING]:
                await self._find(part)
            for part in [part for part in self.folder.parts if part.state == SENT]:
                look = self._looks[part.first] = await self.service.look(part.batch_id)
                if look.wait_s:
                    waits.append(look.wait_s)
                if look.ended:
                    await self._end(part, look)
            for part in [part for part in self.folder.parts if part.state == PLANNED]:
                if not await self._may_send(part):
                    break
                await self._send(part)
        except ProviderError as error:
            return self._endure(error)
        self._failing_since = None
        return max(waits)

    def _endure(self, error: ProviderError) -> float:
        """Return the pause after a failure that may pass. Raises any other, and one that lasts."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        patience_s = _PATIENCE_S if error.retryable else _UNKNOWN_S if error.status == _NOT_FOUND else -1.0
        if now - self._failing_since <= patience_s:
            return max(error.retry_after_s or 0.0, self._wait_s)
        if error.status == _NOT_FOUND and is_live(self.folder):
            error.args = (f"{error}; {self._way_out}",)
        raise error

    @property
    def _way_out(self) -> str:
        return f"if this lasts, `mmlubench batch forget {self.folder.path.name}` gives up what was sent"

    # -- sending -------------------------------------------------------------------------------------------------

    async def _may_send(self, part: Part) -> bool:
        """Whether a part goes out now; cut to what --max-cost allows, and dropped where that is nothing."""
        folder = self.folder
        if self._is_full and any(other.state == SENT for other in folder.parts):
            return False
        asked = self._asked(part)
        count = self._purse.affordable(asked, self.lane.spec.price)
        if count >= len(asked):
            return True
        if count:
            cut(folder.parts, part, count)
            folder.save()
            return True
        if self._purse.is_holding:  # replies that come may turn out cheaper than what is set aside for them
            return False
        self.outcome.why_unpaid = why = self._purse.why_not()
        folder.note_failures({"key": one.key, "kind": UNPAID, "message": why} for one in asked)
        part.state = DONE
        folder.save()
        return False

    async def _send(self, part: Part) -> None:
        folder, service, out = self.folder, self.service, self._outgoing(part)
        try:
            if not part.file_id:
                part.file_id = await service.prepare(out)
            part.state, part.begun = SENDING, time.time()
            folder.save()
            batch_id = await service.start(out, part.file_id)
        except ProviderError as error:
            if part.state == SENDING and is_ambiguous(error):
                raise  # it stays `sending`, and is looked for
            part.state = PLANNED
            folder.save()
            self._not_sent(part, error)
        else:
            self._take_up(part, batch_id)

    def _not_sent(self, part: Part, error: ProviderError) -> None:
        """Halve a batch that is too large. Raises any other refusal: ProviderError if it may pass, else UserError."""
        if error.status == _TOO_LARGE and part.count > 1:
            self._halve(part)
        elif error.retryable:
            raise error
        elif error.status in (_NOT_FOUND, _NOT_ALLOWED):
            raise UserError(
                f"--batch: the server seems to have no batch API ({error}): leave --batch out, or write a file for "
                "vLLM's run_batch with `mmlubench batch submit --batch-file`."
            )
        else:
            raise UserError(f"the batch of {self.lane.spec.label} was refused: {error}")

    def _take_up(self, part: Part, batch_id: str) -> None:
        part.state, part.batch_id = SENT, batch_id
        part.most_usd = self._purse.hold(id(part), self._asked(part), self.lane.spec.price)
        self.folder.save()

    def _outgoing(self, part: Part) -> Outgoing:
        folder, secret = self.folder, self.lane.model.secret_fields
        asked = self._asked(part)
        rows = [(folder.custom_id(one), secrets_into(one.body, secret)) for one in asked]
        return Outgoing(folder.name_of(part), asked[0].path, self.lane.spec.asked_model, rows)

    def _asked(self, part: Part) -> Sequence[Asked]:
        return self.folder.asked[part.first : part.first + part.count]

    def _halve(self, part: Part) -> None:
        cut(self.folder.parts, part, part.count // 2)
        self.folder.save()

    # -- finding a batch of which no answer came -----------------------------------------------------------------

    async def _find(self, part: Part) -> None:
        """Look for a batch that may have been started; if it was not, plan it again."""
        found = self._like(part, await self.service.recent(part.begun - _CLOCKS_S))
        left_s = part.begun + self._listed_s - time.time()
        if found is None and 0 < left_s <= self._listed_s:
            await asyncio.sleep(left_s)
            found = self._like(part, await self.service.recent(part.begun - _CLOCKS_S))
        if found is None:
            part.state, part.file_id = PLANNED, ""  # an upload may have expired since
            self.folder.save()
        elif found.name is None and not await self._is_ours(part, found):
            part.not_ours.append(found.batch_id)
            self.folder.save()
            await self._find(part)
        else:
            self._take_up(part, found.batch_id)

    def _like(self, part: Part, seen: Sequence[Seen]) -> Seen | None:
        """Return the batch that is this part, or may be it where the provider keeps no names; None if none is."""
        names, others = (self.folder.name_of(part), part.file_id or None), {*self._known(), *part.not_ours}
        new = [one for one in seen if one.batch_id not in others]
        named = [one for one in new if one.name is not None and one.name in names]
        alike = [one for one in new if one.name is None and one.count in (None, part.count)]
        alike.sort(key=lambda one: abs(one.created - part.begun))
        return next(iter([*named, *alike]), None)

    async def _is_ours(self, part: Part, seen: Seen) -> bool:
        """Whether a nameless batch has this part's rows, which its provider shows only once it has ended.

        Until then it is waited for: it may be a colleague's batch of as many requests, and ours may not be lost in it,
        but to send a second one meanwhile might be to pay twice.
        """
        while not (look := await self.service.look(seen.batch_id)).ended:
            self._tell(f"{seen.batch_id} may be a batch of ours: its end will show")
            await asyncio.sleep(max(look.wait_s or 0.0, self._wait_s))
        rows = await self.service.results(
            seen.batch_id, look.files, self.folder.path / f"results-{part.first}"
        )
        ids = {row.custom_id for row in rows}
        return bool(ids & {self.folder.custom_id(one) for one in self._asked(part)})

    # -- collecting ----------------------------------------------------------------------------------------------

    async def _end(self, part: Part, look: Look) -> None:
        """Collect a batch that has ended, or plan it again if it was refused as a whole."""
        if look.problem:
            self._purse.release(id(part))
            await self._refused(part, look)
            return
        begin_in(self.folder, part)
        to = self.folder.path / f"results-{part.first}"
        rows = await self.service.results(part.batch_id, look.files, to)
        spent = self._purse.spent
        found = collect(rows, self.folder, part.numbers, self.lane, self._store, self._purse, part.batch_id)
        if self._is_short(part, look, found):
            self._purse.spent = spent  # it is collected once more
            return
        self._purse.release(id(part))
        self.folder.note_failures(found.failures)
        part.cost_usd = self._purse.spent - spent
        part.state, part.replies, part.failed = DONE, found.replies, len(found.failures)
        self.folder.save()
        self.outcome.collected.append(found)
        self._is_full = False

    def _is_short(self, part: Part, look: Look, found: Collected) -> bool:
        """Whether rows may still come, so that none may be asked again yet. Raises BadReply if they never did."""
        owed = look.done - found.replies - found.failed_rows - found.unknown
        if not (found.unreadable or owed > 0 or (look.is_whole and found.absent)):
            return False
        waited_s = time.monotonic() - self._short_since.setdefault(part.first, time.monotonic())
        if waited_s <= _ROWS_S:
            self._tell(f"{part.batch_id} has ended, and some of its rows have not come yet")
            return True
        if owed > 0:
            error = self.service.http.failures.bad_reply(
                f"the batch {part.batch_id} has ended with {look.done:,} answered requests, of which its results lack "
                f"{owed:,}; {self._way_out}"
            )
            error.retryable = False
            raise error
        return False

    async def _refused(self, part: Part, look: Look) -> None:
        """A batch of which nothing was asked: too many tokens wait already, or its file is at fault."""
        if not look.is_full:
            part.state = DONE
            self.folder.save()
            raise UserError(
                f"the batch {part.batch_id} of {self.lane.spec.label} was refused: {look.problem}"
            )
        self._is_full = True
        others = any(other.state == SENT and other is not part for other in self.folder.parts)
        part.not_ours.append(part.batch_id)  # it has the name of the one that is sent in its place
        part.state, part.batch_id = PLANNED, ""
        self.folder.save()
        if not others and part.count > 1:
            self._halve(part)

    def _tell(self, note: str = "") -> None:
        parts = self.folder.parts
        live = [part for part in parts if part.state == SENT]
        looks = [self._looks.get(part.first, Look(False)) for part in live]
        self._show(
            State(
                len(live),
                sum(part.replies for part in parts) + sum(look.done for look in looks),
                sum(part.failed for part in parts) + sum(look.failed for look in looks),
                len(self.folder.asked),
                note,
            )
        )


def ids_in(folders: Sequence[Folder]) -> set[str]:
    """Return the ids of all batches that folders know."""
    return {part.batch_id for folder in folders for part in folder.parts if part.batch_id}


def is_live(folder: Folder) -> bool:
    """Whether a folder has batches that are, or may be, at a provider."""
    return any(part.state in (SENDING, SENT) for part in folder.parts)


def live_keys(folder: Folder) -> set[str]:
    """Return the store keys of the requests that are, or may be, at a provider."""
    live = [part for part in folder.parts if part.state in (SENDING, SENT)]
    return {folder.asked[number].key for part in live for number in part.numbers}


__all__ = ["Dispatch", "Outcome", "Service", "State", "ids_in", "is_live", "live_keys"]
