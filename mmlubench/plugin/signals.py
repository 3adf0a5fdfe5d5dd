"""The signals that end a run early, Ctrl-C and SIGTERM, and the error message of a full disk."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Seconds that requests under way get to end when a run is stopped, as they are paid for.
DRAIN_S = 5.0


#: What is said at a signal, by the number of those before it.
_SAID = (
    f"{{}}: no further request is sent; those under way get {DRAIN_S:.0f} s to end, as they are paid for, and then the "
    "results are written. Press Ctrl-C again to wait for none of them.",
    "{}: nothing more is waited for; all replies that have arrived are kept, and the results are written.",
)
_SAID_AT_END = "{}: the results are being written, one moment. Two more would leave them half written."


class Signals:
    """Handlers that let SIGTERM end a run as Ctrl-C does, without losing a reply.

    Python would raise KeyboardInterrupt in the middle of a task's step, and the reply that the task waits for would be
    lost. Here it is raised between two steps of the event loop. pytest takes half a second to handle the first signal;
    a second one that comes meanwhile only sets `hurry`. From `hold` on the end of a run is written, and a signal only
    ends what is waited for.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._held: int | None = None
        """The number of signals since `hold`; None before it."""
        self._say: Callable[[str], object] = lambda _text: None
        self._before: list[tuple[int, Any]] = []

    @property
    def hurry(self) -> bool:
        """Whether the run must end without waiting for anything."""
        return self._seen > 1

    def take(self, say: Callable[[str], object]) -> None:
        """Install the handlers, unless another plugin has its own for Ctrl-C; does nothing outside the main thread.

        `say` shows a text to the user at once, whatever the process is doing.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._say = say
        numbers = [signal.SIGTERM]
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # otherwise another plugin has its own handler
            numbers.append(signal.SIGINT)
        self._before += [(number, signal.signal(number, self._on_signal)) for number in numbers]

    def hold(self) -> None:
        """Let a signal interrupt nothing but a wait of the event loop from now on; the third one ends the process."""
        self._held = 0

    def give_back(self) -> None:
        """Restore the handlers from before `take`."""
        while self._before:
            signal.signal(*self._before.pop())

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        before, self._seen = (
            self._seen,
            self._seen + 1,
        )  # first of all: the next signal may interrupt what follows
        name = "SIGTERM" if number == signal.SIGTERM else "Ctrl-C"
        if self._held is not None and before != 1:  # the second one of all shortens the wait
            self._say(_SAID_AT_END.format(name))
        elif before < len(_SAID):
            self._say(_SAID[before].format(name))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if self._held is not None:
            self._held += 1
            if self._held > 2:
                _raise(number)
            elif loop is not None:
                loop.call_soon_threadsafe(_raise, number)
        elif loop is not None and before < 2:
            loop.call_soon_threadsafe(_raise, number)
        elif before != 1:
            _raise(number)  # the third signal at once, as a stuck task may keep the loop from reaching it


def _raise(number: int) -> None:
    raise KeyboardInterrupt(*(["SIGTERM"] if number == signal.SIGTERM else []))


def cannot_write(error: OSError, what: object, again: str) -> str:
    """Return one sentence for a file that cannot be written; `again` says how the run goes on, as half a sentence."""
    return (
        f"{error.filename or what} cannot be written ({error.strerror or error}): make room or give another --run-dir, "
        f"and {again}."
    )
