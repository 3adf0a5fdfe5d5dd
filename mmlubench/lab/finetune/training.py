"""The training itself: from a plan to an adapter or a model, through checkpoints."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from mmlubench.errors import UserError
from mmlubench.lab.finetune.base_model import first_line
from mmlubench.lab.finetune.progress import Progress
from mmlubench.lab.finetune.resume import Checkpoint, Folder
from mmlubench.lab.finetune.stages import Plan, Trained
from mmlubench.lab.finetune.trainers import make_trainer
from mmlubench.lab.finetune.validation import Validation
from mmlubench.lab.finetune.watch import Watch
from mmlubench.lab.finetune.weights import counts, load_weights
from mmlubench.models.local.loading import quiet


class Stopped(UserError):
    """A training that was stopped as its user asked, with a checkpoint or before one."""


def train(
    plan: Plan, *, report_to: Sequence[str] = (), say: Callable[[str], Any] = print, resume: bool = False
) -> Trained:
    """Train, or go on from the last whole checkpoint of the same settings, and save what was trained.

    `report_to` names trackers as transformers does; `resume` insists on a checkpoint. Raises UserError in one sentence.
    """
    folder = Folder(plan)
    try:
        begun = folder.begin(resume=resume)
        if (done := folder.finished()) is not None:
            say(f"all {plan.steps:,} steps are done already, and {plan.saved} is whole")
            return done
        return _train(plan, folder, report_to, say, begun)
    finally:
        folder.leave()


def _train(
    plan: Plan,
    folder: Folder,
    report_to: Sequence[str],
    say: Callable[[str], Any],
    begun: Checkpoint | None,
) -> Trained:
    if begun:
        say(f"going on from step {begun.step:,} of {plan.steps:,} ({begun.folder})")
    model = load_weights(plan)
    total, trained = counts(model)
    progress = Progress(plan.steps, say, begun_at=begun.step if begun else 0)
    watch = Watch(plan, Validation(plan, model), begun, progress)
    trainer = make_trainer(plan, model, watch, folder, report_to)
    try:
        with watch.stopping(), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of the libraries, about one another: users can do nothing about them
            trainer.train(resume_from_checkpoint=str(begun.folder) if begun else None)
    except KeyboardInterrupt:
        watch.is_stopped = True
    except Exception as error:
        if name := next((name for name in report_to if type(error).__module__.startswith(name)), ""):
            raise UserError(
                f"--report-to {name}: {first_line(error)}; give its settings, or --report-to none: the same command "
                "goes on from the last checkpoint."
            ) from error
        raise
    finally:
        progress.close()
    step = trainer.state.global_step
    if watch.is_stopped and step < plan.steps:
        raise Stopped(_stopped(step, plan, folder))
    result = Trained(
        folder=plan.saved,
        history=watch.history,
        seconds=watch.seconds,
        resumed_from=begun.step if begun else None,
        parameters=total,
        trained_parameters=trained,
    )
    _save(plan, trainer.model, folder, result)
    return result


def _stopped(step: int, plan: Plan, folder: Folder) -> str:
    last = folder.last()
    kept = f"the checkpoint of step {last.step:,} is kept" if last else "no checkpoint was written yet"
    way_on = "go on from there" if last else "begin anew"
    return (
        f"stopped at step {step:,} of {plan.steps:,}; {kept} in {plan.folder}: "
        f"give the same command again to {way_on}."
    )


def _save(plan: Plan, model: Any, folder: Folder, trained: Trained) -> None:
    part = plan.saved.with_name(f".{plan.saved.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        with quiet():
            model.save_pretrained(part)
            plan.tokenizer.save_pretrained(part)
        shutil.rmtree(plan.saved, ignore_errors=True)
        part.replace(plan.saved)
        folder.finish(
            {
                "history": [point.to_dict() for point in trained.history],
                "seconds": trained.seconds,
                "resumed_from": trained.resumed_from,
                "parameters": trained.parameters,
                "trained_parameters": trained.trained_parameters,
            }
        )
    except Exception as error:  # as for a checkpoint, each library has its own for a full disk
        reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f"{plan.saved} cannot be written ({reason}): free space there and give the same command again; "
            "it goes on from the last checkpoint."
        ) from error
