"""What a training will take is told before, and one that cannot fit is refused before hours are spent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.errors import UserError
from mmlubench.lab.finetune.estimate import Estimate, check_room, estimate, estimate_lines, looks
from mmlubench.lab.finetune.footprint import Footprint
from mmlubench.lab.finetune.room import Memory, free_disk, memory_of
from mmlubench.lab.finetune.speed import Speed
from mmlubench.lab.finetune.stages import Device
from tests.made_plan import made_plan

GB = 10**9
COUNTED = Footprint(
    rows=4,
    width=100,
    weights=5 * GB,
    trained=10_000_000,
    kept=2 * GB,
    largest=GB // 2,
    flops=3 * 10**12,
    forward_flops=10**12,
    traffic=10 * GB,
    operations=1000,
    layers=26,
)
SPEED = Speed(flops=10**12, traffic=10 * GB, overhead_s=1e-3)


def test_an_estimate_adds_up_weights_optimizer_and_activations(tmp_path: Path) -> None:
    found = estimate(made_plan(tmp_path, validation_steps=4), COUNTED, SPEED, tokens=1200)
    assert (found.weights, found.trained, found.gradients, found.optimizer) == (
        5 * GB,
        40 * 10**6,
        40 * 10**6,
        80 * 10**6,
    )
    assert found.activations == round(1.7 * 2 * GB) + 3 * GB // 2
    assert found.memory == found.certain + found.activations
    # A step takes 3 s for its products, 1 s for what it writes, 1 s for its operations; three batches are 1,200 tokens.
    assert found.seconds == pytest.approx(3 * 5, rel=0.05)
    assert found.disk == 2 * (40 + 80) * 10**6 + 40 * 10**6


def test_a_full_training_keeps_no_second_copy_and_an_optimizer_has_its_own_size(tmp_path: Path) -> None:
    found = estimate(made_plan(tmp_path, method="full", optimizer="adafactor"), COUNTED, SPEED, 1200)
    assert found.trained == 0
    assert found.optimizer == 10**6


def test_checkpointing_takes_less_memory_and_more_time(tmp_path: Path) -> None:
    plan = made_plan(tmp_path, activation_checkpointing=True)

    class Sized:
        model_type = "llama"
        hidden_size = 1000

        def get_text_config(self):
            return self

    found = estimate(replace(plan, architecture=Sized()), COUNTED, SPEED, 1200)
    plain = estimate(made_plan(tmp_path), COUNTED, SPEED, 1200)
    assert found.activations < plain.activations / 1.5
    assert found.seconds > plain.seconds


def made(**changes: Any) -> Estimate:
    values: dict[str, Any] = {
        "weights": 5 * GB,
        "trained": 0,
        "gradients": 0,
        "optimizer": 0,
        "activations": GB,
        "disk": GB,
    }
    return Estimate(**{**values, "seconds": 60.0, "tokens": 1000, "rows": 4, "width": 250, **changes})


def test_what_may_not_fit_is_warned_of_with_a_way_out(tmp_path: Path) -> None:
    plan = made_plan(tmp_path)
    lines = estimate_lines(plan, made(), Memory(free=5 * GB, total=8 * GB))
    assert (
        "memory: about 6.0 GB of 5.0 GB free (weights 5.0 GB, activations of 4 x 250 tokens 1.0 GB)"
        in lines[0]
    )
    assert "about 1 min 0 s for 4 steps with 1,000 tokens" in lines[1]
    assert "WARNING: this may not fit" in lines[2]
    assert "batch_size than 4" in lines[2]
    assert "method qlora" in lines[2]
    assert len(estimate_lines(plan, made(), Memory(free=7 * GB, total=8 * GB))) == 2
    check_room(plan, made(), Memory(free=5 * GB, total=8 * GB), disk=2 * GB)


def test_what_cannot_fit_is_refused(tmp_path: Path) -> None:
    plan = made_plan(tmp_path, method="full")
    with pytest.raises(
        UserError, match=r"toy: weights, gradients and optimizer alone need 5\.0 GB, and cpu has 4\.0 GB"
    ):
        check_room(plan, made(), Memory(GB, 4 * GB), disk=2 * GB)
    with pytest.raises(
        UserError, match=r"checkpoints and result need 1\.0 GB, and the disk of .* has 10 MB free"
    ):
        check_room(plan, made(), Memory(GB, 8 * GB), disk=10**7)


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    pytest.importorskip("psutil", reason="comes with the extra: pip install 'mmlubench[finetune]'")
    cpu = Device("cpu", "float32")
    machine = memory_of(cpu, "x", tmp_path)
    assert 0 < machine.free <= machine.total
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("70000000\n")
    assert memory_of(cpu, "x", tmp_path).total == machine.total
    (tmp_path / "memory.max").write_text("100000000\n")
    assert memory_of(cpu, "x", tmp_path) == Memory(30_000_000, 100_000_000)


def test_the_disk_is_that_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "outputs" / "toy") == pytest.approx(free_disk(tmp_path), rel=0.1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 3), ({"validation_steps": 3}, 3), ({"save_steps": 1}, 5), ({"epochs": 1}, 2)],
)
def test_looks_are_counted(tmp_path: Path, changes: dict, expected: int) -> None:
    assert looks(made_plan(tmp_path, **changes)) == expected


@pytest.mark.parametrize(
    ("keys", "steps", "learned", "looked"),
    [
        ({"epochs": 2}, 4, 8, 3),
        ({"epochs": 0.5}, 1, 4, 2),
        ({"epochs": 0.01}, 1, 4, 2),
        ({"epochs": 1.5}, 3, 8, 3),
        ({"epochs": 2, "max_steps": 1}, 1, 4, 2),
        ({"epochs": 1, "max_steps": 9}, 2, 8, 2),
        ({"epochs": 1.5, "gradient_accumulation": 2}, 2, 8, 3),
        ({"epochs": 1, "batch_size": 3, "gradient_accumulation": 2, "max_steps": 1}, 1, 6, 2),
    ],
)
def test_a_part_of_an_epoch_is_counted_as_it_is_trained(
    keys: dict[str, Any], steps: int, learned: int, looked: int, tmp_path: Path
) -> None:
    plan = made_plan(tmp_path, **keys)
    assert plan.steps == steps
    assert len(plan.learned) == learned
    assert looks(plan) == looked
    size = plan.config.batch_size * plan.config.gradient_accumulation
    assert sum(map(len, plan.batches)) <= steps * size


def test_the_disk_of_the_checkpoints_that_are_there_is_not_needed_again(tmp_path: Path) -> None:
    before = free_disk(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "weights").touch()
    os.truncate(tmp_path / "checkpoints" / "weights", 1 << 40)  # sparse: it takes none
    assert free_disk(tmp_path) - before > 1 << 39
