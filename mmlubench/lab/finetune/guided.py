"""A fine-tuning as the command does it: checked and estimated before, tracked, and with a card after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmlubench.figures import several
from mmlubench.lab.finetune.card import commands, write_card
from mmlubench.lab.finetune.device import device_line
from mmlubench.lab.finetune.estimate import show_estimate
from mmlubench.lab.finetune.finetune import Seams
from mmlubench.lab.finetune.preview import preview
from mmlubench.lab.finetune.reply_form import form_warning
from mmlubench.lab.finetune.stages import Plan, Trained
from mmlubench.lab.finetune.trackers import Tracker, finish, prepare

#: What each method trains, in words.
_TRAINED = {"full": "all weights", "lora": "a LoRA adapter", "qlora": "a LoRA adapter on 4-bit weights"}


def guided(tracker: Tracker = "none", say: Callable[[str], Any] = print) -> Seams:
    """Return what is done around a training."""

    def after(plan: Plan, trained: Trained) -> None:
        write_card(plan, trained)
        for line in commands(plan):
            say(line)
        finish(tracker)  # last: it waits for a server that may be away

    return Seams(
        before=[
            lambda plan: show_settings(plan, say),
            lambda plan: preview(plan, say),
            lambda plan: told(plan, say),
        ],
        report_to=lambda plan: prepare(plan, tracker, say),
        after=[after],
        say=say,
    )


def told(plan: Plan, say: Callable[[str], Any]) -> None:
    """Tell what the training will take. Raises UserError if this machine cannot have that."""
    show_estimate(plan, say)


def show_settings(plan: Plan, say: Callable[[str], Any]) -> None:
    """Tell what is trained on what, and where."""
    config = plan.config
    say(
        f"{config.name}: {_TRAINED[config.method]} of {plan.source} on {several(len(plan.learned), 'question')} of "
        f"{config.data}, {several(plan.epochs, 'epoch')} of {config.batch_size} x {config.gradient_accumulation}, "
        f"{several(plan.steps, 'step')}, learning rate {config.learning_rate:g}"
    )
    if plan.validation:
        say(
            f"watched on {several(len(plan.validation), 'question')} of the validation side, by {plan.scoring}"
        )
    say(device_line(plan.device, config.method))
    if warning := form_warning(plan.recipe):
        say(warning)
