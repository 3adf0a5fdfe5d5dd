"""The writer of a run in the process that writes: its recording, made on first use, and what could not be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.errors import UserError
from mmlubench.plugin.option_names import usage_error
from mmlubench.plugin.signals import cannot_write
from mmlubench.plugin.xdist.controller import stop

if TYPE_CHECKING:
    from mmlubench.plugin.process import Process
    from mmlubench.plugin.recording import Recording


class Writer:
    """Writes the run folder. A full disk is noted as `trouble` and ends the run; it is told when the run is over."""

    def __init__(self, config: pytest.Config, process: Callable[[], Process]) -> None:
        """`process` gives the process whose run is written."""
        self.recording: Recording | None = None
        """None until there is something to write."""
        self.trouble = ""
        """Why not everything could be written."""
        self._config = config
        self._process = process

    @property
    def is_live(self) -> bool:
        """Whether the progress line is rewritten in place."""
        return self.recording is not None and self.recording.progress.live

    def open(self) -> Recording:
        """Make the run folder. Raises UsageError where that cannot be done."""
        try:
            recording = self._opened()
        except UserError as error:
            raise usage_error(self._config, error) from None
        self._process().on_tick = recording.tick
        return recording

    def expect(self, cases: int) -> None:
        """Take how many cases there are; a controller hears of it from its workers."""
        if self.recording is not None:
            self.recording.progress.total = cases

    def take(self, session: pytest.Session, report: pytest.TestReport, record: dict[str, Any]) -> None:
        """Write one case."""
        if not self._write(lambda recording: recording.take(report, record)):
            stop(session, self.trouble)

    def finish(self, session: pytest.Session, ungraded: list[tuple[bytes, bytes]]) -> None:
        """Write everything that is written at the end, and let a gate decide the exit status.

        `ungraded` are lines of requests and responses that nobody graded as the run was stopped.
        """
        if ungraded or self.recording is not None:
            self._write(lambda recording: recording.ledger.keep(ungraded))
        if self.recording is None:
            return
        recording = self.recording
        if recording.ledger.is_blank:  # made before the workers were, and they found nothing to do
            self._write(lambda recording: recording.ledger.discard())
            self.recording = None
            return
        from mmlubench.plugin.recording import exit_status  # late: only a run that was recorded comes here

        self._write(lambda recording: recording.finish())
        session.exitstatus = exit_status(session, recording.ledger)
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):  # what answers decide
            if self.trouble:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            elif recording.failures:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _opened(self) -> Recording:
        if self.recording is None:
            # late: a pytest run without benchmarks must not pay for it
            from mmlubench.plugin.recording import Recording

            process = self._process()
            self.recording = Recording(self._config, process.run, len(process.cases))
        return self.recording

    def _write(self, what: Callable[[Recording], object]) -> bool:
        """Whether it could be written."""
        try:
            what(self._opened())
        except OSError as error:
            kept = self._process().run.roster.has_store
            self.trouble = self.trouble or cannot_write(error, "the run folder", has_store=kept)
            return False
        return True
