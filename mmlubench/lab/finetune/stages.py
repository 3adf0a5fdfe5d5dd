"""What the steps of a fine-tuning hand one another: `Device`, `Plan`, `Point` and `Trained`.

Nothing here imports torch: values of its types are `Any`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.prompts import Recipe
from mmlubench.schema import Question, Scoring


@dataclass(frozen=True, slots=True)
class Device:
    """Where and in which type is computed."""

    name: str
    """As torch names it: `cpu` or `cuda:0`."""
    dtype: str
    """`float32` or `bfloat16`; for 4-bit weights the type that they are computed in."""
    why: str = ""
    """Why this type, in words for the user."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question of one epoch as tokens, before padding."""

    id: str
    """The id of the question."""
    epoch: int
    """From 0."""
    answer: str
    """The right letter after the choices were shuffled."""
    prompt: tuple[int, ...]
    """The tokens of the prompt, those that a run sends to the model."""
    completion: tuple[int, ...]
    """The letter and the end of the turn: all that counts in the loss."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before any weight is loaded: what is checked and shown then."""

    config: FinetuneConfig
    device: Device
    architecture: Any
    """The configuration of the model (`transformers.PretrainedConfig`): its size can be computed from it."""
    source: str
    """The absolute path of the model's folder, or its id on the hub."""
    tokenizer: Any
    recipe: Recipe
    """Without worked examples: a run needs `--shots 0` where the recipe has some of its own."""
    scoring: Scoring
    """The way in which a run scores this model by letter: `logprob:chat`, or `logprob:completions` for a raw prompt."""
    rows: Sequence[Row]
    """Those of epoch 0 in the order of the data, then those of epoch 1, and so on."""
    order: Callable[[int], Sequence[int]]
    """From an epoch to the places in `rows` in the order in which they are learned."""
    collate: Callable[[Sequence[Row]], dict[str, Any]]
    """From rows to the padded tensors that the trainer gets: `input_ids`, `attention_mask` and `labels`, each of shape
    (rows, tokens); a label of -100 does not count."""
    validation: Sequence[Question]
    """The questions that are asked at each look."""
    train: Sequence[Question]
    """The train side, in the order of the data, with the choices in their own order."""
    dataset: str
    """The name of the data set that was split, such as `mmmlu`."""
    data_sha256: Mapping[str, str]
    """The hash of the ids of each side of the split: `train`, `validation`, `test`."""
    steps: int
    """The number of steps of all epochs together."""
    epoch_steps: int
    """The number of steps of one whole epoch."""

    @property
    def epochs(self) -> float:
        """How many times each question is seen; below 1 for a part of the questions."""
        return self.steps / self.epoch_steps

    @property
    def batches(self) -> list[list[Row]]:
        """The rows of every pass of the training, in its order."""
        size, count = self.config.batch_size, self.config.gradient_accumulation
        made: list[list[Row]] = []
        for epoch in range(ceil(self.epochs)):
            order, steps = self.order(epoch), min(self.epoch_steps, self.steps - epoch * self.epoch_steps)
            passes = range(0, len(order), size)[: steps * count]
            made += [[self.rows[place] for place in order[begin : begin + size]] for begin in passes]
        return made

    @property
    def learned(self) -> list[Question]:
        """The questions of the train side that the steps come to, each once, in the order of the data."""
        ids = {row.id for rows in self.batches for row in rows}
        return [question for question in self.train if question.id in ids]

    @property
    def folder(self) -> Path:
        """The folder of all that is written: outputs/NAME."""
        return self.config.folder

    @property
    def saved(self) -> Path:
        """The folder of what is trained: `adapter` or `model` within `folder`."""
        return self.folder / ("adapter" if self.config.is_adapter else "model")

    def batch(self, number: int = 0) -> tuple[list[Row], dict[str, Any]]:
        """Return the rows of a pass, counted from 0, and the tensors that the trainer gets for it."""
        rows = self.batches[number]
        return rows, self.collate(rows)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the curves: what was known after a step."""

    step: int
    epoch: float
    seconds: float
    """Since training began, the time before an interruption included."""
    loss: float | None = None
    """The mean loss a token of the completion, in nats, since the last point that has one."""
    learning_rate: float | None = None
    right: int | None = None
    """The number of validation questions whose likeliest letter is the right one."""
    asked: int | None = None
    """The number of validation questions."""
    letter_mass: float | None = None
    """The mean probability of all letters together, as a run reports it."""
    answered: Mapping[str, int] | None = None
    """How often each letter was the likeliest."""

    @property
    def accuracy(self) -> float | None:
        """The share of validation questions that were right; None if there was no look."""
        return None if self.right is None or not self.asked else self.right / self.asked

    def to_dict(self) -> dict[str, Any]:
        """Return the values that are known, for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    folder: Path
    """The adapter or the model, as `save_pretrained` writes it, with the tokenizer."""
    history: tuple[Point, ...]
    """The curves, from step 0 (validation alone) to the last."""
    seconds: float
    """The time in training, looks at the validation side included, and that before an interruption."""
    resumed_from: int | None
    """The step of the checkpoint that it went on from; None if it was trained in one go."""
    parameters: int
    """The number of weights of the model, without an adapter."""
    trained_parameters: int
    """The number of weights that were trained."""
