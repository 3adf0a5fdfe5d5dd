"""Shards: the questions of a run cut for several machines or jobs, and which shard this one asks.

A question belongs to a shard by the SHA-256 of its id, which is the same in every process, for every model and whatever
else is selected. Python's own `hash` of a text is another one in each process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NamedTuple

from mmlubench.errors import UserError
from mmlubench.settings import Settings

#: The folder of shards within that of `--run-dir`.
FOLDER = "shards"


class Shard(NamedTuple):
    """One shard of a run."""

    number: int
    """From 0, as `--shard-id` counts."""
    total: int

    @property
    def name(self) -> str:
        """The name of its folder, which counts from 1 as people do: `2-of-8` is `--shard-id 1 --num-shards 8`."""
        return f"{self.number + 1}-of-{self.total}"

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return f"shard {self.number + 1} of {self.total}"

    def includes(self, key: str) -> bool:
        """Whether the question of this id belongs to the shard."""
        return shard_of(key, self.total) == self.number


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The variables in which a scheduler tells a job its place among those of its kind."""

    index: str
    count: str = ""
    """The variable with the number of jobs; empty where none tells it."""
    first: int = 0
    """The index of the first job."""
    least: str = ""
    """The variable with the index of the first job, where the user chooses it."""
    most: str = ""
    """The variable with the index of the last job, likewise: less than all may be sent, as when one is sent again."""
    step: str = ""
    """The variable with the difference between two indexes, likewise."""


#: GitHub Actions sets no variables: `strategy.job-index` and `strategy.job-total` are expressions of its workflows.
SCHEDULERS = (
    Scheduler(
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_COUNT",
        least="SLURM_ARRAY_TASK_MIN",
        most="SLURM_ARRAY_TASK_MAX",
        step="SLURM_ARRAY_TASK_STEP",
    ),
    Scheduler("JOB_COMPLETION_INDEX"),  # Kubernetes, a Job with completionMode: Indexed
    Scheduler("CI_NODE_INDEX", "CI_NODE_TOTAL", first=1),  # GitLab
    Scheduler("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL"),
    Scheduler("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT"),
    Scheduler("AWS_BATCH_JOB_ARRAY_INDEX"),
    Scheduler("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"),
    Scheduler("RANK", "WORLD_SIZE"),  # torchrun
    Scheduler("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    Scheduler("PMI_RANK", "PMI_SIZE"),  # MPICH and Intel MPI
    Scheduler("SLURM_PROCID", "SLURM_NTASKS"),  # srun
)
_BY_HAND = "give --num-shards N --shard-id I, counted from 0"


def shard_of(key: str, total: int) -> int:
    """Return the number of the shard, from 0, to which the question of an id belongs."""
    digest = sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % total


def resolved(settings: Settings, env: Mapping[str, str]) -> Settings:
    """Return the settings with the shard that `--shard auto` means in this environment.

    Raises UserError for options and variables that say too little, contradict one another, or name no shard.
    """
    total, number = settings.num_shards, settings.shard_id
    if settings.shard is not None and number is None:
        total, number = _from_environment(env, total)
    if total is None and number is None:
        return settings
    if total is None:
        raise UserError(f"--shard-id {number} does not say of how many shards: give --num-shards N as well.")
    if number is None:
        raise UserError(
            f"--num-shards {total} does not say which shard this is: give --shard-id I from 0 to {total - 1}, or "
            "--shard auto where a scheduler tells it."
        )
    if number >= total:
        raise UserError(
            f"--shard-id {number}: shards are counted from 0, so that of --num-shards {total} the last is "
            f"--shard-id {total - 1}."
        )
    if settings.until is not None or settings.decide_early:
        early = "--decide-early" if settings.decide_early else f"--until {settings.until:g}"
        raise UserError(
            f"{early} looks at the answers of the whole run, and no shard has them: leave it out, or --num-shards."
        )
    return replace(settings, num_shards=total, shard_id=number)


def chosen(settings: Settings) -> Shard | None:
    """Return the shard of `resolved` settings; None for a run that is not cut."""
    if settings.num_shards is None or settings.shard_id is None:
        return None
    return Shard(settings.shard_id, settings.num_shards)


def _from_environment(env: Mapping[str, str], total: int | None) -> tuple[int, int]:
    """Return number and index of the shards that a scheduler tells; `total` is what `--num-shards` says."""
    told = {one.index: place for one in SCHEDULERS if (place := _place(one, env, total)) is not None}
    # A count of 1 is what schedulers tell every job, also those that are not cut: any other place goes before it.
    told = {name: place for name, place in told.items() if place[0] > 1 or total == 1} or told
    if not told:
        raise UserError(
            "--shard auto: no variable of a scheduler is set here, such as SLURM_ARRAY_TASK_ID or "
            f"JOB_COMPLETION_INDEX; {_BY_HAND}."
        )
    (name, place), *others = told.items()
    for other, found in others:
        if found != place:
            raise UserError(
                f"--shard auto: {name} says shard {place[1]} of {place[0]}, and {other} says shard {found[1]} of "
                f"{found[0]}; {_BY_HAND}."
            )
    if total is not None and place[0] != total:
        raise UserError(
            f"--shard auto: --num-shards {total} is given, and {name} is one of {place[0]} jobs; leave --num-shards "
            f"out, or {_BY_HAND}."
        )
    if place[0] == 1 and total is None and any(one.index == name and one.most for one in SCHEDULERS):
        raise UserError(
            f"--shard auto: {name} is that of a job alone, perhaps of one that is sent again, and does not tell how "
            "many shards there are: give --num-shards N, of which the job's number is one, counted from 0."
        )
    if not 0 <= place[1] < place[0]:
        raise UserError(
            f"--shard auto: {name}={env[name]} is none of the {place[0]} shards; let jobs be numbered one after the "
            f"other, or {_BY_HAND}."
        )
    return place


def _place(one: Scheduler, env: Mapping[str, str], total: int | None) -> tuple[int, int] | None:
    """Return how many shards there are and which is this, as a scheduler tells; None if it tells nothing."""
    if not env.get(one.index):
        return None
    if one.count and env.get(one.count):
        count = _number(env, one.count)
    elif total is not None:
        count = total
    elif one.count:  # a variable of this name alone may be anything
        return None
    else:
        raise UserError(
            f"--shard auto: {one.index} does not tell how many shards there are: give --num-shards N."
        )
    index = _number(env, one.index)
    if one.most and total is not None and count != total:
        return total, index  # a part of the jobs, such as one that is sent again
    first = _number(env, one.least) if env.get(one.least) else one.first
    step = max(1, _number(env, one.step)) if env.get(one.step) else 1
    if env.get(one.most) and count > 1 and (_number(env, one.most) - first) // step + 1 != count:
        raise UserError(
            f"--shard auto: {count} jobs have numbers up to {one.most}={env[one.most]}, with gaps: give "
            "--num-shards N, of which the number of each job is one, counted from 0."
        )
    behind, off = divmod(index - first, step)
    return count, -1 if off else behind


def _number(env: Mapping[str, str], name: str) -> int:
    try:
        return int(env[name])
    except ValueError:
        raise UserError(f"--shard auto: {name}={env[name]!r} is no whole number; {_BY_HAND}.") from None
