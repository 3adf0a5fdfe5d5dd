"""Collecting one folder apart from a run, as `mmlubench batch collect` does."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from mmlubench.batch.dispatch import Dispatch, ids_in
from mmlubench.batch.folder import Folder
from mmlubench.batch.lane import Lane
from mmlubench.batch.offline import OFFLINE, collect_file
from mmlubench.batch.progress import Line
from mmlubench.batch.purse import Purse
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import UserError
from mmlubench.locks import Locks


def collect_folder(
    folder: Folder, lane: Lane, store: Store, *, results: Path | None, timeout_s: float, wait: bool
) -> None:
    """Collect what has ended, from the provider or from a file of results, and send what waited for that.

    Raises UserError, ProviderError, StoreError, OSError.
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
            asyncio.run(_collect(folder, lane, store, timeout_s, wait))
    finally:
        locks.release()


async def _collect(folder: Folder, lane: Lane, store: Store, timeout_s: float, wait: bool) -> None:
    line = Line()
    known = ids_in(Folder.open_all(folder.path.parent))
    # No limit: what --max-cost left out is planned no more, and the rest was counted when it was planned.
    dispatch = Dispatch(folder, lane, store, Purse(None), show=line.show, known=lambda: known)
    try:
        await dispatch.run(time.monotonic() + timeout_s, wait=wait)
    finally:
        line.end()
        await lane.aclose()
