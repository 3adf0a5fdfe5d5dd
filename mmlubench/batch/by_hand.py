"""Collecting one folder apart from a run, as `mmlubench batch collect` does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from mmlubench.batch.dispatch import Dispatch, ids_in
from mmlubench.batch.folder import OFFLINE, SENDING, SENT, Folder
from mmlubench.batch.lane import Lane
from mmlubench.batch.offline import collect_file
from mmlubench.batch.progress import Line
from mmlubench.batch.purse import Purse
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import UserError
from mmlubench.locks import Locks


def collect_folder(
    folder: Folder, lane: Lane, store: Store, *, results: Path | None, timeout_s: float, wait: bool
) -> str:
    """Collect what has ended, from the provider or from a file of results, and send what waited for that.

    Return why requests are given up that --max-cost cannot pay for; empty if there are none. Raises UserError,
    ProviderError, StoreError, OSError.
    """
    locks = Locks()
    if not locks.take(folder.path):
        raise UserError(
            f"another process works on the batches in {folder.path}: wait for it, or end it first."
        )
    try:
        if results is not None:
            if not results.is_file():
                raise UserError(f"--from {results}: there is no such file.")
            collect_file(folder, lane, store, results)
        elif not any(part.batch_id == OFFLINE for part in folder.parts):
            return asyncio.run(_collect(folder, lane, store, timeout_s, wait))
    finally:
        locks.release()
    return ""


async def _collect(folder: Folder, lane: Lane, store: Store, timeout_s: float, wait: bool) -> str:
    line = Line()
    folders = Folder.open_all(folder.path.parent)
    known = ids_in(folders)
    purse = _purse(folder, folders)
    dispatch = Dispatch(folder, lane, store, purse, show=line.show, known=lambda: known)
    try:
        await dispatch.run(time.monotonic() + timeout_s, wait=wait)
    finally:
        line.end()
        await lane.aclose()
    return dispatch.outcome.why_unpaid


def _purse(folder: Folder, folders: Sequence[Folder]) -> Purse:
    """Return what is left of --max-cost of the command that made a folder, which may have made others, too."""
    purse = Purse(folder.plan["settings"].get("max_cost"))
    for other in folders:
        is_this = other.path == folder.path  # whose own batches are held while they are dispatched
        if is_this or other.plan.get("submission", other) == folder.plan.get("submission"):
            live = [part for part in other.parts if part.state in (SENDING, SENT) and not is_this]
            purse.take_over(sum(part.cost_usd for part in other.parts), sum(part.most_usd for part in live))
    return purse
