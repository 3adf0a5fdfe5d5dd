"""What a training will take, told before any weight is loaded: memory, disk and time.

A training that cannot fit is refused; one that may not fit is warned of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from mmlubench import figures
from mmlubench.errors import UserError
from mmlubench.lab.finetune.footprint import Footprint, footprint
from mmlubench.lab.finetune.room import Memory, free_disk, memory_of
from mmlubench.lab.finetune.speed import Speed, measure_speed
from mmlubench.lab.finetune.stages import Plan, Row

#: The bytes of an optimizer for each weight that is trained; Adafactor keeps sums of rows and columns alone.
_OPTIMIZER_BYTES = {"adamw": 8, "adafactor": 0.1, "paged_adamw_8bit": 2}
_FLOAT32 = 4
#: How much more memory than what is kept is held: the C library gives back little of what was freed in between. 1.7 was
#: measured with SmolLM2-135M, LoRA, on a CPU; torch's own allocator on a GPU wastes less.
_HELD = {"cpu": 1.7}
_HELD_ON_GPU = 1.1
#: The working memory for the loss, in units of the log-probabilities of the whole vocabulary at each token.
_WORK = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """The needs of a training. Sizes in bytes."""

    weights: int
    trained: int
    """The adapter; 0 where the weights themselves are trained."""
    gradients: int
    optimizer: int
    activations: int
    """What the longest batch keeps for the backward pass, and what the loss is computed in."""
    disk: int
    """Two checkpoints, as the last one is kept until the next is whole, and what is trained."""
    seconds: float
    """All steps, and the looks at the validation side."""
    tokens: int
    """All tokens of all epochs, padding included."""
    rows: int
    """The rows of the longest batch."""
    width: int
    """The tokens of each of its rows, padding included."""

    @property
    def certain(self) -> int:
        """What is needed however short the questions are."""
        return self.weights + self.trained + self.gradients + self.optimizer

    @property
    def memory(self) -> int:
        """The largest need at one time."""
        return self.certain + self.activations


def show_estimate(plan: Plan, say: Callable[[str], Any] = print) -> Estimate | None:
    """Tell what a training will take. Raises UserError if this machine cannot have that.

    Returns None, and says so, for an architecture whose work cannot be counted.
    """
    where = plan.config.source or plan.config.name
    batches = plan.batches
    longest = max(batches, key=lambda rows: len(rows) * _width(plan, rows))
    try:
        counted = footprint(plan, plan.collate(longest))
    except Exception as error:  # whatever an unusual architecture meets without weights
        say(f"memory and time cannot be estimated for this model ({type(error).__name__}: {error!s:.120})")
        return None
    hidden = int(getattr(plan.architecture.get_text_config(), "hidden_size", 1024))
    speed = measure_speed(plan.device, counted.tokens, hidden)
    found = estimate(plan, counted, speed, sum(len(rows) * _width(plan, rows) for rows in batches))
    memory = memory_of(plan.device, where)
    for line in estimate_lines(plan, found, memory):
        say(line)
    check_room(plan, found, memory, free_disk(plan.folder))
    return found


def estimate(plan: Plan, counted: Footprint, speed: Speed, tokens: int) -> Estimate:
    """Return the needs of a plan; `tokens` are those of all batches, padding included."""
    config = plan.config
    number = counted.trained
    of_optimizer = round(number * _OPTIMIZER_BYTES[config.optimizer])
    kept, flops = counted.kept, counted.flops
    if (
        config.activation_checkpointing
    ):  # the input of each layer is kept, and one layer is computed again at a time
        inputs = counted.tokens * _hidden_bytes(plan) * counted.layers
        kept = inputs + (counted.kept - counted.largest) // counted.layers + counted.largest
        flops += counted.forward_flops
    step = flops / speed.flops + counted.traffic / speed.traffic + counted.operations * speed.overhead_s
    forward = step * counted.forward_flops / max(1, flops)
    seconds = tokens / counted.tokens * step + _looked_at(plan) / counted.tokens * forward
    saved = number * _FLOAT32
    return Estimate(
        weights=counted.weights,
        trained=saved if config.is_adapter else 0,
        gradients=number * _FLOAT32,
        optimizer=of_optimizer,
        activations=round(kept * _HELD.get(plan.device.name, _HELD_ON_GPU)) + _WORK * counted.largest,
        disk=2 * (saved + of_optimizer) + saved,
        seconds=seconds,
        tokens=tokens,
        rows=counted.rows,
        width=counted.width,
    )


def estimate_lines(plan: Plan, found: Estimate, memory: Memory) -> list[str]:
    """Return an estimate in words."""
    parts = [
        (found.weights, "weights"),
        (found.trained, "adapter"),
        (found.gradients, "gradients"),
        (found.optimizer, "optimizer"),
        (found.activations, f"activations of {found.rows} x {found.width} tokens"),
    ]
    told = ", ".join(f"{name} {size(count)}" for count, name in parts if count)
    asked = len(plan.validation) * looks(plan)
    look = f", and {asked:,} validation questions" if asked else ""
    lines = [
        f"memory: about {size(found.memory)} of {size(memory.free)} free ({told}); disk: about {size(found.disk)}",
        f"time: about {figures.duration(found.seconds)} for {figures.several(plan.steps, 'step')} with "
        f"{found.tokens:,} tokens{look}; a third or three times as much is possible, and more on a busy machine",
    ]
    if found.memory > memory.free:
        lines.append(
            f"WARNING: this may not fit into the free memory: {_less_memory(plan)}, or end other programs"
        )
    return lines


def check_room(plan: Plan, found: Estimate, memory: Memory, disk: int) -> None:
    """Refuse what cannot fit. Raises UserError."""
    where = plan.config.source or plan.config.name
    if found.certain > memory.total:
        parts = "weights, gradients and optimizer" if not plan.config.is_adapter else "weights and adapter"
        raise UserError(
            f"{where}: {parts} alone need {size(found.certain)}, and {plan.device.name} has {size(memory.total)}: "
            f"{_less_memory(plan)}, or take a smaller model."
        )
    if found.disk > disk:
        raise UserError(
            f"{where}: checkpoints and result need {size(found.disk)}, and the disk of {plan.folder} has "
            f"{size(disk)} free: free space there, or give outputs on another disk."
        )


def looks(plan: Plan) -> int:
    """Return how many times the validation side is looked at, before the first step included."""
    if not plan.validation:
        return 0
    every = plan.config.validation_steps or plan.config.save_steps or min(plan.epoch_steps, plan.steps)
    return 1 + ceil(plan.steps / every)


def size(count: int) -> str:
    """Format a number of bytes: `12.3 GB`, `270 MB`; less than 1 MB counts as 1 MB."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{ceil(count / 1e6):,} MB"


def _less_memory(plan: Plan) -> str:
    config = plan.config
    ways = []
    if config.batch_size > 1:
        ways.append(f"a smaller batch_size than {config.batch_size} with more gradient_accumulation")
    if not config.activation_checkpointing:
        ways.append("activation_checkpointing: true")
    if config.method == "full":
        ways.append("method lora")
    elif config.method == "lora" and config.kind == "causal":
        ways.append("method qlora")
    return f"give {' or '.join(ways)}" if ways else "split again with a smaller --max-question-tokens"


def _width(plan: Plan, rows: Sequence[Row]) -> int:
    is_causal = plan.config.kind == "causal"
    return max(len(row.prompt) + (len(row.completion) if is_causal else 0) for row in rows)


def _looked_at(plan: Plan) -> float:
    """Return the tokens of all looks at the validation side, whose questions are as long as those that are learned."""
    mean = sum(len(row.prompt) for row in plan.rows) / len(plan.rows)
    return mean * len(plan.validation) * looks(plan)


def _hidden_bytes(plan: Plan) -> int:
    hidden = int(getattr(plan.architecture.get_text_config(), "hidden_size", 1024))
    return hidden * (2 if plan.device.dtype == "bfloat16" else 4)
