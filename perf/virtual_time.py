"""An event loop in virtual time: minutes of waiting take milliseconds, and take the same course each time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _AtOnce(selectors.DefaultSelector):
    """A selector that does not wait: it moves the clock of its loop instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.loop.now += timeout
        elif not ready and timeout is None:
            raise RuntimeError("nothing will ever happen")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _AtOnce()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now
