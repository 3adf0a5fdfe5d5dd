"""The progress of a training in the terminal: a bar with the time left, or a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mmlubench.lab.finetune.stages import Point
from mmlubench.settings import Settings
from mmlubench.stats.intervals import wilson
from mmlubench.stats.one_letter import one_letter

#: Seconds between two lines where no bar can be drawn.
_QUIET_EVERY_S = 10.0


class Progress:
    """Shows steps, loss and the looks at the validation side."""

    def __init__(self, steps: int, say: Callable[[str], Any], *, begun_at: int = 0) -> None:
        """`begun_at` is the step that training goes on from; `say` shows a line where there is no terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._steps, self._say = steps, say
        self._told = time.monotonic()
        # The first step and when it ended: before it, much is made ready.
        self._first: tuple[int, float] | None = None
        console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = None
        if console.is_terminal:
            text = TextColumn("{task.description}", markup=False)
            left = TimeRemainingColumn(elapsed_when_finished=True)
            self._bar = Bar(text, BarColumn(), MofNCompleteColumn(), left, console=console)
            self._task = self._bar.add_task("training", total=steps, completed=begun_at)
            self._bar.start()
        self._loss = ""

    def line(self, text: str) -> None:
        """Show a line above the bar."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            self._say(text)

    def step(self, step: int) -> None:
        """Show how far the training is."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=f"training{self._loss}")
            return
        now = time.monotonic()
        first, begun = self._first = self._first or (step, now)
        if now - self._told >= _QUIET_EVERY_S:
            self._told = now
            seconds = (now - begun) / max(step - first, 1) * (self._steps - step)
            left = f", about {_clock(seconds)} left" if step > first else ""
            self._say(f"step {step:,} of {self._steps:,}{self._loss}{left}")

    def loss(self, value: float) -> None:
        """Note the loss that is shown with the steps."""
        self._loss = f", loss {value:.3f}"

    def look(self, point: Point) -> None:
        """Show what a look at the validation side saw, with its interval."""
        right, asked = point.right or 0, point.asked or 0
        low, high = wilson(right, asked)
        self.line(
            f"step {point.step:,}: validation accuracy {right / asked:.3f} [{low:.3f}, {high:.3f}] ({right} of {asked})"
            f"{doubts(point)}"
        )

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def doubts(point: Point) -> str:
    """Return what makes an accuracy say little: no letter was about to be written, or always the same one."""
    doubts = []
    if point.letter_mass is not None and point.letter_mass < Settings.min_letter_mass:
        doubts.append(f"the letters hold {point.letter_mass:.1%} of the probability".replace("%", " %"))
    # The keys of these questions are not known here.
    if always := one_letter(
        {(letter, ""): count for letter, count in (point.answered or {}).items()}, least=1
    ):
        doubts.append(
            f"{always.letter} is answered to {always.times} of {point.asked}, so that this is how often it is the key"
        )
    return f"; {'; '.join(doubts)}" if doubts and point.asked else ""
