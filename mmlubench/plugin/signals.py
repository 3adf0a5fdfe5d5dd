"""The signals that end a run early, Ctrl-C and SIGTERM, and the error message of a full disk."""

from __future__ import annotations

import asyncio
import signal
import threading
from types import FrameType
from typing import Any

#: Seconds that requests under way get to end when a run is stopped, as they are paid for.
DRAIN_S = 5.0


class Signals:
    """Handlers that let SIGTERM end a run as Ctrl-C does, without losing a reply.

    Python would raise KeyboardInterrupt in the middle of a task's step, and the reply that the task waits for would be
    lost. Here it is raised between two steps of the event loop. pytest takes half a second to handle the first signal;
    a second one that comes meanwhile only sets `hurry`.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._before: list[tuple[int, Any]] = []

    @property
    def hurry(self) -> bool:
        """Whether the run must end without waiting for anything."""
        return self._seen > 1

    def take(self) -> None:
        """Install the handlers, unless another plugin has its own for Ctrl-C; does nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = [signal.SIGTERM]
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # otherwise another plugin has its own handler
            numbers.append(signal.SIGINT)
        self._before += [(number, signal.signal(number, self._on_signal)) for number in numbers]

    def give_back(self) -> None:
        """Restore the handlers from before `take`."""
        while self._before:
            signal.signal(*self._before.pop())

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._seen += 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not None and self._seen < 3:
            loop.call_soon_threadsafe(_raise, number)
        elif self._seen != 2:
            _raise(number)  # the third signal at once, as a stuck task may keep the loop from reaching it


def _raise(number: int) -> None:
    raise KeyboardInterrupt(*(["SIGTERM"] if number == signal.SIGTERM else []))


def cannot_write(error: OSError, what: object, again: str) -> str:
    """Return one sentence for a file that cannot be written; `again` says how the run goes on, as half a sentence."""
    return (
        f"{error.filename or what} cannot be written ({error.strerror or error}): make room or give another --run-dir, "
        f"and {again}."
    )
