"""What of a cluster each job takes, so that all of them run at once, and whether there is room for them at all."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from mmlubench.errors import UserError

#: The most jobs unless the user says how many: each asks as much at once as a run of its own.
_MOST_JOBS = 16
#: Ray counts CPUs in steps of so much.
_STEP = 10_000


def jobs_for(cpus: Sequence[float]) -> int:
    """Return how many jobs machines with so many CPUs get by default: one a CPU, but no more than 16."""
    return max(1, min(_MOST_JOBS, floor(sum(cpus))))


def cpus_for_each(jobs: int, cpus: Sequence[float]) -> float:
    """Return the CPUs that each job takes: one, or where there are fewer, the largest part with which all run at once.

    Jobs wait for replies most of their time, so that several share a CPU well. `cpus` are those of each machine. Raises
    UserError if there are none.
    """
    whole = [round(one * _STEP) for one in cpus if one > 0]
    if not whole:
        raise UserError(
            "--cluster ray: no machine of the cluster has a CPU to give (ray.cluster_resources() has none), so that no "
            "shard would ever be started: start one with `ray start --address=HOST:PORT --num-cpus=N`."
        )
    parts = {min(_STEP, one // share) for one in whole for share in range(1, jobs + 1) if one >= share}
    fitting = [part for part in parts if sum(one // part for one in whole) >= jobs]
    return max(fitting) / _STEP if fitting else 1 / _STEP
