"""The fast path of a case through pytest's run protocol: one phase and one report instead of three.

pytest's own path costs about 0.4 ms per case: three phases, each through a dozen hook wrappers, each with a report.
A case that was asked ahead of time has nothing to set up and prints nothing, so it can take the fast path, except for
the first and the last case of a module. If another plugin hooks into the phases, every case takes pytest's own path.
"""

from __future__ import annotations

from traceback import clear_frames
from typing import TYPE_CHECKING

import pytest

from mmlubench.plugin.private_pytest import is_set_up

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case

_PHASES = (
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_protocol",
)
#: Plugins of pytest itself, of hypothesis and ours that do nothing for a case that only waits for its answer.
_HARMLESS = frozenset(
    [
        "runner",
        "logging-plugin",
        "capturemanager",
        "skipping",
        "unraisableexception",
        "threadexception",
        "warnings",
        "assertion",
        "faulthandler",
        "unittest",
        "hypothesispytest",
        "mmlubench.session",
    ]
)
_WANT_PHASES = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")
_WANT_MARKS = ("skip", "skipif", "xfail", "usefixtures")


def is_open(config: pytest.Config) -> bool:
    """Whether no other plugin hooks into the phases of a test."""
    if any(config.getoption(name, False) for name in _WANT_PHASES):
        return False
    callers = (getattr(config.hook, phase) for phase in _PHASES)
    return all(impl.plugin_name in _HARMLESS for caller in callers for impl in caller.get_hookimpls())


def suits(case: Case, nextitem: pytest.Item | None) -> bool:
    """Whether pytest has nothing to do for this case but to run it: its module is set up, and stays so."""
    template = case.template
    return (
        template.looks_ahead
        and template.values is not None
        and nextitem is not None
        and nextitem.parent is case.parent
        and is_set_up(case.parent)
        and not any(case.get_closest_marker(mark) for mark in _WANT_MARKS)
    )


def run(case: Case) -> None:
    """Run one case and log its report, as `_pytest.runner.runtestprotocol` does in three phases."""
    hook = case.ihook
    hook.pytest_runtest_logstart(nodeid=case.nodeid, location=case.location)
    call = pytest.CallInfo.from_call(case.runtest, "call", (KeyboardInterrupt, pytest.exit.Exception))
    report = hook.pytest_runtest_makereport(item=case, call=call)
    hook.pytest_runtest_logreport(report=report)
    if call.excinfo is not None:
        clear_frames(
            call.excinfo.tb
        )  # a circle of frames and error, with all requests, for every wrong answer
    hook.pytest_runtest_logfinish(nodeid=case.nodeid, location=case.location)
