"""The run's ledger as pytest sees it: reports of cases go in, progress and the final table come out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from mmlubench.plugin.hooks import Hooks
from mmlubench.plugin.private_pytest import width_of
from mmlubench.plugin.progress import Progress
from mmlubench.reports.report import Screen, sections
from mmlubench.run.ledger import Ledger
from mmlubench.run.manifest import Invocation
from mmlubench.run.run import Run
from mmlubench.schema import Outcome


class Recording:
    """Keeps one run, in the process that writes. Raises UserError if the run folder cannot be made."""

    def __init__(self, config: pytest.Config, run: Run, cases: int) -> None:
        self._hooks = Hooks(config)
        self.ledger = Ledger(run, _invocation(config, self._hooks.manifest_facts()))
        self.progress = Progress(config.pluginmanager.get_plugin("terminalreporter"), cases)
        self._config = config
        self._run = run

    @property
    def failures(self) -> list[str]:
        """What hooks of the user's own failed with, a sentence each."""
        return self._hooks.failures

    def take(self, report: pytest.TestReport, record: Mapping[str, Any]) -> None:
        """Keep one case's record. Raises OSError."""
        # As pytest counts: a case marked xfail that is answered wrong is no failed one.
        failed = report.failed and not hasattr(report, "wasxfail")
        result = self.ledger.take(record, report.nodeid, failed=failed)
        if result is not None:
            self.progress.add(result.outcome, result.requests - record["stored"], record["spent_usd"])
            self._hooks.case_finished(result)

    def crashed(self, report: pytest.TestReport) -> None:
        """A worker died while it ran this test; if it was a case, that is an error of the case."""
        if self.ledger.crashed(report.nodeid):
            report.mmlubench = Outcome.ERROR.value  # type: ignore[attr-defined]  # extra attributes are allowed

    def tick(self) -> None:
        """Called a few times a second: show where the run stands, also while nothing comes."""
        self.progress.waiting = self._run.roster.waiting()
        capture = self._config.pluginmanager.getplugin("capturemanager")
        # The first case runs as pytest runs any: what is shown while it waits would pass for that case's own output.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            self.progress.show()

    def finish(self) -> None:
        """Write everything that is written at the end, and tell the hooks of it. Raises OSError."""
        self.progress.clear()
        for entry in self.ledger.finish():
            self._hooks.case_finished(entry)
        self._hooks.run_finished(self.ledger.records)

    def print_summary(self, reporter: pytest.TerminalReporter) -> None:
        """Print the table of every benchmark and model, the errors grouped by cause, and where everything is."""
        screen = Screen(width_of(reporter), color=reporter.hasmarkup, ascii=not _is_utf8())
        for section in sections(self.ledger.records, screen):
            reporter.write_sep("=", section.title)
            for line in section.lines:
                reporter.write_line(line)
            for line in section.errors:
                reporter.write_line(line, red=True)
        for failure in self.ledger.failed_reports:
            reporter.write_line(failure, red=True)
        for verdict in self.ledger.verdicts():
            reporter.write_line(verdict.text, red=not verdict.passed, green=verdict.passed)
        reporter.write_line(f"run folder: {self.ledger.path}")


def exit_status(session: pytest.Session, ledger: Ledger) -> int:
    """Return the session's own exit status, unless there is a gate: then the gate decides over wrong answers."""
    if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(session.exitstatus)
    # Another plugin may call the session failed although no test is.
    failed = max(session.testsfailed, int(session.exitstatus == pytest.ExitCode.TESTS_FAILED))
    passed = ledger.passes(failed=failed)
    if passed is None:
        return int(session.exitstatus)
    return int(pytest.ExitCode.OK if passed else pytest.ExitCode.TESTS_FAILED)


def _invocation(config: pytest.Config, user_facts: Mapping[str, Any]) -> Invocation:
    started = config.invocation_params
    workers = len(config.getoption("tx", None) or [""])
    return Invocation(("pytest", *map(str, started.args)), started.dir, workers, user_facts)


def _is_utf8() -> bool:
    return (getattr(sys.__stdout__, "encoding", None) or "").lower().replace("-", "") == "utf8"
