"""One pytest session, seen from one process: alone, as xdist's controller, or as one of its workers.

Registered as a plugin object as soon as a benchmark is wanted; its hook methods are pytest's names.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import pytest

from mmlubench.errors import StoreError, UserError
from mmlubench.figures import several
from mmlubench.plugin import keyword
from mmlubench.plugin.case_report import CATEGORIES, PROPERTY, SIGNS
from mmlubench.plugin.option_names import NAMES
from mmlubench.plugin.signals import DRAIN_S, Signals, cannot_write, hear_out, stop, stopped_for
from mmlubench.plugin.xdist.scheduling import Shards, share_of, state_of
from mmlubench.run.share import Share
from mmlubench.schema import Outcome

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case
    from mmlubench.plugin.process import Process
    from mmlubench.plugin.recording import Recording


class Session:
    """State and hooks of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.problem: UserError | None = None
        self._workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._recording: Recording | None = None
        self._wanted = False
        self._quotes: list[str] = []
        """What `--estimate` prints instead of asking."""
        self._trouble = ""
        """Why not everything could be written."""
        self._signals = Signals()
        self._has_header = False
        """With -q there is none, and what it would have said of store and options is said at the end."""
        self._slow: dict[str, None] = {}
        """What workers say of tests that cannot look ahead: each says the same, and it is told once."""

    @property
    def is_worker(self) -> bool:
        """Whether this is an xdist worker: it asks and grades, the controller writes."""
        return self._workerinput is not None

    @property
    def is_controller(self) -> bool:
        """Whether xdist workers do the work."""
        return not self.is_worker and self.config.getoption("dist", "no") != "no"

    @cached_property
    def process(self) -> Process:
        """What is asked of whom. Raises UserError for options that make no sense."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.process import Process

        if self._workerinput is None:
            return Process(self.config, Share(), None)
        return Process(self.config, share_of(self._workerinput), state_of(self._workerinput))

    @property
    def recording(self) -> Recording:
        """The single writer of the run; made, with its run folder, on first use."""
        if self._recording is None:
            # late: a pytest run without benchmarks must not pay for it
            from mmlubench.plugin.recording import Recording

            self._recording = Recording(self.config, self.process.run, len(self.process.cases))
        return self._recording

    def announce(self) -> None:
        """A benchmark is wanted: what is wrong with models, prompt or options is told before anything is collected."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.run.folder import check_parent

        self._wanted = True
        try:
            keyword.check(self.config.option.keyword, self.config.invocation_params.args)
            self.process.run.strategy.check()
            if self.is_controller and self.process.run.settings.estimate:
                raise UserError("--estimate asks nothing and needs no workers; leave -n out.")
            _ = self.process.run.roster.specs
            if not (self.config.getoption("collectonly") or self.process.run.settings.estimate):
                self.process.run.roster.open_early()
                if not self.is_worker:  # which may run on another host, and writes no run folder
                    check_parent(self.process.run.settings.run_dir)
        except UserError as error:
            raise self._usage_error(error) from None
        if self.is_controller and not self.config.getoption("collectonly"):
            # late: only a run with workers has xdist loaded
            from xdist.workermanage import parse_tx_spec_config

            workers = len(parse_tx_spec_config(self.config))
            most, started = self.process.run.settings.concurrency, self.process.run.share.started
            self.config.pluginmanager.register(
                Shards(workers, most=most, started=started), "mmlubench.shards"
            )

    def list_models(self) -> int:
        """Print the models that can be named. Returns the exit status."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.listing import model_table

        try:
            print(model_table(self.process.run.settings.models_file))
        except UserError as error:
            raise self._usage_error(error) from None
        return 0

    def cases(self, items: list[pytest.Function]) -> list[Case]:
        """The cases of a benchmark function; none if something is wrong, which is told when collection is over."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin import collect

        gc.disable()  # thousands of cases are made, and none is garbage
        try:
            return list(collect.multiply(self.process, items))
        except UserError as error:
            self.problem = self.problem or error
            return []
        finally:
            gc.enable()

    # -- hooks: from collection to the last case -----------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        """Say who is asked, and shout where nobody real is; nothing in runs that only might have a benchmark."""
        if not self.has_process:
            return []
        self._has_header = True
        how = self.process.run.strategy.notice and f"mmlubench: {self.process.run.strategy.notice}"
        lines = self.process.run.roster.header(self.process.run.strategy.heading)
        return [*lines, *filter(None, [how, *self._notices()])]

    def _notices(self) -> tuple[str, str]:
        """Whether the store was damaged, and which names of options are another plugin's; empty where all is well."""
        return self.process.run.roster.store_notice, self.config.stash[NAMES].notice()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Collection is over: tell what was wrong, or plan the look-ahead."""
        if self.problem is not None:
            items.clear()
            self._give_up(self.problem)
            return
        if not self.has_process:
            return
        self.process.plan(items)
        if self.process.run.data.empty_selection is not None and not self.process.cases:
            self._give_up(self.process.run.data.empty_selection)
            return
        if self.process.run.settings.estimate:
            self._quotes = self._quote_lines()
            items.clear()
            return
        if self.process.cases and not self.config.getoption("collectonly"):
            self._begin(items)

    def pytest_report_collectionfinish(self) -> list[str]:
        """Say where the questions come from, if some are missing there, and which tests do not look ahead."""
        return [*self.process.run.data.lines(), *self.process.slow_lines()] if self.has_process else []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """A run folder that cannot be written is told before workers are started."""
        if self.is_controller and self.config.pluginmanager.has_plugin("mmlubench.shards"):
            self._open_recording()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a case the short way where nobody would notice the difference."""
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin import fast_path
        from mmlubench.plugin.cases import Case

        if self.has_process and self.process.worker_state is not None:
            self.process.worker_state.note()
            if self.process.worker_state.says_stop:
                item.session.shouldstop = "the run was stopped"
                return True
        if not isinstance(item, Case) or not self._short_way or not fast_path.suits(item, nextitem):
            return None
        fast_path.run(item)
        return True

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The controller of workers learns from them how many cases there are."""
        if self._recording is not None:
            self._recording.progress.total = len(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record out of a report: the ledger keeps it, and no other plugin has to carry it."""
        if self.is_worker:
            if self.has_process:
                self.process.reading = None  # on its way to the controller
            return
        for name, record in report.user_properties:
            if name == PROPERTY:
                self._take(report, cast("dict[str, Any]", record))
                self.process.reading = None
        report.user_properties = [pair for pair in report.user_properties if pair[0] != PROPERTY]
        if self._recording is not None and report.when not in ("setup", "call", "teardown"):
            self._recording.crashed(report)  # xdist's own report of a crash says "???"

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """One character for each outcome, one line under -v."""
        outcome = getattr(report, "mmlubench", None)
        if outcome is None or hasattr(report, "wasxfail"):
            return None
        character, word = SIGNS[Outcome(outcome)]
        category = CATEGORIES[Outcome(outcome)][0]
        if category == "unanswered" and not isinstance(report.longrepr, str):
            category = "error"  # a mistake in the test's own code: pytest is to print its traceback
        if self._recording is not None and self._recording.progress.live:
            character = word = ""
        elif isinstance(report.longrepr, str):
            word = f"{word} ({report.longrepr})"
        return category, character, word

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """From here until everything is written, SIGTERM and Ctrl-C are ours."""
        self._session = session
        self._signals.take()

    # -- hooks: the end ------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker is done: what it asked and nobody graded is kept, what went wrong is told."""
        told = getattr(node, "workeroutput", {}).get(PROPERTY, {})
        if "problem" in told:
            self.problem = UserError(told["problem"])
        if "seen" in told:
            self.process.run.data.seen.update(told["seen"])
        self._slow.update(dict.fromkeys(told.get("slow", ())))
        self._trouble = self._trouble or told.get("trouble", "")
        if told.get("ungraded"):
            self._write(lambda recording: recording.ledger.keep(told["ungraded"]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End all requests, write what is to be written, and let a gate decide the exit status."""
        self._session = session
        lines = self._ungraded()
        if self._workerinput is not None:
            self._output.update(ungraded=lines, seen=sorted(self.process.run.data.seen))
            self._output.update(slow=self.process.slow_lines(), trouble=self._trouble)
        elif self._recording is not None:
            hear_out(session, self._signals)
            self._finish(self._recording, lines, session)
        self._signals.give_back()
        if self._quotes and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if self.problem is not None and not self.is_worker:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> Generator[None, Any, Any]:
        """Print the table; afterwards let wrong answers count as failed in pytest's closing line."""
        result = yield
        if self.problem is not None and self.is_controller:
            terminalreporter.write_line(f"ERROR: {self.problem}", red=True)
        if self._trouble and self._trouble not in stopped_for(self._session):
            terminalreporter.write_line(f"ERROR: {self._trouble}", red=True)
        untold = () if self._has_header or not self.has_process else self._notices()
        for line in filter(None, (*untold, *self._slow, *self._quotes)):
            terminalreporter.write_line(line)
        if self._recording is not None:
            self._recording.print_summary(terminalreporter)
        elif self.has_process and self.problem is None and self._found_no_case(exitstatus):
            terminalreporter.write_line(
                self.process.run.data.nothing_selected(self.config.option.keyword), yellow=True
            )
        _fold(terminalreporter)
        return result

    def _take(self, report: pytest.TestReport, record: dict[str, Any]) -> None:
        if not self._write(lambda recording: recording.take(report, record)):
            stop(self._session, self._trouble)

    def _write(self, what: Callable[[Recording], object]) -> bool:
        """Whether it could be written; why not is told at the end."""
        try:
            what(self.recording)
        except OSError as error:
            kept = self.process.run.roster.has_store
            self._trouble = self._trouble or cannot_write(error, "the run folder", has_store=kept)
            return False
        return True

    def _ungraded(self) -> list[tuple[bytes, bytes]]:
        """End all requests; the log lines of what was asked and not graded."""
        if not self.has_process:
            return []
        played = self.process.close(0.0 if self._signals.hurry else DRAIN_S)
        try:
            self.process.run.roster.close_store()
        except StoreError as error:
            self._trouble = self._trouble or str(error)
        asked = (p.journal for p in played if p.journal.requests)
        return [(b"".join(journal.requests), b"".join(journal.responses)) for journal in asked]

    def _finish(
        self, recording: Recording, ungraded: list[tuple[bytes, bytes]], session: pytest.Session
    ) -> None:
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.recording import exit_status

        self._write(lambda recording: recording.ledger.keep(ungraded))
        if recording.ledger.is_blank:  # made before the workers were, and they found nothing to do
            self._write(lambda recording: recording.ledger.discard())
            self._recording = None
            return
        self._write(lambda recording: recording.finish())
        session.exitstatus = exit_status(session, recording.ledger)
        if self._trouble and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = pytest.ExitCode.INTERRUPTED  # not what answers decide

    def _quote_lines(self) -> list[str]:
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.run.estimate import quote_lines

        unknown = sum(case.question is None for case in self.process.cases)
        # What a test of the user's own will ask shows only when it runs.
        told = f"not estimated: {several(unknown, 'case')} of tests that ask a model by themselves, as dialogues do"
        return [*quote_lines(self.process.run), *([told] if unknown else ())]

    def _found_no_case(self, exitstatus: int) -> bool:
        """Whether no case ran and that must be said: nothing ran at all, or a benchmark was wanted and others ran."""
        if self.is_controller:  # it collects nothing itself
            return exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return self._wanted and not self.process.cases
        return exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not self.process.cases

    @cached_property
    def _short_way(self) -> bool:
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin import fast_path

        return fast_path.is_open(self.config)

    @property
    def has_process(self) -> bool:
        """Whether a benchmark, or an option of ours, has been seen."""
        return "process" in self.__dict__

    @property
    def _output(self) -> dict[str, Any]:
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]  # xdist's
        return output.setdefault(PROPERTY, {})  # type: ignore[no-any-return]

    def _begin(self, items: list[pytest.Item]) -> None:
        """Make what a run needs: from here on there is something to ask."""
        try:
            _ = self.process.run.roster.store
            self.process.settle_scoring()
        except UserError as error:
            items.clear()
            self._give_up(error)
            return
        if not self.is_worker:
            self._open_recording()
            if len(items) > len(self.process.cases):
                self.recording.progress.give_way()

    def _open_recording(self) -> None:
        try:
            recording = self.recording
        except UserError as error:
            raise self._usage_error(error) from None
        self.process.on_tick = recording.tick

    def _usage_error(self, problem: UserError) -> pytest.UsageError:
        return pytest.UsageError(self.config.stash[NAMES].spelled(str(problem)))

    def _give_up(self, problem: UserError) -> None:
        if not self.is_worker:
            raise self._usage_error(problem)
        self._output["problem"] = str(problem)


def _fold(reporter: pytest.TerminalReporter) -> None:
    """Count our outcomes as failed or error in pytest's closing line.

    Not earlier: pytest prints a section and a summary line for each failure, and there may be thousands.
    """
    for category, pytests in CATEGORIES.values():
        if pytests and category in reporter.stats:
            reporter._add_stats(pytests, reporter.stats.pop(category))
