"""Locks: of several processes, one at a time works in a folder, such as that of batches or of a training."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


class Locks:
    """The folders that this process holds; the system lets go of them when it ends, however it ends."""

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, folder: Path) -> bool:
        """Hold a folder; return whether it is held, which another process may keep us from."""
        if folder in self._held:
            return True
        if sys.platform == "win32":  # it has no such lock, and whoever starts two commands there must know it
            return True
        # late: Windows has none
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:  # some network file systems have none
            pass
        self._held[folder] = descriptor
        return True

    def release(self) -> None:
        """Let go of all folders."""
        for descriptor in self._held.values():
            with suppress(OSError):
                os.close(descriptor)
        self._held.clear()
