"""Collecting: the rows of a batch become replies in the store, read by the code that reads interactive ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from mmlubench.batch.folder import Folder, Part
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.requests import Asked
from mmlubench.batch.rows import UNREADABLE, Row
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import ProviderError
from mmlubench.models.http.reply import Reply
from mmlubench.schema import BATCH

#: The kinds of failures: to be asked again as it stands or in another form, never to be asked again, never asked.
AGAIN, FINAL, UNASKED, UNPAID = "again", "final", "unasked", "unpaid"


@dataclass
class Collected:
    """What one batch has brought."""

    replies: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    """`key`, `message` and `kind` of each request without a reply."""
    unknown: int = 0
    """Rows with a custom id that is not one of ours."""
    unreadable: int = 0
    """Lines that are no rows."""
    absent: int = 0
    """Requests of which no row came."""
    failed_rows: int = 0
    """Requests that were asked, and whose rows hold no reply."""
    twice: int = 0
    """Rows of requests that had their reply already."""
    unsupported: dict[str, str | None] = field(default_factory=dict)
    """The sampling parameters that the server refused, with the names that it wants instead."""


def collect(
    rows: Iterable[Row], folder: Folder, numbers: range, lane: Lane, store: Store, purse: Purse, batch_id: str
) -> Collected:
    """Put the replies of a batch into the store; rows come in any order. Raises StoreError if it cannot be written."""
    found, answered, came = Collected(), set[int](), set[int]()
    failed: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row is UNREADABLE:
            found.unreadable += 1
            continue
        number = folder.by_id.get(row.custom_id)
        came.add(-1 if number is None else number)
        if number is None or number not in numbers:
            found.unknown += 1
        elif number in answered:
            found.twice += 1
        elif row.reply is not None:
            one = folder.asked[number]
            try:
                _keep(row.reply, one, lane, store, purse, batch_id)
            except ProviderError as error:
                failed[number] = _failure(one, error)
                found.unsupported |= error.unsupported
            else:
                answered.add(number)
    store.flush()
    found.replies, found.failed_rows = len(answered), len(failed.keys() - answered)
    found.absent = len(set(numbers) - came)
    for number in numbers:
        if number not in answered:
            why = {"key": folder.asked[number].key, "kind": UNASKED, "message": _unasked(lane, batch_id)}
            found.failures.append(failed.get(number, why))
    return found


def _keep(reply: Reply, one: Asked, lane: Lane, store: Store, purse: Purse, batch_id: str) -> None:
    completion = lane.model.reader(one.path).read(reply, dict(one.sent))
    completion = replace(completion, metadata={**completion.metadata, BATCH: batch_id})
    store.put(bytes.fromhex(one.key), StoredReply(completion, lane.spec.label, time.time()))
    purse.pay(lane.spec.label, completion.usage.cost_usd)


def _failure(one: Asked, error: ProviderError) -> dict[str, Any]:
    kind = AGAIN if error.retryable or error.unsupported else FINAL
    return {
        "key": one.key,
        "kind": kind,
        "message": str(error),
        "status": error.status,
        "error": type(error).__name__,
    }


def _unasked(lane: Lane, batch_id: str) -> str:
    return f"{lane.spec.label}: the batch {batch_id} ended before this request was answered"


def begin_in(folder: Folder, part: Part) -> None:
    """Forget what an attempt before has left beside the folder's own files."""
    for file in folder.path.glob(f"results-{part.first}*"):
        with suppress(OSError):
            file.unlink()
