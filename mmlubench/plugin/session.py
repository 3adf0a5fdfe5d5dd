"""The pytest session in one process: the only one, xdist's controller, or one of its workers.

A session is registered as a plugin object as soon as a benchmark is wanted. Its hook methods have pytest's names and
are in the order in which pytest calls them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import pytest

from mmlubench.errors import StoreError, UserError
from mmlubench.plugin import keyword, other_options, run_loop
from mmlubench.plugin.case_report import PROPERTY, renew
from mmlubench.plugin.fast_path import FastPath
from mmlubench.plugin.garbage import RareCollection, no_collection
from mmlubench.plugin.option_names import NAMES, usage_error
from mmlubench.plugin.private_pytest import JunitFile, write_at_once
from mmlubench.plugin.redaction import Redaction
from mmlubench.plugin.signals import DRAIN_S, Signals
from mmlubench.plugin.terminal import Sections, status_of
from mmlubench.plugin.thin_report import ThinReport
from mmlubench.plugin.writer import Writer
from mmlubench.plugin.xdist.controller import (
    Controller,
    check_dist,
    collect_last_reports,
    dist_of,
    is_heard,
    stopped_for,
)
from mmlubench.plugin.xdist.scheduling import share_of, state_of
from mmlubench.plugin.xdist.worker_output import WorkerOutput
from mmlubench.run.share import Share

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case
    from mmlubench.plugin.junit import Junit
    from mmlubench.plugin.process import Process

_STOPPED = pytest.ExitCode.INTERRUPTED


class Session:
    """The state and hooks of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.problem = ""
        """The error in options, models or tests because of which nothing is asked; empty if there is none."""
        self.redaction = Redaction()
        """Masks keys in reports; a plugin object of its own."""
        self.sections = Sections()
        """Keeps cases out of pytest's sections; a plugin object of its own."""
        self._workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._writer = Writer(config, lambda: self.process)
        self._controller: Controller | None = None
        if self._workerinput is None and config.getoption("dist", "no") != "no":
            self._controller = Controller(self._writer.expect, self._writer.tick)
            config.pluginmanager.register(self._controller, "mmlubench.controller")
        self._wanted = False
        """Whether an option of mmlubench is given, so that a benchmark is wanted."""
        self._quotes: list[str] = []
        """The lines of `--estimate`."""
        self._preflight: list[str] = []
        """What the look at the servers found that is no obstacle."""
        self._signals = Signals()
        self._garbage = RareCollection()
        self._told: set[str] = set()
        """The notices that were shown. With -q pytest prints no header, and all of them are shown at the end."""

    @property
    def is_worker(self) -> bool:
        """Whether this is an xdist worker, which asks and grades; the controller writes."""
        return self._workerinput is not None

    @property
    def has_process(self) -> bool:
        """Whether a benchmark or an option of mmlubench has been seen."""
        return "process" in self.__dict__

    @cached_property
    def process(self) -> Process:
        """The process: its run and cases. Raises UserError for options that make no sense."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.process import Process

        if self._workerinput is None:
            return Process(self.config, Share(), None)
        return Process(self.config, share_of(self._workerinput), state_of(self._workerinput))

    # -- before anything is collected ----------------------------------------------------------------------------

    def announce(self) -> None:
        """Check models, prompt and options of a wanted benchmark before tests are collected. Raises UsageError."""
        self._wanted = True
        try:
            keyword.check(self.config.getoption("keyword"), self.config.invocation_params.args)
            run = self.process.run
            run.check()
            if self._controller is not None and run.settings.estimate:
                raise UserError("--estimate cannot be used with workers, as it asks nothing; leave -n out.")
            check_dist(self.config.getoption("dist", "no"))
            if not (self.config.getoption("collectonly") or run.settings.estimate or run.settings.is_carried):
                run.roster.open_early()
                if not self.is_worker:  # a worker writes no run folder, and may run on another host
                    from mmlubench.run.folder import check_parent  # late, as above

                    check_parent(run.settings.run_dir)
                    self._preflight = run.preflight(self._tell)
        except UserError as error:
            raise usage_error(self.config, error) from None
        if self._controller is not None and not self.config.getoption("collectonly"):
            self._controller.share_out(self.config, run)

    def _tell(self, line: str) -> None:
        """Show a line at once, as a server that is waited for may take minutes to be there."""
        capture = self.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            print(line, flush=True)

    def list_models(self) -> int:
        """Print the models that --model can name. Returns the exit status."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.listing import model_table

        try:
            print(model_table(self.process.run.settings.models_file))
        except UserError as error:
            raise usage_error(self.config, error) from None
        return 0

    def pytest_report_header(self) -> list[str]:
        """Show the models and notices, MOCK for mocks; nothing in a run without a benchmark so far."""
        if not self.has_process:
            return []
        return [*self.process.run.header(), *self._notices()]

    def _notices(self, more: Iterable[str] = ()) -> list[str]:
        """Return the notices about store, option names and servers that were not shown yet, and `more` of them."""
        if not self.has_process:
            return []
        of_store = self.process.run.roster.store_notices
        notices = (*of_store, self.config.stash[NAMES].notice(), *self._preflight, *more)
        new = [line for line in dict.fromkeys(notices) if line and line not in self._told]
        self._told.update(new)
        return new

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Make the run folder before workers are started, so that an error is reported before that."""
        if self._controller is not None and self._controller.has_shares:
            self._writer.open()

    # -- collection ----------------------------------------------------------------------------------------------

    def cases(self, items: list[pytest.Function]) -> list[Case]:
        """Make the cases of a benchmark function; none after an error, which is reported when collection is over."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin import collect

        with no_collection():
            try:
                made = list(collect.multiply(self.process, items))
            except UserError as error:
                self.problem = self.problem or str(error)
                return []
        self.process.made.update(case.template.benchmark for case in made if case.has_question)
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # the outermost: --lf leaves items out in a wrapper, too
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Report an error of the collection, or plan the look-ahead."""
        yield
        try:
            if self.problem:
                raise UserError(self.problem)
            if self.has_process:
                self._plan(items)
        except UserError as error:
            items[:], self.problem = [], str(error)
            if not self.is_worker:
                raise usage_error(self.config, error) from None

    def _plan(self, items: list[pytest.Item]) -> None:
        """Plan the cases, and open everything that is needed to ask them. Raises UserError."""
        process = self.process
        process.plan(items, other_options.of_a_part(self.config))
        if process.cases:
            check_dist(dist_of(self._workerinput or {}))
            other_options.check(self.config, process.cases)
        if process.run.data.empty_selection is not None and not process.has_cases:
            raise process.run.data.empty_selection
        if process.run.settings.estimate:
            self._quotes = process.quote_lines()
            items.clear()
        elif process.has_cases and not self.config.getoption("collectonly"):
            process.check_siblings()
            process.run.roster.open_store()
            process.settle_scoring()
            if not self.is_worker:
                recording = self._writer.open()
                if len(items) > len(process.cases):
                    recording.progress.give_way()

    def pytest_report_collectionfinish(self) -> list[str]:
        """Show the sources of the questions, and every notice that no header has shown, before anything is asked."""
        if not self.has_process:
            return []
        return [*self._notices(), *self.process.run.data.lines(), *self.process.notices()]

    # -- while cases run -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Handle SIGTERM and Ctrl-C from here until everything is written, and run all tests."""
        self._session = session
        self._signals.take(lambda text: None if self.is_worker else write_at_once(self.config, text))
        if not self.has_process:
            return None
        self._garbage.begin()
        if not self.process.cases or not run_loop.is_ours(session):
            return None
        run_loop.run(session, self._fast_path)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a case on the fast path if no other plugin would notice the difference."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.cases import Case

        if self.has_process and self.process.worker_state is not None:
            self.process.worker_state.note()
            if self.process.worker_state.must_stop:
                item.session.shouldstop = "the run was stopped"
                return True
        if not isinstance(item, Case) or not self._fast_path.suits(item, nextitem):
            return None
        self._fast_path.run(item)
        return True

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> None:
        """Called by pytest-timeout before it starts its timer for a test."""
        if self.has_process:
            # late: a pytest run without benchmarks must not pay for it
            from mmlubench.plugin.time_limit import TimeLimit

            self.process.limit = TimeLimit(item, settings.timeout)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Move the record of a case from its report to the ledger, so that no other plugin has to carry it."""
        if isinstance(report, ThinReport):
            renew(report)
        if self.is_worker:
            if self.has_process:
                self.process.reading = None  # on its way to the controller
            return
        for name, record in report.user_properties:
            if name == PROPERTY:
                self._writer.take(self._session, report, cast("dict[str, Any]", record))
                self.process.reading = None
        if self._junit is not None:
            self._junit.note(report)
        report.user_properties = [pair for pair in report.user_properties if pair[0] != PROPERTY]
        if isinstance(report, ThinReport):
            report.let_go()
        if self._writer.recording is not None and report.when not in ("setup", "call", "teardown"):
            self._writer.recording.crashed(report)  # xdist's own report of a crash says "???"

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Return the character and the word of a case's outcome."""
        return status_of(report, live=self._writer.is_live)

    # -- the end -------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End all requests, write all files, and let a gate decide the exit status."""
        self._session = session
        self._signals.hold()
        ungraded = self._end_requests()
        if self._workerinput is not None:
            self._send_to_controller(ungraded)
        else:
            if self._controller is not None:
                ungraded += self._take_from_workers(self._controller, session)
            self._writer.finish(session, ungraded)
            if self._junit is not None and self._writer.recording is not None:
                passed = session.exitstatus == pytest.ExitCode.OK
                self._junit.finish(self._writer.recording.ledger, passed=passed)
        self._garbage.end()
        if self._quotes and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if self.problem and not self.is_worker:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> Generator[None, Any, Any]:
        """Print the table, in place of pytest's sections for each wrong answer."""
        self.sections.set_aside(terminalreporter)
        result = yield
        self.sections.put_back(terminalreporter)
        for line in self._errors():
            terminalreporter.write_line(f"ERROR: {line}", red=True)
        of_workers = self._controller.output.notices if self._controller is not None else ()
        for line in (*self._notices(of_workers), *self._quotes):
            terminalreporter.write_line(line)
        if self._writer.recording is not None:
            self._writer.recording.print_summary(terminalreporter, stopped=exitstatus == _STOPPED)
        elif self.has_process and not self.problem and self._found_no_case(exitstatus):
            terminalreporter.write_line(self._why_no_case(), yellow=True)
        return result

    def pytest_unconfigure(self) -> None:
        """Handle signals no more: everything is written and shown."""
        self._signals.give_back()

    def _end_requests(self) -> list[tuple[bytes, bytes]]:
        """End all requests; return the log lines of cases that were asked but not graded."""
        if not self.has_process:
            return []
        outcomes = self.process.close(0.0 if self._signals.hurry else DRAIN_S)
        try:
            self.process.run.roster.close_store()
        except StoreError as error:
            self._writer.trouble = self._writer.trouble or str(error)
        asked = (outcome.journal for outcome in outcomes if outcome.journal.requests)
        return [(b"".join(journal.requests), b"".join(journal.responses)) for journal in asked]

    def _send_to_controller(self, ungraded: list[tuple[bytes, bytes]]) -> None:
        output = WorkerOutput(problem=self.problem, trouble=self._writer.trouble, ungraded=ungraded)
        if self.has_process:
            output.benchmarks = sorted(self.process.run.data.seen)
            output.data, output.cut = self.process.shard_facts
            output.notices = [*self.process.notices(), *self.process.run.roster.store_news]
        output.write_to(self.config.workeroutput)  # type: ignore[attr-defined]  # xdist's

    def _take_from_workers(
        self, controller: Controller, session: pytest.Session
    ) -> list[tuple[bytes, bytes]]:
        """Take the output of the workers; return the log lines of cases that were asked but not graded."""
        if self._writer.recording is not None:
            collect_last_reports(session, self._signals)
        output = controller.output
        self.problem = self.problem or output.problem
        self._writer.trouble = self._writer.trouble or output.trouble
        if output.benchmarks:
            self.process.run.data.seen.update(output.benchmarks)
            self.process.shard_facts = output.data, output.cut
        return output.ungraded

    # -- helpers -------------------------------------------------------------------------------------------------

    def _errors(self) -> list[str]:
        """Return the errors that pytest has not reported."""
        lines = []
        if self.problem and self._controller is not None:
            lines.append(self.problem)
        trouble, recording = self._writer.trouble, self._writer.recording
        if trouble and trouble not in stopped_for(self._session):
            lines.append(trouble)
        return lines if recording is None else [*lines, *recording.failures]

    def _found_no_case(self, exitstatus: int) -> bool:
        """Whether no case ran and the user must know: no test ran, or only others although a benchmark was wanted."""
        if self._controller is not None:  # a controller collects nothing itself
            return exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return self._wanted and not self.process.cases
        return exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not self.process.cases

    def _why_no_case(self) -> str:
        if self._controller is not None and self._controller.has_crashed:
            return "no case was run, as workers crashed before they ran any: what they wrote may stand above."
        made, why = sum(self.process.made.values()), other_options.of_a_part(self.config)
        return self.process.run.data.why_nothing_selected(self.config.getoption("keyword"), made, why)

    @cached_property
    def _junit(self) -> Junit | None:
        file = JunitFile.of(self.config)
        if file is None:
            return None
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.junit import Junit

        return Junit(file)

    @cached_property
    def _fast_path(self) -> FastPath:
        return FastPath(self.config, self.redaction, heard=is_heard(self._workerinput or {}))
