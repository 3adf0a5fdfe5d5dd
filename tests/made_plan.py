"""A small plan of a fine-tuning, made without torch: its tokenizer knows words, and its tensors are of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.plan import steps_of
from mmlubench.lab.finetune.stages import Device, Plan, Point, Row, Trained
from mmlubench.schema import Question, Scoring

WORDS = ["<pad>", "<bos>", "<eos>", "<turn>", *"ABCD", "why", "not", "\x1b[31m"]
PAD, BOS, EOS, TURN = range(4)


class Words:
    """A tokenizer whose tokens are words."""

    pad_token_id, bos_token_id, eos_token_id = PAD, BOS, EOS
    bos_token, eos_token = "<bos>", "<eos>"
    all_special_ids = (PAD, BOS, EOS)
    added_tokens_decoder: ClassVar = {
        token: SimpleNamespace(content=WORDS[token]) for token in (PAD, BOS, EOS, TURN)
    }

    def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
        dropped = self.all_special_ids if skip_special_tokens else ()
        return " ".join(WORDS[token] for token in tokens if token not in dropped)


def collated(rows: Sequence[Row], kind: str = "causal") -> dict[str, Any]:
    """Pad on the right, as the trainer's collators do."""
    if kind == "seq2seq":
        inputs, targets = [row.prompt for row in rows], [row.completion for row in rows]
    else:
        inputs = [(*row.prompt, *row.completion) for row in rows]
        targets = [(*[-100] * len(row.prompt), *row.completion) for row in rows]
    width, target = max(map(len, inputs)), max(map(len, targets))
    return {
        "input_ids": np.array([[*one, *[PAD] * (width - len(one))] for one in inputs]),
        "attention_mask": np.array([[1] * len(one) + [0] * (width - len(one)) for one in inputs]),
        "labels": np.array([[*one, *[-100] * (target - len(one))] for one in targets]),
    }


def question(number: int, language: str = "DE_DE") -> Question:
    return Question(
        id=f"mmmlu/{language}/anatomy/{number:04}",
        benchmark="mmmlu",
        subject="anatomy",
        category="other",
        text="Warum?",
        choices=("darum", "nein", "ja", "doch"),
        answer="ABCD"[number % 4],
        language=language,
    )


def made_plan(folder: Path, **changes: Any) -> Plan:
    """A plan of eight questions and two epochs; `changes` are of the configuration."""
    values = {
        "kind": "causal",
        "method": "lora",
        "batch_size": 4,
        "model": "org/base",
        "data": "splits/de_fr",
    }
    config = FinetuneConfig(**{"name": "toy", "outputs": str(folder), **values, **changes})
    questions = [question(number) for number in range(8)]
    epoch_steps, steps = steps_of(config, 8)
    rows = [
        Row(one.id, epoch, one.answer, (BOS, 8, *[9] * (1 + number % 3)), (WORDS.index(one.answer), TURN))
        for epoch in range(ceil(config.epochs))
        for number, one in enumerate(questions)
    ]
    return Plan(
        config=config,
        device=Device("cpu", "float32", "this CPU has neither AVX512_BF16 nor AMX_BF16"),
        architecture=SimpleNamespace(model_type="llama"),
        source=config.model,
        tokenizer=Words(),
        recipe=SimpleNamespace(name="zero_shot", label="zero_shot"),  # type: ignore[arg-type]  # its name is enough
        scoring=Scoring.CHAT,
        rows=rows,
        order=lambda epoch: range(epoch * 8, epoch * 8 + 8),
        collate=lambda some: collated(some, config.kind),
        validation=[question(number) for number in range(100, 104)],
        train=questions,
        dataset="mmmlu",
        data_sha256={"train": "a" * 64, "validation": "b" * 64, "test": "c" * 64},
        steps=steps,
        epoch_steps=epoch_steps,
    )


def made_training(plan: Plan) -> Trained:
    """What came of it: the loss fell, and the accuracy rose from 1 of 4 to 3 of 4."""
    return Trained(
        folder=plan.saved,
        history=(
            Point(0, 0.0, 0.5, right=1, asked=4),
            Point(1, 0.5, 1.0, loss=1.4, learning_rate=2e-4),
            Point(2, 1.0, 2.0, loss=0.9, learning_rate=1e-4, right=2, asked=4),
            Point(4, 2.0, 4.0, loss=0.25, learning_rate=0.0, right=3, asked=4),
        ),
        seconds=4.0,
        resumed_from=None,
        parameters=1_000,
        trained_parameters=100,
    )
