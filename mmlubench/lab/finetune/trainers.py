"""The trainers: those of TRL and transformers, with our order of rows and our rules for checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from mmlubench import extras
from mmlubench.errors import UserError
from mmlubench.lab.finetune.base_model import EXTRA
from mmlubench.lab.finetune.plan import as_features, collator_of
from mmlubench.lab.finetune.resume import Folder
from mmlubench.lab.finetune.stages import Plan
from mmlubench.lab.finetune.trackers import PROJECT
from mmlubench.lab.finetune.watch import Watch
from mmlubench.lab.finetune.weights import thaw_in_float32
from mmlubench.models.local.loading import quiet

_OPTIMIZERS = {"adamw": "adamw_torch", "adafactor": "adafactor", "paged_adamw_8bit": "paged_adamw_8bit"}
_SCHEDULERS = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


class Order:
    """A sampler for torch: the places of the rows of an epoch, in the order of the plan."""

    def __init__(self, order: Callable[[int], Sequence[int]]) -> None:
        self._order, self._epoch = order, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by accelerate at the begin of each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self._order(self._epoch))

    def __len__(self) -> int:
        return len(self._order(0))


def make_trainer(plan: Plan, model: Any, watch: Watch, folder: Folder, report_to: Sequence[str]) -> Any:
    """Return a trainer of transformers for a plan; TRL's for kind causal, which computes logits only where needed."""
    import transformers
    from datasets import Dataset  # type: ignore[import-untyped]

    where = plan.config.source or plan.config.name
    is_seq2seq = plan.config.kind == "seq2seq"
    more: dict[str, Any] = {}
    if is_seq2seq:
        base, arguments = transformers.Seq2SeqTrainer, transformers.Seq2SeqTrainingArguments
    else:
        base = extras.load("trl.trainer.sft_trainer", extra=EXTRA, wanted_by=where).SFTTrainer
        arguments = extras.load("trl.trainer.sft_config", extra=EXTRA, wanted_by=where).SFTConfig
        more = {"max_length": None, "packing": False, "dataset_kwargs": {"skip_prepare_dataset": True}}
    rows = Dataset.from_list([as_features(row, is_seq2seq=is_seq2seq) for row in plan.rows])
    callback = _callback(transformers, watch)
    with quiet():
        args = arguments(**_arguments(plan, watch, folder, report_to, arguments), **more)
        if args.n_gpu > 1:
            args._n_gpu = (
                1  # one process for all GPUs would make the batches larger than the configuration says
            )
        trainer = _ours(base, plan, watch, folder)(
            model=model,
            args=args,
            train_dataset=rows,
            data_collator=collator_of(plan.config, plan.tokenizer),
            processing_class=plan.tokenizer,
            callbacks=[callback],
        )
    callback.trainer = trainer
    trainer.remove_callback(transformers.PrinterCallback)
    thaw_in_float32(trainer.model)
    return trainer


def _arguments(
    plan: Plan, watch: Watch, folder: Folder, report_to: Sequence[str], kind: Any
) -> dict[str, Any]:
    config, on_cpu = plan.config, plan.device.name == "cpu"
    known = {field.name for field in fields(kind)}
    checkpointing = "activation_checkpointing"  # the newer name; the older one warns
    return {
        "output_dir": str(folder.checkpoints),
        "run_name": config.name,
        "project": PROJECT,
        "max_steps": plan.steps,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "optim": _OPTIMIZERS[config.optimizer],
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": _SCHEDULERS[config.scheduler],
        "warmup_steps": round(config.warmup * plan.steps),
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "seed": config.seed,
        "bf16": plan.device.dtype == "bfloat16",
        "use_cpu": on_cpu,
        checkpointing
        if checkpointing in known
        else "gradient_checkpointing": config.activation_checkpointing,
        "logging_steps": watch.log_steps,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": watch.save_steps,
        "eval_strategy": "no",
        "report_to": list(report_to) or "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": not on_cpu,
        "remove_unused_columns": False,
    }


def _ours(base: Any, plan: Plan, watch: Watch, folder: Folder) -> Any:
    class Ours(base):  # type: ignore[misc]  # one of two classes, known only now
        """The trainer with our order of rows and our rules for checkpoints."""

        def _get_train_sampler(self, *_: Any, **__: Any) -> Order:
            return Order(plan.order)

        def _save_checkpoint(self, *given: Any, **more: Any) -> None:
            step = self.state.global_step
            try:
                with quiet():
                    super()._save_checkpoint(*given, **more)
                folder.complete(step, watch.history, watch.seconds)
            except Exception as error:  # torch, safetensors and Python each have their own for a full disk
                folder.drop(step)
                last = folder.last()
                after = f"it goes on from step {last.step:,}" if last else "it begins anew"
                raise UserError(
                    f"the checkpoint of step {step:,} cannot be written to {folder.checkpoints} "
                    f"({_reason(error)}): free space there and give the same command again; {after}."
                ) from error

    return Ours


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error).strip().partition("\n")[0][:200]


def _callback(transformers: Any, watch: Watch) -> Any:
    class Callback(transformers.TrainerCallback):  # type: ignore[misc]  # a class of an optional package
        """Tells the watch what happens."""

        trainer: Any = None

        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step == 0:
                self._look(0)

        def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
            watch.stepped(state.global_step)
            self._look(state.global_step)
            if watch.is_stopped:
                control.should_training_stop = control.should_save = True
            # A loss is told at each checkpoint, as one that goes on from it knows nothing of the steps before.
            control.should_log = control.should_log or control.should_save
            return control

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            watch.logged(state.global_step, logs or {})

        def _look(self, step: int) -> None:
            told = watch.look(step)
            if told and self.trainer is not None:
                self.trainer.log(told)

    return Callback()
