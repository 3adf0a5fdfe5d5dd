"""The limits of one process in a run: its part of `--max-cost`, rpm and tpm, and whether others are allotted to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmlubench.engine.limits.budget import Budget
from mmlubench.engine.stack import Limits
from mmlubench.run.share import Share
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.run.allotted import Allotted

#: Names the folder in which a shard of a cluster tells what it uses, and is told what it may use.
VARIABLE = "MMLUBENCH_ALLOTMENT"


def allotted_to(share: Share) -> Allotted | None:
    """Return the limits that are allotted to this process while it runs; None if it keeps those of its options.

    The workers of `-n` keep theirs: the folder is that of one process.
    """
    folder = os.environ.get(VARIABLE)
    if not folder or share.total > 1:
        return None
    # late: only a shard of a cluster is given its limits while it runs
    from mmlubench.run.allotted import Allotted

    return Allotted(Path(folder))


def limits_of(
    settings: Settings,
    share: Share,
    concurrency: int,
    note_spent: Callable[[float], object] | None,
    allotted: Allotted | None,
) -> Limits:
    """Return the limits with which a process begins: equal parts of the whole."""
    processes = share.total * (settings.num_shards or 1)
    budget = Budget(
        settings.max_cost,
        workers=processes,
        gone=share.spent,
        note=note_spent,
        each="workers" if share.total > 1 else "shards",
        allows=allotted is not None,
    )
    if allotted is not None:
        allotted.watch_budget(budget)
    return Limits(concurrency, processes, budget, settings.give_up_after, settings.wait_for_server)
