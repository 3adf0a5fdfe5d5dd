"""The fast path of a case through pytest's run protocol: one phase and one report instead of three.

pytest's own path costs about 0.4 ms per case: three phases, each through a dozen hook wrappers, each with a report.
A case that was asked ahead of time has nothing to set up and prints nothing, so it can take the fast path, except for
the first and the last case of a module. If another plugin hooks into the phases, or is told of reports, every case
takes pytest's own path: a report of tests, for one, may count a test only when it is torn down.
"""

from __future__ import annotations

from collections.abc import Iterable
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.plugin.case_report import is_plain, report_of
from mmlubench.plugin.private_pytest import is_set_up

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case
    from mmlubench.plugin.redaction import Redaction

_PHASES = (
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_protocol",
)
#: The hooks that are told of the reports of a test, in a process that runs no test, too.
_REPORTS = ("pytest_runtest_logreport", "pytest_report_teststatus")
_REPORTS_MADE = ("pytest_runtest_makereport", "pytest_exception_interact")
#: The packages whose plugins do nothing for a case that only waits for its answer.
_HARMLESS = frozenset(["_pytest", "_hypothesis_pytestplugin", "mmlubench", "xdist"])
#: The parts of pytest that are told of every report, and need all of them.
_LISTENING = frozenset(["_pytest.junitxml"])
_WANT_PHASES = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")
_WANT_MARKS = frozenset(["skip", "skipif", "xfail", "usefixtures"])
_WANT_MARKS_IN_ROW = _WANT_MARKS | {"filterwarnings"}


def only_harmless(config: pytest.Config, hooks: Iterable[str]) -> bool:
    """Whether no plugin that could notice a case implements these hooks."""
    callers = (getattr(config.hook, hook) for hook in hooks)
    return all(_is_harmless(impl.function) for caller in callers for impl in caller.get_hookimpls())


def nobody_listens(config: pytest.Config) -> bool:
    """Whether no plugin of this process is told of reports and would miss some; the terminal needs one of a case."""
    return only_harmless(config, _REPORTS)


def _is_harmless(function: object) -> bool:
    # The function, not the name of the plugin: another terminal takes the name of pytest's own.
    module = str(getattr(function, "__module__", ""))
    return module.partition(".")[0] in _HARMLESS and module not in _LISTENING


class FastPath:
    """The fast path in one process. `redaction` masks keys in reports that other plugins do not see being made.

    `heard` says that a plugin in the controlling process is told of the reports of this worker.
    """

    def __init__(self, config: pytest.Config, redaction: Redaction, *, heard: bool) -> None:
        wanted = any(config.getoption(name, False) for name in _WANT_PHASES)
        self.is_open = not (wanted or heard) and only_harmless(config, (*_PHASES, *_REPORTS, *_REPORTS_MADE))
        """Whether no other plugin hooks into the phases of a test, or is told of its reports."""
        self._redaction = redaction
        self._parents: dict[pytest.Collector | None, tuple[frozenset[str], Any]] = {}
        """The names of the marks of each module or class, and the hooks of its tests."""

    def suits(self, case: Case, nextitem: pytest.Item | None) -> bool:
        """Whether pytest has nothing to do for this case but to run it: its module is set up, and stays so."""
        return self._suits(case, nextitem, _WANT_MARKS)

    def suits_in_row(self, case: Case, nextitem: pytest.Item | None) -> bool:
        """Whether, in addition, it can do without the protocol that pytest puts around each test."""
        return case.has_question and self._suits(case, nextitem, _WANT_MARKS_IN_ROW)

    def _suits(self, case: Case, nextitem: pytest.Item | None, wanted: frozenset[str]) -> bool:
        template, parent = case.template, case.parent
        return (
            self.is_open
            and template.looks_ahead
            and template.values is not None
            and nextitem is not None
            and nextitem.parent is parent
            and is_set_up(parent)
            and wanted.isdisjoint(self._facts_of(case)[0])
            and wanted.isdisjoint(case.own_mark_names)
        )

    def run(self, case: Case) -> None:
        """Run one case and log its report, as `_pytest.runner.runtestprotocol` does in three phases."""
        hook = self._facts_of(case)[1]
        hook.pytest_runtest_logstart(nodeid=case.nodeid, location=case.location)
        report = self._report(case, hook)
        hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=case.nodeid, location=case.location)

    def _report(self, case: Case, hook: Any) -> pytest.TestReport:
        ends = (KeyboardInterrupt, pytest.exit.Exception)
        # An error that is raised in vain costs more than the report, and leaves garbage.
        call = pytest.CallInfo.from_call(case.wait, "call", ends)
        if call.excinfo is None and is_plain(case):
            report = report_of(case, call)
            assert report is not None  # as a case that was called always has one
            return self._redaction.redacted(report)
        if call.excinfo is None:
            call.excinfo = pytest.CallInfo.from_call(case.raise_error, "call", ends).excinfo
        made: pytest.TestReport = hook.pytest_runtest_makereport(item=case, call=call)
        if call.excinfo is not None:
            # A circle of frames and error would keep all requests of a case in memory.
            clear_frames(call.excinfo.tb)
        return made

    def _facts_of(self, case: Case) -> tuple[frozenset[str], Any]:
        facts = self._parents.get(case.parent)
        if facts is None:
            marks = case.parent.iter_markers() if case.parent is not None else ()
            facts = self._parents[case.parent] = frozenset(mark.name for mark in marks), case.ihook
        return facts
