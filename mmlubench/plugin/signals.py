"""Signals that end a run early, Ctrl-C and SIGTERM, and the sentence for a disk that is full."""

from __future__ import annotations

import asyncio
import signal
import threading
from types import FrameType
from typing import Any

#: Seconds that requests under way get to end when a run is stopped: they are paid for.
DRAIN_S = 5.0


class Signals:
    """Handlers that let SIGTERM end a run as Ctrl-C does, and neither of them lose a reply.

    Python would raise KeyboardInterrupt in the middle of a step of whatever task is running, and the reply that the
    task waits for, or its connection, would be lost: here it is raised between two steps of the event loop. pytest
    takes half a second to handle a first signal; a second one that comes meanwhile only sets `hurry`.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._before: list[tuple[int, Any]] = []

    @property
    def hurry(self) -> bool:
        """Whether nothing shall be waited for any more."""
        return self._seen > 1

    def take(self) -> None:
        """Take the signals over, where they are still Python's; does nothing outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = [signal.SIGTERM]
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # else another plugin has a handler of its own
            numbers.append(signal.SIGINT)
        self._before += [(number, signal.signal(number, self._on_signal)) for number in numbers]

    def give_back(self) -> None:
        """Let the signals do again what they did before."""
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
            _raise(number)  # the third one at once: a task may be stuck, so that the loop never gets there


def _raise(number: int) -> None:
    raise KeyboardInterrupt(*(["SIGTERM"] if number == signal.SIGTERM else []))


def cannot_write(error: OSError, what: object, *, has_store: bool) -> str:
    """One sentence for a file that cannot be written."""
    kept = "what was answered is in the store and not asked again"
    return (
        f"{error.filename or what} cannot be written ({error.strerror or error}): make room or give another --run-dir, "
        f"and run the same command again; {kept if has_store else 'there is no store, so all of it is asked again'}."
    )
