"""The loop over the tests of a session: it runs cases of the fast path without pytest's protocol around each of them.

pytest wraps each test into a recorder of warnings, a printer of assertions and others, for which it spends 20 µs. For
cases in a row they are entered once. Whatever else is to run takes pytest's own protocol.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.plugin.fast_path import only_harmless
from mmlubench.plugin.private_pytest import protocol_of

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case
    from mmlubench.plugin.fast_path import FastPath

#: The implementers of the loop besides pytest's own that only wrap it, or only look on.
_LOOKING_ON = frozenset(["main", "terminalreporter", "logging-plugin", "mmlubench.session"])


def is_ours(session: pytest.Session) -> bool:
    """Whether the loop is pytest's own, has something to do, and no plugin would notice that another one runs."""
    config = session.config
    times_out = config.pluginmanager.has_plugin("faulthandler") and config.getini("faulthandler_timeout")
    return (
        not config.getoption("collectonly")
        and not session.testsfailed  # errors of the collection, which pytest reports itself
        and not float(times_out or 0)
        and all(impl.plugin_name in _LOOKING_ON for impl in config.hook.pytest_runtestloop.get_hookimpls())
        and only_harmless(config, ["pytest_assertion_pass"])
    )


def run(session: pytest.Session, path: FastPath) -> None:
    """Run all tests as `pytest_runtestloop` of pytest does. Raises what it raises."""
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.cases import Case

    row = _Row(session.config)
    try:
        for number, item in enumerate(session.items):
            nextitem = session.items[number + 1] if number + 1 < len(session.items) else None
            if isinstance(item, Case) and path.suits_in_row(item, nextitem):
                row.run(item, path)
            else:
                row.leave()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
    finally:
        row.leave()


class _Row:
    """The context of pytest's protocol around several cases in a row: warnings are told with the case they came in."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records = config.pluginmanager.has_plugin("warnings")
        self._outer, self._inner = ExitStack(), ExitStack()
        self._entered = False
        self._warned: list[warnings.WarningMessage] = []

    def run(self, case: Case, path: FastPath) -> None:
        """Run one more case in the context."""
        if not self._entered:
            self._entered = True
            self._outer.enter_context(protocol_of(self._config))
            self._record()
        try:
            path.run(case)
        finally:
            if self._warned:
                self._tell(case)

    def leave(self) -> None:
        """Leave the context, if it was entered."""
        self._entered = False
        self._inner.close()
        self._outer.close()

    def _tell(self, case: Case) -> None:
        told = self._warned
        self._inner.close()
        self._record()  # anew, as Python tells a repeated warning once to each recorder
        for message in told:
            values: dict[str, Any] = {"when": "runtest", "nodeid": case.nodeid, "location": None}
            case.ihook.pytest_warning_recorded.call_historic(kwargs={"warning_message": message, **values})

    def _record(self) -> None:
        if self._records:
            self._warned = self._inner.enter_context(warnings.catch_warnings(record=True))
