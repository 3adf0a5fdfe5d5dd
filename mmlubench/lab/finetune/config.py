"""The configuration of a fine-tuning: one YAML file, whose keys are the fields here.

```yaml
name: flan_t5_base_de_fr           # outputs/flan_t5_base_de_fr/ is written
kind: seq2seq                      # or causal
model: google/flan-t5-base         # a folder, or an id of the hub
data: splits/mmmlu_de_fr           # a folder of `mmlubench lab split`
method: lora                       # or full, qlora
epochs: 2
```
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal

from mmlubench import yaml_file
from mmlubench.errors import UserError
from mmlubench.yaml_file import EXACT, TEXT, at_least, key

#: Modules of T5 that LoRA changes by default; peft's own default, q and v alone, is too little.
T5_MODULES = ("q", "k", "v", "o", "wi_0", "wi_1", "wo")
#: The value of `target_modules` for every linear layer but the head, as in the paper of QLoRA (arXiv 2305.14314).
ALL_LINEAR = "all-linear"

_FOLDER_NAME = key(
    "a name that a folder can have: up to 100 letters, digits, dots, hyphens and underscores, such as flan_t5_de_fr",
    lambda value: bool(re.fullmatch(r"\w(?:[\w.-]{0,98}\w)?", value, re.ASCII)),
)
_SHARE = key("a number from 0 to less than 1", lambda value: 0 <= value < 1)
_RATE = key("a number above 0, such as 2e-4", lambda value: 0 < value < inf)
_ABOVE_ZERO = key("a number above 0", lambda value: 0 < value < inf)
_POSITIVE = at_least(1)
#: The keys that hold a number with decimals.
_NUMBERS = ("epochs", "learning_rate", "warmup", "weight_decay", "max_grad_norm")


@dataclass(frozen=True, slots=True)
class Lora:
    """The adapter that is trained instead of the weights: W + alpha / r · B A (arXiv 2106.09685)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    r: int = field(default=16, metadata=_POSITIVE)
    """The rank of A and B."""
    alpha: int = field(default=32, metadata=_POSITIVE)
    """The change is scaled by alpha / r."""
    dropout: float = field(default=0.05, metadata=_SHARE)
    """The share of inputs of the adapter that are dropped in training."""
    target_modules: str | tuple[str, ...] = field(
        default="auto", metadata=key("auto, all-linear, or a list of names of modules", bool)
    )
    """The layers that are changed: `auto` is `all-linear` for kind causal, and q, k, v, o, wi_0, wi_1, wo for T5."""


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """What is trained on what, and how. Fields have the names of the keys."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    name: str = field(metadata=_FOLDER_NAME)
    """The name of the folder within `outputs` that is written."""
    kind: Literal["causal", "seq2seq"]
    """`causal` for Gemma, Llama, Qwen, SmolLM and their like; `seq2seq` for T5 and its like."""
    model: str = field(metadata=TEXT)
    """The model to begin with: a folder as `save_pretrained` writes it, or an id of the hub."""
    data: str = field(metadata=TEXT)
    """A folder that `mmlubench lab split` wrote: its train side is learned, its validation side watched."""
    method: Literal["full", "lora", "qlora"]
    """All weights; an adapter; or an adapter on weights of 4 bits (NF4 with double quantization)."""
    revision: str | None = field(default=None, metadata=TEXT)
    """The commit, tag or branch of the model on the hub; None for its main branch."""
    lora: Lora = field(default_factory=Lora)
    """The adapter, for the methods lora and qlora."""
    recipe: str = field(default="letter", metadata=TEXT)
    """The name of the recipe that asks the questions, or the path of its YAML file; it has no worked examples."""
    shuffle_choices: bool = True
    """Whether the choices get another order in every epoch, so that no letter is learned for its frequency."""
    epochs: float = field(default=2, metadata=_ABOVE_ZERO)
    """How many times each question is seen; 0.5 is a trial with half of them."""
    max_steps: int | None = field(default=None, metadata=_POSITIVE)
    """The step at which training ends though epochs are left, as for a trial; None for none."""
    batch_size: int = field(default=16, metadata=_POSITIVE)
    """The number of questions in one pass."""
    gradient_accumulation: int = field(default=1, metadata=_POSITIVE)
    """The number of passes in one step: a step learns from `batch_size` times this many questions."""
    max_length: int = field(default=1024, metadata=at_least(8))
    """The most tokens of a prompt with its answer. Longer ones are refused: what is cut is never the same question."""
    optimizer: Literal["adamw", "adafactor", "paged_adamw_8bit"] = "adamw"
    """The optimizer; `paged_adamw_8bit` of bitsandbytes needs a GPU."""
    learning_rate: float = field(default=2e-4, metadata=_RATE)
    """The largest learning rate, a step."""
    scheduler: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate falls after the warm-up."""
    warmup: float = field(default=0.03, metadata=_SHARE)
    """The share of all steps in which the learning rate rises."""
    weight_decay: float = field(default=0.0, metadata=key("a number of at least 0", lambda value: value >= 0))
    """The decay of weights, a step and unit of learning rate."""
    max_grad_norm: float = field(default=1.0, metadata=_ABOVE_ZERO)
    """The norm to which larger gradients are scaled down."""
    seed: int = field(default=0, metadata=at_least(0))
    """The seed of the order of questions and choices, of new adapter weights and of dropout."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """The type that is computed in; `auto` suits the device. Weights that are trained stay in float32. Never float16,
    in which T5 overflows."""
    activation_checkpointing: bool = False
    """Whether activations are computed a second time in place of being kept: less memory, a third more time."""
    save_steps: int | None = field(default=None, metadata=_POSITIVE)
    """The number of steps from one checkpoint to the next; None for one an epoch."""
    validation_steps: int | None = field(default=None, metadata=_POSITIVE)
    """The number of steps from one look at the validation side to the next; None for one at every checkpoint."""
    validation_questions: int = field(default=500, metadata=at_least(0))
    """The most questions of the validation side that are asked at each look, always the same ones; 0 for none."""
    log_steps: int | None = field(default=None, metadata=_POSITIVE)
    """The number of steps that a told loss is the mean of; None for a hundredth of all."""
    outputs: str = field(default="outputs", metadata=TEXT)
    """The folder in which the folder `name` is written, as seen from the working directory."""
    references: dict[str, Any] = field(default_factory=dict)
    """Published numbers to compare with, such as `accuracy_before`; they change nothing."""
    source: str = ""
    """The file that this was read from; no key."""

    @property
    def folder(self) -> Path:
        """The folder of all that this training writes."""
        return Path(self.outputs).expanduser() / self.name

    @property
    def is_adapter(self) -> bool:
        """Whether an adapter is trained, and the weights of the model stay as they are."""
        return self.method != "full"

    @property
    def target_modules(self) -> str | list[str]:
        """The modules that the adapter changes, as peft takes them."""
        given = self.lora.target_modules
        if given == "auto":
            return list(T5_MODULES) if self.kind == "seq2seq" else ALL_LINEAR
        return given if isinstance(given, str) else list(given)

    def to_dict(self) -> dict[str, Any]:
        """Return all keys and their values, for JSON."""
        values = asdict(self)
        del values["source"]
        return values


def read_config(path: Path) -> FinetuneConfig:
    """Read a configuration. Raises UserError, one sentence that names the file and the key, for a wrong one.

    A `model`, `data` or `recipe` that is a path is looked for in the folder of the file, then in the working directory.
    """
    return config_of(yaml_file.load(path, UserError), path)


def config_of(values: Any, path: Path) -> FinetuneConfig:
    """Make a configuration of the keys and values of a file. Raises UserError, as `read_config` does."""
    if isinstance(values, dict):
        values = {name: _number(value) if name in _NUMBERS else value for name, value in values.items()}
    config = yaml_file.check(FinetuneConfig, values, path, UserError, source=str(path))
    if config.epochs == int(config.epochs):
        config = replace(config, epochs=int(config.epochs))
    problem = _problem(config)
    if problem:
        raise UserError(f"{path}: {problem}")
    return replace(
        config,
        model=_found(config.model, path),
        data=_found(config.data, path),
        recipe=_found(config.recipe, path),
    )


def _number(value: Any) -> Any:
    """Return a number such as 2e-4, which YAML 1.1 takes for a text, as a number; anything else as it is."""
    return (
        float(value) if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?[eE][-+]?\d+", value) else value
    )


def _problem(config: FinetuneConfig) -> str:
    if config.kind == "seq2seq" and config.method == "qlora":
        return (
            "method qlora is for kind causal: T5 is small, and its layers lose too much in 4 bits; give method lora "
            "or full."
        )
    if config.lora.target_modules not in ("auto", ALL_LINEAR) and isinstance(config.lora.target_modules, str):
        return (
            f"lora.target_modules is {config.lora.target_modules!r}: give auto, {ALL_LINEAR}, or a list of names "
            "of modules."
        )
    if not config.is_adapter and config.lora != Lora():
        return "lora is given, and method full trains no adapter: leave lora out, or give method lora."
    return ""


def _found(name: str, config: Path) -> str:
    given = Path(name).expanduser()
    beside = config.absolute().parent / given
    return os.path.normpath(beside) if beside.exists() else name
