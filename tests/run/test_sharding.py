"""The cut into shards, and which shard a scheduler means."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import UserError
from mmlubench.run.sharding import Shard, chosen, resolved, shard_of
from mmlubench.settings import Settings

IDS = st.lists(st.text(min_size=1), unique=True)
TOTALS = st.integers(1, 40)
AUTO = Settings(shard="auto")


@given(IDS, TOTALS)
def test_every_question_is_in_exactly_one_shard(ids: list[str], total: int) -> None:
    for question in ids:
        assert [n for n in range(total) if Shard(n, total).includes(question)] == [shard_of(question, total)]


@given(IDS, TOTALS, st.randoms())
def test_the_shard_of_a_question_does_not_depend_on_the_others(ids, total, random) -> None:
    before = {question: shard_of(question, total) for question in ids}
    random.shuffle(ids)
    assert {
        question: shard_of(question, total) for question in ids[: len(ids) // 2 + 1]
    }.items() <= before.items()


def test_the_cut_is_the_same_in_every_process_and_for_ever() -> None:
    code = (
        "from mmlubench.run.sharding import shard_of; print([shard_of(f'mmlu/a/{n}', 8) for n in range(12)])"
    )
    seeds = ("0", "1")
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in seeds
    }  # fmt: skip
    # Written down: another cut in a later version would make new and old shards overlap.
    assert told == {"[1, 6, 2, 3, 7, 1, 4, 5, 6, 3, 2, 7]\n"}


def test_shards_are_about_equally_large() -> None:
    counts = [0] * 8
    for number in range(14_042):
        counts[shard_of(f"mmlu/subject/{number:04}", 8)] += 1
    assert max(counts) - min(counts) < 200


@pytest.mark.parametrize(
    ("env", "total", "expected"),
    [
        (
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "1"},
            None,
            (2, 8),
        ),
        (
            {"SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_STEP": "4"},
            None,
            (2, 4),
        ),
        # jobs that are sent again, alone or a few of them, and the array as a whole
        (
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"},
            8,
            (3, 8),
        ),
        (
            {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MAX": "5"},
            8,
            (5, 8),
        ),
        (
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_TASK_MIN": "1"},
            8,
            (2, 8),
        ),
        (
            {
                "SLURM_ARRAY_TASK_ID": "3",
                "SLURM_ARRAY_TASK_COUNT": "8",
                "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_MAX": "7",
            },
            None,
            (3, 8),
        ),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "8"}, None, (5, 8)),
        # every task of an array is a job with one task of its own
        (
            {
                "SLURM_ARRAY_TASK_ID": "3",
                "SLURM_ARRAY_TASK_COUNT": "8",
                "SLURM_PROCID": "0",
                "SLURM_NTASKS": "1",
            },
            None,
            (3, 8),
        ),
        ({"JOB_COMPLETION_INDEX": "7"}, 8, (7, 8)),
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "5"}, None, (0, 5)),
        ({"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "1"}, None, (0, 1)),
        ({"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "3"}, None, (0, 3)),
        ({"BUILDKITE_PARALLEL_JOB": "2", "BUILDKITE_PARALLEL_JOB_COUNT": "3"}, None, (2, 3)),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "4"}, 10, (4, 10)),
        ({"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "2"}, None, (0, 2)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, None, (1, 2)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"}, 4, (1, 4)),
        # torchrun started by srun: both say the same
        ({"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, None, (1, 2)),
    ],
)
def test_schedulers_tell_the_shard(env: dict[str, str], total: int | None, expected: tuple[int, int]) -> None:
    assert chosen(resolved(replace(AUTO, num_shards=total), env)) == Shard(*expected)


@pytest.mark.parametrize(
    ("settings", "env", "message"),
    [
        (AUTO, {}, "--shard auto: no variable of a scheduler is set here"),
        (AUTO, {"JOB_COMPLETION_INDEX": "0"}, "JOB_COMPLETION_INDEX does not tell how many shards"),
        (
            AUTO,
            {"CI_NODE_INDEX": "x", "CI_NODE_TOTAL": "2"},
            "--shard auto: CI_NODE_INDEX='x' is no whole number",
        ),
        (
            AUTO,
            {"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "2"},
            "--shard auto: CI_NODE_INDEX=0 is none of the 2 shards",
        ),
        (
            AUTO,
            {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "3"},
            "--shard auto: SLURM_ARRAY_TASK_ID=7 is none of the 2 shards",
        ),
        (
            AUTO,
            {"RANK": "0", "WORLD_SIZE": "2", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
            "--shard auto: RANK says shard 0 of 2, and SLURM_PROCID says shard 1 of 2",
        ),
        (
            replace(AUTO, num_shards=8),
            {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "2"},
            "--shard auto: --num-shards 8 is given, and CI_NODE_INDEX is one of 2 jobs",
        ),
        (
            AUTO,
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"},
            "--shard auto: SLURM_ARRAY_TASK_ID is that of a job alone, perhaps of one that is sent again",
        ),
        (
            AUTO,
            {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MAX": "5"},
            "--shard auto: 3 jobs have numbers up to SLURM_ARRAY_TASK_MAX=5, with gaps",
        ),
        (Settings(num_shards=4), {}, "--num-shards 4 does not say which shard this is"),
        (Settings(shard_id=0), {}, "--shard-id 0 does not say of how many shards"),
        (Settings(num_shards=4, shard_id=4), {}, "the last is --shard-id 3"),
        (
            Settings(num_shards=4, shard_id=0, until=0.01),
            {},
            "--until 0.01 looks at the answers of the whole",
        ),
        (
            Settings(num_shards=4, shard_id=0, decide_early=True, min_accuracy=0.5),
            {},
            "--decide-early looks at the answers of the whole run",
        ),
    ],
)
def test_what_names_no_shard_is_refused_in_one_sentence(
    settings: Settings, env: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError) as refused:
        resolved(settings, env)
    assert message in str(refused.value)
    assert str(refused.value).endswith(".")
    assert str(refused.value).count(". ") == 0


def test_without_the_options_nothing_is_cut_whatever_a_scheduler_says() -> None:
    env = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}
    assert chosen(resolved(Settings(), env)) is None
    # as `mmlubench resume` gives them, when the variables are gone
    assert chosen(resolved(Settings(shard="auto", num_shards=8, shard_id=3), {})) == Shard(3, 8)
