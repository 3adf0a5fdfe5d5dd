"""Training of tiny models: they learn, what is told on the way is what a run finds, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[finetune]'")
pytest.importorskip("trl", reason="needs the extra: pip install 'mmlubench[finetune]'")

import torch
from safetensors.torch import load_file

from mmlubench.errors import UserError
from mmlubench.lab.finetune.card import write_card
from mmlubench.lab.finetune.config import read_config
from mmlubench.lab.finetune.finetune import Seams, finetune
from mmlubench.lab.finetune.resume import Folder
from mmlubench.lab.finetune.stages import Device, Plan, Trained
from mmlubench.locks import Locks
from mmlubench.models.local.in_process import InProcess
from mmlubench.models.local.options import LocalOptions
from mmlubench.models.names.presets import preset_for
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Params
from mmlubench.solvers.logprob import Logprob
from tests.lab.finetune.toys import write_config

pytestmark = [pytest.mark.real_model, pytest.mark.filterwarnings("error")]


@pytest.fixture(scope="module", autouse=True)
def exact() -> Iterator[None]:
    """One thread and float32: sums come in one order, so that equal trainings give equal weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        chosen = Device("cpu", "float32", "exact")
        patch.setattr("mmlubench.lab.finetune.finetune.choose_device", lambda *_: chosen)
        yield
    torch.set_num_threads(before)


def seams(**more: Any) -> Seams:
    return Seams(**{"say": lambda _line: None, **more})


def weights(trained: Trained) -> dict[str, Any]:
    return load_file(next(trained.folder.glob("*.safetensors")))


def same(one: Trained, other: Trained) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def right_in_a_run(plan: Plan, trained: Trained) -> int:
    """Ask the validation side as `pytest benchmarks --scoring logprob` does."""
    is_adapter, config = plan.config.is_adapter, plan.config
    spec = ModelSpec(
        label="tuned",
        client="transformers",
        model_id=plan.source if is_adapter else str(trained.folder),
        adapter_path=str(trained.folder) if is_adapter else None,
        local=LocalOptions(load_in_4bit=config.method == "qlora", dtype="float32"),
        features=preset_for("transformers", None).features,
    )

    async def ask() -> int:
        model = InProcess(spec)
        solver = Logprob(model, plan.recipe, Params(), scoring=plan.scoring, top=200)
        answers = await asyncio.gather(*map(solver, plan.validation))
        await model.aclose()
        return sum(
            answer.letter == question.answer
            for answer, question in zip(answers, plan.validation, strict=True)
        )

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("kind", "method", "epochs", "rate", "learns"),
    [
        ("gemma2", "qlora", 6, 1e-2, True),
        ("llama", "lora", 8, 5e-3, True),
        ("t5", "full", 12, 3e-3, True),
        ("t5", "lora", 2, 1e-2, False),
    ],
)
def test_a_tiny_model_learns_and_a_run_finds_the_same_accuracy(
    kind: str,
    method: str,
    epochs: int,
    rate: float,
    learns: bool,
    tmp_path: Path,
    toy_split: Path,
    model_of: Callable[..., Path],
) -> None:
    keys = {"method": method, "epochs": epochs, "learning_rate": rate}
    path = write_config(tmp_path, model_of(kind), toy_split, **keys)
    plans: list[Plan] = []
    trained = finetune(read_config(path), seams(before=[plans.append]))
    losses = [point.loss for point in trained.history if point.loss is not None]
    looks = [point for point in trained.history if point.asked]
    assert losses[-1] < 0.5 * losses[0]
    assert [looks[0].step, looks[-1].step] == [0, plans[0].steps]
    assert all(look.asked == 40 for look in looks)
    if learns:  # chance is 10 of 40; 20 happen by chance once in two thousand times
        assert looks[-1].right >= 20
    assert right_in_a_run(plans[0], trained) == looks[-1].right
    assert trained.folder == tmp_path / "outputs" / "toy" / ("model" if method == "full" else "adapter")
    assert (trained.folder / "tokenizer.json").is_file()
    assert not (trained.folder.parent / "checkpoints").exists()


def test_what_is_finished_is_not_trained_again(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    path = write_config(tmp_path, model_of("t5"), small_split, epochs=1)
    said: list[str] = []

    def fails(*_: Any) -> None:
        raise UserError("the card cannot be written")

    with pytest.raises(UserError, match="the card cannot be written"):
        finetune(read_config(path), seams(after=[fails]))
    trained = finetune(read_config(path), seams(after=[write_card], say=said.append))
    assert said == [f"all 3 steps are done already, and {trained.folder} is whole"]
    assert trained.history[-1].step == 3
    with pytest.raises(UserError, match=r"holds this training, finished"):
        finetune(read_config(path), seams())


def test_two_trainings_do_not_write_into_one_folder(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    path = write_config(tmp_path, model_of("t5"), small_split, epochs=1)
    other = Locks()
    (tmp_path / "outputs" / "toy").mkdir(parents=True)
    assert other.take(tmp_path / "outputs" / "toy")  # as a process does that trains there
    with pytest.raises(UserError, match="is being trained by another process"):
        finetune(read_config(path), seams())
    other.release()
    assert finetune(read_config(path), seams()).resumed_from is None


KILLED = {"method": "qlora", "epochs": 12, "batch_size": 4, "gradient_accumulation": 2, "save_steps": 8}


def test_after_kill_9_the_weights_are_those_of_an_undisturbed_training(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    undisturbed = finetune(
        read_config(write_config(tmp_path / "a", model_of("gemma2"), small_split, **KILLED)), seams()
    )
    path = write_config(tmp_path / "b", model_of("gemma2"), small_split, **KILLED)
    checkpoints = tmp_path / "b" / "outputs" / "toy" / "checkpoints"
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW, "lab", "finetune", str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        end = time.monotonic() + 120
        while not (checkpoints / "checkpoint-16" / "complete.json").is_file():
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < end, "no checkpoint came"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(30)
    half_written = checkpoints / "checkpoint-60"
    half_written.mkdir()
    (half_written / "trainer_state.json").write_text("{")
    said: list[str] = []
    trained = finetune(read_config(path), seams(say=said.append), resume=True)
    assert trained.resumed_from in (16, 24)
    assert said[0].startswith(f"going on from step {trained.resumed_from} of 72")
    assert same(trained, undisturbed)
    points = [[(p.step, p.loss, p.right) for p in one.history] for one in (trained, undisturbed)]
    assert points[0] == points[1]


#: The command, with float32 on every machine, and slow enough to be killed between two checkpoints.
_SLOW = """
import time
import mmlubench.lab.finetune.finetune as work
from mmlubench.cli import main
from mmlubench.lab.finetune.resume import Folder  # noqa: E402
from mmlubench.lab.finetune.stages import Device
from mmlubench.lab.finetune.watch import Watch

stepped = Watch.stepped
def slowly(self, step):
    time.sleep(0.1)
    stepped(self, step)
Watch.stepped = slowly
work.choose_device = lambda *_: Device("cpu", "float32", "exact")
main()
"""


def test_ctrl_c_stops_with_a_checkpoint_and_other_settings_are_refused_there(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    keys = {"epochs": 1.5, "batch_size": 8, "validation_steps": 4, "save_steps": 100}
    model = model_of("t5")
    undisturbed = finetune(read_config(write_config(tmp_path / "a", model, small_split, **keys)), seams())
    path = write_config(tmp_path / "b", model, small_split, **keys)

    def interrupt(line: str) -> None:
        if line.startswith("step 8:"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(UserError, match=r"stopped at step 8 of 9; the checkpoint of step 8 is kept") as error:
        finetune(read_config(path), seams(say=interrupt))
    assert "give the same command again to go on from there" in str(error.value)
    other = write_config(tmp_path / "b", model, small_split, **keys, weight_decay=0.5)
    with pytest.raises(UserError, match=r"other settings \(weight_decay was 0.0, now 0.5\)"):
        finetune(read_config(other), seams())
    path = write_config(tmp_path / "b", model, small_split, **keys, references={"accuracy": 0.5})
    trained = finetune(read_config(path), seams())
    assert trained.resumed_from == 8
    assert same(trained, undisturbed)
    assert (trained.history[-1].step, trained.history[-1].epoch) == (9, 1.5)


def test_a_full_disk_at_a_checkpoint_leaves_the_one_before(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"epochs": 4, "batch_size": 8, "save_steps": 6}
    path = write_config(tmp_path, model_of("t5"), small_split, **keys)
    save = torch.save

    def full(thing: Any, file: Any, *more: Any, **keywords: Any) -> None:
        if "checkpoint-12" in str(file):
            raise OSError(28, "No space left on device")
        save(thing, file, *more, **keywords)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError) as error:
        finetune(read_config(path), seams())
    said = str(error.value)
    assert said.startswith("the checkpoint of step 12 cannot be written to ")
    assert said.endswith("(No space left on device): free space there and give the same command again; "
                         "it goes on from step 6.")  # fmt: skip
    assert [file.name for file in (tmp_path / "outputs/toy/checkpoints").iterdir()] == ["checkpoint-6"]
    monkeypatch.undo()
    monkeypatch.setattr(
        "mmlubench.lab.finetune.finetune.choose_device", lambda *_: Device("cpu", "float32", "")
    )
    assert finetune(read_config(path), seams()).resumed_from == 6


def test_a_full_disk_at_the_end_costs_no_step(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path, model_of("llama"), small_split, epochs=1, method="lora")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "finish", full)
        with pytest.raises(UserError, match=r"adapter cannot be written \(No space left on device\)"):
            finetune(read_config(path), seams())
    trained = finetune(read_config(path), seams())
    assert trained.resumed_from == 3
    assert [point.step for point in trained.history if point.asked] == [0, 3]


def test_activations_can_be_computed_twice(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    keys = {"epochs": 1, "method": "lora", "lora": {"dropout": 0.0}}
    usual = finetune(
        read_config(write_config(tmp_path / "a", model_of("gemma2"), small_split, **keys)), seams()
    )
    keys["activation_checkpointing"] = True
    calls: list[bool] = []
    looked = lambda plan, _trained: calls.append(plan.config.activation_checkpointing)  # noqa: E731
    path = write_config(tmp_path / "b", model_of("gemma2"), small_split, **keys)
    twice = finetune(read_config(path), seams(after=[looked]))
    assert calls == [True]
    assert weights(twice).keys() == weights(usual).keys()
    assert twice.history[-1].loss == pytest.approx(usual.history[-1].loss, rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_training(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    keys = {"epochs": 4, "learning_rate": 1e30, "max_grad_norm": 1e30, "log_steps": 1}
    path = write_config(tmp_path, model_of("t5"), small_split, **keys)
    with pytest.raises(UserError, match="the loss is no number at step"):
        finetune(read_config(path), seams())


def test_the_command_trains_a_model_without_a_chat_template(
    tmp_path: Path, small_split: Path, model_of: Callable[..., Path]
) -> None:
    from click.testing import CliRunner

    from mmlubench.cli import main

    path = write_config(tmp_path, model_of("llama", template=False), small_split, epochs=1, method="lora")
    result = CliRunner().invoke(main, ["lab", "finetune", str(path)])
    assert result.exit_code == 0, result.output
    assert "step 3: validation accuracy " in result.output
    assert f"saved to {tmp_path / 'outputs' / 'toy' / 'adapter'}" in result.output
    assert "1 epoch of 16 x 1, 3 steps" in result.output
    modes = {file.stat().st_mode & 0o777 for file in (tmp_path / "outputs" / "toy").rglob("*")}
    assert modes == {0o600, 0o700}  # for the owner alone, as all that a run writes
    result = CliRunner().invoke(main, ["lab", "finetune", str(path), "--resume"])
    assert result.exit_code == 1
    assert "finished" in result.output
