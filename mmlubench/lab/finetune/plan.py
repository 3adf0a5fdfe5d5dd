"""The plan: model, prompts and data are read and checked before any weight is loaded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from mmlubench import extras
from mmlubench.errors import UserError
from mmlubench.lab.finetune.base_model import EXTRA, read_base_model
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.rows import make_rows, order_of_epoch, recipe_of, scoring_of
from mmlubench.lab.finetune.stages import Device, Plan, Row
from mmlubench.lab.split.folder import SplitFolder
from mmlubench.schema import Question

#: The label of a token that does not count in the loss, as in torch's cross entropy.
IGNORED = -100


def make_plan(config: FinetuneConfig, device: Device, split: SplitFolder) -> Plan:
    """Read and check everything. Raises UserError in one sentence, also where a package of the extra is missing."""
    where = config.source or config.name
    train, watched = split.questions("train"), split.questions("validation")
    if not train:
        raise UserError(f"{where}: the train side of {config.data} is empty; split a larger data set.")
    recipe = recipe_of(config)
    base = read_base_model(config)
    scoring = scoring_of(recipe, base)
    count = len(train)
    epoch_steps, steps = steps_of(config, count)
    rows = make_rows(train, config, base, recipe, scoring, ceil(steps / epoch_steps))
    return Plan(
        config=config,
        device=device,
        architecture=base.architecture,
        source=base.source,
        tokenizer=base.tokenizer,
        recipe=recipe,
        scoring=scoring,
        rows=rows,
        order=lambda epoch: order_of_epoch(epoch, count, config.seed),
        collate=_collator(config, base.tokenizer),
        validation=_looked_at(watched, config),
        train=train,
        dataset=split.card.dataset,
        data_sha256=dict(split.card.ids_sha256),
        steps=steps,
        epoch_steps=epoch_steps,
    )


def steps_of(config: FinetuneConfig, count: int) -> tuple[int, int]:
    """Return the number of steps of one whole epoch of `count` questions, and that of the training."""
    an_epoch = ceil(ceil(count / config.batch_size) / config.gradient_accumulation)
    # Rounded first: 1.1 times 10 is a little more than 11 for a computer.
    steps = ceil(round(config.epochs * an_epoch, 6)) or 1
    return an_epoch, min(steps, config.max_steps or steps)


def _looked_at(questions: Sequence[Question], config: FinetuneConfig) -> Sequence[Question]:
    """Return the questions of each look: the same ones in every training with this seed."""
    if len(questions) <= config.validation_questions:
        return tuple(questions)
    return tuple(random.Random(f"validation/{config.seed}").sample(questions, config.validation_questions))


def as_features(row: Row, *, is_seq2seq: bool) -> dict[str, list[int]]:
    """Return what a trainer takes of a row: only the completion has labels."""
    if is_seq2seq:
        return {"input_ids": list(row.prompt), "labels": list(row.completion)}
    return {
        "input_ids": [*row.prompt, *row.completion],
        "labels": [*[IGNORED] * len(row.prompt), *row.completion],
    }


def _collator(config: FinetuneConfig, tokenizer: Any) -> Callable[[Sequence[Row]], dict[str, Any]]:
    is_seq2seq = config.kind == "seq2seq"

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        pad = collator_of(config, tokenizer)
        return dict(pad([as_features(row, is_seq2seq=is_seq2seq) for row in rows]))

    return collate


def collator_of(config: FinetuneConfig, tokenizer: Any) -> Any:
    """Return what pads a batch: labels with -100, tokens on the right, where a mask hides them."""
    where = config.source or config.name
    if config.kind == "causal":
        sft = extras.load("trl.trainer.sft_trainer", extra=EXTRA, wanted_by=where)
        return sft.DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)
    transformers = extras.load("transformers", extra=EXTRA, wanted_by=where)
    return transformers.DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED)
