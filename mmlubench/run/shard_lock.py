"""The lock of a shard: of several processes, such as a job and its requeued successor, one at a time asks the shard."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

from mmlubench.errors import UserError
from mmlubench.locks import Locks
from mmlubench.run.folder import make_parent
from mmlubench.run.run import Run


class ShardLock:
    """The lock on one shard, a file beside its folder, which the system lets go of however the process ends."""

    def __init__(self, run: Run) -> None:
        assert run.shard is not None
        self._title = run.shard.title
        self._parent = Path(run.place.parent)
        self._file = self._parent / f".{run.shard.name}.lock"
        self._locks = Locks()
        self._is_ours = False

    def take(self) -> None:
        """Take the lock. Raises UserError if another process has it, or the folder cannot be written to."""
        make_parent(str(self._parent))
        # What keeps this file from being written will keep the run's own from it, too, and is told there.
        with suppress(OSError):
            self._file.touch(mode=0o600)
            if not self._locks.take(self._file):
                raise UserError(
                    f"{self._title} is asked by another process already ({self._file.read_text() or 'unknown'}): wait "
                    "until that has ended, or stop it."
                )
            self._is_ours = True
            self._file.write_text(f"number {os.getpid()} on {platform.node()}")

    def release(self) -> None:
        """Let go of the lock, if it was taken, and leave nothing behind."""
        with suppress(OSError):
            if self._is_ours:
                self._file.unlink()
        self._locks.release()
        with suppress(OSError):  # if nothing was asked
            self._parent.rmdir()
