"""The tasks of inspect_evals that this harness can ask as they are: by which recipe, read by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmlubench.errors import UserError, close_to


class Task(NamedTuple):
    """What a task of another harness is called here."""

    benchmark: str
    recipe: str
    extraction: str


TASKS = {
    "inspect_evals/mmlu_0_shot": Task("mmlu", "inspect_zero_shot", "inspect"),
    "inspect_evals/mmlu_5_shot": Task("mmlu", "inspect_five_shot", "inspect"),
}
_PACKAGE = "inspect_evals/"
#: The names of our recipes there, with the package in front and without it.
RECIPES = {name: task.recipe for full, task in TASKS.items() for name in (full, full.removeprefix(_PACKAGE))}


def benchmark_of(names: Sequence[str]) -> str:
    """Return the benchmark of --tasks; empty if none is named that is known, and for several."""
    found = {TASKS[name].benchmark for name in map(_full, names) if name in TASKS}
    return found.pop() if len(found) == 1 else ""


def _full(name: str) -> str:
    return name if name.startswith(_PACKAGE) else _PACKAGE + name


def task_of(names: Sequence[str]) -> Task | None:
    """Return the task of --tasks, with `inspect_evals/` in front of its name or not; None if none is named.

    Raises UserError for several tasks, and for an unknown one.
    """
    if len(names) > 1:
        raise UserError(
            f"--tasks {' --tasks '.join(names)}: a run has one recipe; name one task in each run."
        )
    for name in names:
        if (full := _full(name)) not in TASKS:
            hint = close_to(full, TASKS) or f"; there are {' and '.join(TASKS)}."
            raise UserError(f"--tasks {name}: there is no such task{hint}")
        return TASKS[full]
    return None
