"""Private parts of pytest-xdist that the plugin needs, each behind a function that says why.

A new version of xdist may change any of them without notice; `tests/plugin/test_private_pytest.py` tests each one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty
from typing import Any

import pytest

#: The name under which the controller's session of xdist is registered with pytest.
_SESSION = "dsession"


def worker_count(config: pytest.Config) -> int:
    """Return the number of workers that xdist is about to start.

    Only xdist can read `--tx 4*popen`, and its hooks are called only when a worker starts.
    """
    # late: only a run with workers has xdist loaded
    from xdist.workermanage import parse_tx_spec_config

    return len(parse_tx_spec_config(config))


def set_should_stop(config: pytest.Config, why: str) -> bool:
    """Make the controller end the run for the reason `why`; False if xdist is not in use.

    The controller's own loop does not look at pytest's `session.shouldstop`.
    """
    session = _session(config)
    if session is None:
        return False
    session.shouldstop = why
    return True


def should_stop(config: pytest.Config) -> str:
    """Return the reason for which the controller ends the run; empty if it does not, or if xdist is not in use."""
    return str(getattr(_session(config), "shouldstop", "") or "")


def active_workers(config: pytest.Config) -> set[Any]:
    """Return the workers that have not ended yet: xdist's own set, from which it removes ended workers."""
    active: set[Any] = getattr(_session(config), "_active_nodes", set())
    return active


def take_event(config: pytest.Config, timeout_s: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the next event that a worker sent, if one comes within `timeout_s` seconds.

    xdist reads no more events once a run is interrupted, so the last ones of its workers stay in the queue.
    """
    session = _session(config)
    with suppress(Empty):
        if session is not None:
            yield session.queue.get(timeout=timeout_s)


def while_waiting(config: pytest.Config, every_s: float, call: Callable[[], object]) -> None:
    """Call something every `every_s` seconds while the controller waits for its workers.

    xdist has no hook for that: its loop waits up to two seconds for an event, for as long as none comes.
    """
    session = _session(config)
    if session is None or hasattr(session.queue, "mmlubench_waits"):
        return
    usual, called_at = session.queue.get, time.monotonic()

    def get(block: bool = True, timeout: float | None = None) -> Any:
        nonlocal called_at
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            now = time.monotonic()
            if now - called_at >= every_s:
                called_at = now
                call()
            left = every_s if end is None else min(every_s, end - time.monotonic())
            try:
                return usual(block, max(0.0, left))
            except Empty:
                if not block or (end is not None and time.monotonic() >= end):
                    raise

    session.queue.get, session.queue.mmlubench_waits = get, True


def deliver_report(config: pytest.Config, details: dict[str, Any]) -> None:
    """Let xdist handle the report of a test that a worker sent: xdist unpacks it and calls pytest's hook."""
    session = _session(config)
    if session is not None:
        session.worker_testreport(**details)


def _session(config: pytest.Config) -> Any:
    return config.pluginmanager.get_plugin(_SESSION)
