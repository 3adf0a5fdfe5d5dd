"""Ends that nobody planned: a signal to go, a disk that is full."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from contextlib import suppress
from queue import Empty
from types import FrameType
from typing import Any

import pytest

#: Seconds that requests under way get to end when a run is stopped: they are paid for.
DRAIN_S = 5.0


class Signals:
    """Lets SIGTERM end a run as Ctrl-C does, and lets both do no harm.

    Python would raise KeyboardInterrupt in the middle of a step of whatever task is running, and the reply that it
    waits for, or its connection, would be lost: here it is raised between two steps of the event loop. pytest takes
    half a second to note a first one; a second one that comes meanwhile is kept for whoever waits next.
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
        ):  # else somebody wants something else
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
        elif (
            self._seen != 2
        ):  # the third time at once: a task may be stuck, so that the loop never gets there
            _raise(number)


def _raise(number: int) -> None:
    raise KeyboardInterrupt(*(["SIGTERM"] if number == signal.SIGTERM else []))


def stop(session: pytest.Session, why: str) -> None:
    """End the run after the case that is being reported; pytest shows `why`."""
    distributed: Any = session.config.pluginmanager.get_plugin("dsession")
    if distributed is not None:
        distributed.shouldstop = why
    else:
        session.shouldstop = why


def stopped_for(session: pytest.Session) -> str:
    """Why the run was stopped early, as pytest will show it; empty if it was not."""
    distributed: Any = session.config.pluginmanager.get_plugin("dsession")
    return str(getattr(distributed, "shouldstop", "") or session.shouldstop or "")


def hear_out(session: pytest.Session, signals: Signals) -> None:
    """Wait a little for the workers of an interrupted run, and take the reports they still have.

    xdist would end them without listening. A second Ctrl-C ends the wait.
    """
    distributed: Any = session.config.pluginmanager.get_plugin("dsession")
    active = getattr(distributed, "_active_nodes", ())
    end = time.monotonic() + DRAIN_S + 3.0  # they drain, too, and tell of it afterwards
    for node in active:
        node.shutdown()
    while active and not signals.hurry and time.monotonic() < end:
        with suppress(Empty):
            event, details = distributed.queue.get(timeout=0.1)
            if event == "testreport":
                distributed.worker_testreport(**details)
            elif event == "workerfinished":
                session.config.hook.pytest_testnodedown(node=details["node"], error=None)
            if event in ("workerfinished", "errordown", "internal_error"):
                active.discard(details["node"])


def cannot_write(error: OSError, what: object, *, has_store: bool) -> str:
    """One sentence for a file that cannot be written."""
    kept = "what was answered is in the store and not asked again"
    return (
        f"{error.filename or what} cannot be written ({error.strerror or error}): make room or give another --run-dir, "
        f"and run the same command again; {kept if has_store else 'there is no store, so all of it is asked again'}."
    )
