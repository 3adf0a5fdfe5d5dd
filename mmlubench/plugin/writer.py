"""The writer of a run in the process that writes: its recording, made on first use, and errors of writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.errors import UserError
from mmlubench.plugin.option_names import usage_error
from mmlubench.plugin.signals import cannot_write
from mmlubench.plugin.xdist.controller import stop

if TYPE_CHECKING:
    from mmlubench.engine.limits.waiting import Wait
    from mmlubench.plugin.process import Process
    from mmlubench.plugin.recording import Recording


class Writer:
    """Writes the run folder. An error such as a full disk becomes `trouble`, ends the run and is shown at its end."""

    def __init__(self, config: pytest.Config, process: Callable[[], Process]) -> None:
        """`process` returns the process whose run is written."""
        self.recording: Recording | None = None
        """None until there is something to write."""
        self.trouble = ""
        """The error because of which something could not be written; empty if there is none."""
        self._cases = 0
        self._config = config
        self._process = process

    @property
    def is_live(self) -> bool:
        """Whether the progress line is rewritten in place."""
        return self.recording is not None and self.recording.progress.live

    def open(self) -> Recording:
        """Make the run folder. Raises UsageError if it cannot be made."""
        try:
            recording = self._opened()
        except UserError as error:
            raise usage_error(self._config, error) from None
        self._process().on_tick = recording.tick
        return recording

    def expect(self, cases: int) -> None:
        """Set the number of cases, which a controller gets from its workers."""
        self._cases = cases
        if self.recording is not None:
            self.recording.progress.total = cases

    def tick(self, waits: Mapping[str, Wait]) -> None:
        """Show the progress of a controller, and what the requests of its workers wait for, even before any reply."""
        if waits or self.recording is not None:
            with suppress(UserError):  # that the run folder cannot be made is told with the first case
                self._write(lambda recording: recording.tick(waits))

    def take(self, session: pytest.Session, report: pytest.TestReport, record: dict[str, Any]) -> None:
        """Write one case; end the run if that fails. Nothing is written of a pass that asks nothing, for --batch."""
        if self._config.option.mmlubench_batch_requests is not None:
            return
        if not self._write(lambda recording: recording.take(report, record)):
            stop(session, self.trouble)

    def finish(self, session: pytest.Session, ungraded: list[tuple[bytes, bytes]]) -> None:
        """Write all files of the end of a run, and let a gate decide the exit status.

        `ungraded` are log lines of requests and responses that were not graded because the run was stopped.
        """
        if ungraded or self.recording is not None:
            self._write(lambda recording: recording.ledger.log_ungraded(ungraded))
        if self.recording is None:
            return
        recording, process = self.recording, self._process()
        data, cut = process.shard_facts
        is_empty = bool(cut) and not cut["own"]  # a shard to which no case belongs is finished at once
        # The folder was made before the workers, which had nothing to do.
        if recording.ledger.is_blank and not is_empty:
            self._write(lambda recording: recording.ledger.discard())
            self.recording = None
            return
        from mmlubench.plugin.recording import exit_status  # late: only a run that was recorded comes here

        recording.ledger.learn(data)
        self._write(lambda recording: recording.finish())
        session.exitstatus = exit_status(session, recording.ledger)
        if is_empty and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):  # decided by answers
            if self.trouble:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            elif recording.failures:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        if cut and not self.trouble:
            from mmlubench.plugin.sharded import seal  # late: only a shard comes here

            self._write(lambda recording: seal(session, process, recording))

    def _opened(self) -> Recording:
        if self.recording is None:
            # late: a pytest run without benchmarks must not pay for it
            from mmlubench.plugin.recording import Recording

            process = self._process()
            self.recording = Recording(self._config, process.run, len(process.cases) or self._cases)
        return self.recording

    def _write(self, what: Callable[[Recording], object]) -> bool:
        """Write something; return whether that worked."""
        try:
            what(self._opened())
        except OSError as error:
            # late: a full disk is rare, and pytest loads this module in every run
            from mmlubench.run.advice import again

            has_folder = self.recording is not None and Path(self.recording.ledger.path).is_dir()
            on = again(self._process().run, has_folder=has_folder)
            self.trouble = self.trouble or cannot_write(error, "the run folder", on)
            return False
        return True
