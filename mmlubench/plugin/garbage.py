"""Garbage collection of a run: rare, as nearly everything that a run makes lives until its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: The thresholds of the garbage collector while cases run: how many new objects make it look at the young ones, and
#: how many times it looks at these before it looks at older ones. Python's own take a fifth of a run's CPU time.
_THRESHOLDS = (10_000, 5, 3)


@contextmanager
def no_collection() -> Iterator[None]:
    """A context in which thousands of objects are made that all live on: they are exempt from collection."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


class RareCollection:
    """Makes garbage collection rare between `begin` and `end`, unless it is rare or switched off already."""

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Exempt all objects that exist now, such as cases and questions, and raise the thresholds."""
        before = gc.get_threshold()
        gc.freeze()
        if 0 < before[0] < _THRESHOLDS[0]:
            self._before = before
            gc.set_threshold(*_THRESHOLDS)

    def end(self) -> None:
        """Restore the thresholds from before `begin`; the results of the run are exempt from then on."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            self._before = None
            # pytest collects several times at its end, and would visit every report each time.
            gc.collect()
            gc.freeze()
