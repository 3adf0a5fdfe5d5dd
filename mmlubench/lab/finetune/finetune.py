"""The order of work: plan, check and show, train, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmlubench import extras
from mmlubench.lab.finetune.base_model import source_of
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.device import choose_device
from mmlubench.lab.finetune.plan import make_plan
from mmlubench.lab.finetune.resume import Folder, refuse_foreign
from mmlubench.lab.finetune.stages import Plan, Trained
from mmlubench.lab.finetune.training import train
from mmlubench.lab.split.folder import SplitFolder
from mmlubench.models.local.loading import be_quiet
from mmlubench.private import files_for_owner


@dataclass(frozen=True, slots=True)
class Seams:
    """What others do before, during and after the training."""

    before: Sequence[Callable[[Plan], None]] = ()
    """Called in order before any weight is loaded: each checks or shows something, and raises UserError to refuse."""
    report_to: Callable[[Plan], Sequence[str]] = lambda _plan: ()
    """Prepares the trackers and returns their names as transformers' `report_to` takes them, such as `wandb`."""
    after: Sequence[Callable[[Plan, Trained], None]] = ()
    """Called in order once the adapter or model is saved: card, curves and the command of the benchmark."""
    say: Callable[[str], Any] = print
    """Shows a line to the user."""


def finetune(config: FinetuneConfig, seams: Seams | None = None, *, resume: bool = False) -> Trained:
    """Train a model on the train side of a split, and leave outputs/NAME behind.

    With a checkpoint of the same configuration in outputs/NAME, training goes on from there; `resume` insists on one.
    Raises UserError, one sentence, for whatever can be known before the training, and for a full disk or Ctrl-C in it.
    """
    seams = seams or Seams()
    plan = prepared(config, seams)
    with files_for_owner():
        trained = train(plan, report_to=seams.report_to(plan), say=seams.say, resume=resume)
        for step in seams.after:
            step(plan, trained)
    return trained


def prepared(config: FinetuneConfig, seams: Seams) -> Plan:
    """Return the plan of a training after all checks before it, and train nothing. Raises UserError."""
    split = SplitFolder.open(config.data)
    refuse_foreign(config.folder)
    where = config.source or config.name
    source_of(config, f"{where}: model {config.model}")
    wanted_by = f"mmlubench lab finetune {where}"
    torch = extras.load("torch", extra="finetune", wanted_by=wanted_by)
    be_quiet(extras.load("transformers", extra="finetune", wanted_by=wanted_by))
    for package in _packages(config):
        extras.load(package, extra="finetune", wanted_by=wanted_by)
    device = choose_device(config, torch)
    plan = make_plan(config, device, split)
    Folder(plan).check()
    for look in seams.before:
        look(plan)
    return plan


def _packages(config: FinetuneConfig) -> list[str]:
    needed = {
        "accelerate": True,
        "peft": config.is_adapter,
        "bitsandbytes": config.method == "qlora",
        "trl": config.kind == "causal",
    }
    return [package for package, is_needed in needed.items() if is_needed]
