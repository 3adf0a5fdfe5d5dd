"""The recording of a run in pytest: it passes case reports to the ledger, and shows progress and the final table."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.limits.waiting import Wait
from mmlubench.plugin.hooks import Hooks
from mmlubench.plugin.private_pytest import width_of
from mmlubench.plugin.progress import Progress
from mmlubench.plugin.silence import Silence
from mmlubench.plugin.terminal import FINAL
from mmlubench.plugin.xdist.private_xdist import worker_count
from mmlubench.printable import printable
from mmlubench.reports.report import Screen, sections
from mmlubench.run.archive import MANIFEST
from mmlubench.run.ledger import Ledger
from mmlubench.run.manifest import Invocation
from mmlubench.run.resuming import resume_command
from mmlubench.run.run import Run
from mmlubench.schema import Outcome


class Recording:
    """Records one run in the process that writes. Raises UserError if the run folder cannot be made."""

    def __init__(self, config: pytest.Config, run: Run, cases: int) -> None:
        self._hooks = Hooks(config)
        self.ledger = Ledger(run, _invocation(config, self._hooks.manifest_facts()))
        self.progress = Progress(config.pluginmanager.get_plugin("terminalreporter"), cases)
        self._silence = Silence(run.settings)
        self._config = config
        self._run = run

    @property
    def failures(self) -> list[str]:
        """A sentence for each of the user's hooks that failed."""
        return self._hooks.failures

    def take(self, report: pytest.TestReport, record: Mapping[str, Any]) -> None:
        """Write one case's record. Raises OSError."""
        # Counted as pytest does: a case marked xfail that is answered wrong has not failed.
        failed = report.failed and not hasattr(report, "wasxfail")
        result = self.ledger.take(record, report.nodeid, failed=failed)
        if result is not None and report.outcome in FINAL:
            self.progress.add(result.outcome, result.requests - record["stored"], record["spent_usd"])
            self._hooks.case_finished(result)
        elif record["saved"]:
            self.progress.add(Outcome.SKIPPED, 0)

    def crashed(self, report: pytest.TestReport) -> None:
        """Record that a worker died while it ran this test; a case gets the outcome error."""
        if self.ledger.crashed(report.nodeid):
            report.mmlubench = Outcome.ERROR.value  # type: ignore[attr-defined]  # extra attributes are allowed

    def tick(self, waits: Mapping[str, Wait] | None = None) -> None:
        """Show the progress; called a few times per second, also while no case ends.

        `waits` are those of a controller's workers; None for those of this process.
        """
        waits = self._run.roster.waits() if waits is None else waits
        self.progress.waiting = "; ".join(wait.text for wait in waits.values())
        self.progress.why = next((wait.message for wait in waits.values() if wait.message), "")
        silence = self._silence.news(waits)
        capture = self._config.pluginmanager.getplugin("capturemanager")
        # Without capturing, as pytest would otherwise take the progress line for output of the case that waits.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            for line in silence:
                self.progress.announce(line)
            self.progress.show()

    def finish(self) -> None:
        """Write all files of the end of a run, and call the hooks. Raises OSError."""
        self.progress.clear()
        for entry in self.ledger.finish():
            self._hooks.case_finished(entry)
        self._hooks.run_finished(self.ledger.records)

    def print_summary(self, reporter: pytest.TerminalReporter, *, stopped: bool) -> None:
        """Print the table of every benchmark and model, the errors grouped by cause, and the path of the run folder.

        For a run that was `stopped` or is incomplete, print the command that goes on with it.
        """
        print_run(reporter, self.ledger, self._run.settings.desc or "")
        if (stopped or not self.ledger.entries.is_finished) and self._can_resume:
            started = self._config.invocation_params.dir
            reporter.write_line(f"to go on: {resume_command(Path(self.ledger.path), started)}")

    @property
    def _can_resume(self) -> bool:
        """Whether a resumed run would find this one's folder, and its replies."""
        # With --accept-mixed or --refresh the run goes on, as its error says, and without it ends again.
        if self.ledger.entries.are_mixed:
            return False
        return self._run.roster.has_store and (Path(self.ledger.path) / MANIFEST).is_file()


def print_run(reporter: pytest.TerminalReporter, ledger: Ledger, label: str) -> None:
    """Print the table of a finished run, its verdicts, and the path of its folder; `label` is that of --desc."""
    screen = Screen(width_of(reporter), color=reporter.hasmarkup, ascii=not _is_utf8())
    for section in sections(ledger.records, screen):
        reporter.write_sep("=", section.title)
        for line in section.lines:
            reporter.write_line(line)
        for line in section.errors:
            reporter.write_line(line, red=True)
    _print_baseline(reporter, ledger, screen)
    for failure in ledger.failed_reports:
        reporter.write_line(printable(failure), red=True)
    for verdict in ledger.verdicts():
        reporter.write_line(printable(verdict.text), red=not verdict.passed, green=verdict.passed)
    for name in ledger.kept_files:
        reporter.write_line(
            f"{name} is left as it is: it has the score of a run that asked more or has a headline number, "
            "or is a file of another program."
        )
    for line in ledger.exported:
        reporter.write_line(printable(line))
    if ledger.shard_line:
        reporter.write_line(printable(ledger.shard_line))
    reporter.write_line(f"run folder: {ledger.path}" + (f" ({printable(label)})" if label else ""))


def _print_baseline(reporter: pytest.TerminalReporter, ledger: Ledger, screen: Screen) -> None:
    for compared in ledger.against_baseline():
        # late: few runs have a baseline
        from mmlubench.reports.compare.baseline import baseline_section

        section = baseline_section(compared, screen)
        reporter.write_sep("=", section.title)
        for line in section.lines:
            reporter.write_line(line)


def exit_status(session: pytest.Session, ledger: Ledger) -> int:
    """Return the session's own exit status; with a gate, the gate decides about wrong answers."""
    if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(session.exitstatus)
    # Another plugin may set the session to failed although no test failed.
    failed = max(session.testsfailed, int(session.exitstatus == pytest.ExitCode.TESTS_FAILED))
    passed = ledger.passes(failed=failed)
    if passed is None:
        return int(session.exitstatus)
    return int(pytest.ExitCode.OK if passed else pytest.ExitCode.TESTS_FAILED)


def _invocation(config: pytest.Config, user_facts: Mapping[str, Any]) -> Invocation:
    started = config.invocation_params
    workers = worker_count(config) if config.getoption("dist", "no") != "no" else 1
    return Invocation(("pytest", *map(str, started.args)), started.dir, workers, user_facts)


def _is_utf8() -> bool:
    return (getattr(sys.__stdout__, "encoding", None) or "").lower().replace("-", "") == "utf8"
