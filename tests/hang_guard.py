"""A limit on CPU time for what must not hang: far above what it takes, so that it measures nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def cpu_limit(seconds: int) -> Iterator[None]:
    """Fail if the block uses so much CPU time; other processes do not count. Works inside a regular expression too."""

    def hangs(*_: Any) -> None:
        raise AssertionError(f"it did not end within {seconds} s of CPU time")

    before = signal.signal(signal.SIGPROF, hangs)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
