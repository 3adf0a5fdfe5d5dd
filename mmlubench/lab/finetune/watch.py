"""What is watched during a training: loss, validation, and the wish to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from types import FrameType
from typing import Any

from mmlubench.errors import UserError
from mmlubench.lab.finetune.progress import Progress
from mmlubench.lab.finetune.resume import Checkpoint
from mmlubench.lab.finetune.stages import Plan, Point
from mmlubench.lab.finetune.validation import Validation


class Watch:
    """Gathers the points of the curves, and stops the training after a step if a signal asks for that."""

    def __init__(
        self, plan: Plan, validation: Validation, begun: Checkpoint | None, progress: Progress
    ) -> None:
        self._plan, self._validation, self._progress = plan, validation, progress
        self._points = {point.step: point for point in begun.history} if begun else {}
        self._before, self._started = begun.seconds if begun else 0.0, time.monotonic()
        self.is_stopped = False
        config = plan.config
        self.save_steps = config.save_steps or min(plan.epoch_steps, plan.steps)
        self.validation_steps = config.validation_steps or self.save_steps
        self.log_steps = config.log_steps or max(1, plan.steps // 100)

    @property
    def history(self) -> tuple[Point, ...]:
        """The points so far, in the order of steps."""
        return tuple(self._points[step] for step in sorted(self._points))

    @property
    def seconds(self) -> float:
        """The time in training, that before an interruption included."""
        return self._before + time.monotonic() - self._started

    def look(self, step: int) -> dict[str, float]:
        """Ask the validation side if it is time to; return what trackers are told of it."""
        is_due = step % self.validation_steps == 0 or step == self._plan.steps
        known = self._points.get(step)
        if not is_due or not self._plan.validation or (known and known.asked):
            return {}
        look = self._validation.look()
        point = self._note(step, **look._asdict())
        self._progress.look(point)
        told = {"eval_accuracy": look.right / look.asked, "eval_questions": float(look.asked)}
        return {**told, "eval_letter_mass": look.letter_mass}

    def stepped(self, step: int) -> None:
        """Note that a step is done."""
        self._progress.step(step)

    def logged(self, step: int, logs: dict[str, Any]) -> None:
        """Note the mean loss since the last time. Raises UserError for one that is no number."""
        if "loss" not in logs:
            return
        if not isfinite(logs["loss"]):
            raise UserError(
                f"the loss is no number at step {step:,}: give a smaller learning_rate, or dtype: float32; "
                "under another name, as checkpoints may hold such weights."
            )
        self._note(step, loss=float(logs["loss"]), learning_rate=float(logs["learning_rate"]))
        self._progress.loss(float(logs["loss"]))

    def _note(self, step: int, **values: Any) -> Point:
        new = Point(step, step / self._plan.epoch_steps, self.seconds)
        self._points[step] = replace(self._points.get(step, new), **values)
        return self._points[step]

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """A context in which the first Ctrl-C or SIGTERM asks to stop after the step; a second one stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.is_stopped = True
            self._progress.line("stopping after this step, with a checkpoint; once more stops at once")
            restore()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            restore()
