"""Outcomes in pytest's terminal: a character, a word under -v, and a place in the closing line."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from mmlubench.schema import Outcome

#: The character of each outcome, and its word under -v.
_SIGNS = {
    Outcome.CORRECT: (".", "CORRECT"),
    Outcome.WRONG: ("w", "WRONG"),
    Outcome.UNPARSED: ("u", "UNPARSED"),
    Outcome.TRUNCATED: ("t", "TRUNCATED"),
    Outcome.REFUSED: ("r", "REFUSED"),
    Outcome.ERROR: ("E", "ERROR"),
    Outcome.SKIPPED: ("s", "SKIPPED"),
}

#: The outcomes that pytest itself knows; a plugin that runs a test again calls the first run by another name.
FINAL = frozenset(["passed", "failed", "skipped"])
#: The category under which pytest's terminal and other plugins count an outcome: one of pytest's own.
_CATEGORIES = {Outcome.CORRECT: "passed", Outcome.SKIPPED: "skipped", Outcome.ERROR: "error"}


def status_of(report: pytest.TestReport, *, live: bool) -> tuple[str, str, str] | None:
    """Return category, character and word of a case's report; None where those of pytest or a plugin are right.

    Beside a `live` progress line, character and word are empty.
    """
    name = getattr(report, "mmlubench", None)
    if name is None or hasattr(report, "wasxfail") or report.outcome not in FINAL:
        return None
    outcome = Outcome(name)
    if (
        outcome is Outcome.CORRECT and not report.passed
    ):  # another plugin or a strict xfail says that it failed
        return None
    character, word = _SIGNS[outcome]
    category = _CATEGORIES.get(outcome, "failed")
    if live:
        return category, "", ""
    if isinstance(report.longrepr, str):
        word = f"{word} ({report.longrepr})"
    return category, character, word


class Sections:
    """Keeps cases out of the sections of failed tests: pytest prints a section and a line for each, perhaps thousands.

    All others that print at the end of a run find them among the failed tests, where they belong. A plugin object of
    its own, as its hook is the innermost wrapper, within that of pytest.
    """

    def __init__(self) -> None:
        self._aside: dict[str, list[Any]] = {}

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, Any, Any]:
        """Called by pytest within its own sections."""
        self.put_back(terminalreporter)
        try:
            return (yield)
        finally:
            self.set_aside(terminalreporter)

    def set_aside(self, reporter: pytest.TerminalReporter) -> None:
        """Take the cases out of the failed tests."""
        for category in ("failed", "error"):
            counted = reporter.stats.get(category, [])
            ours = [report for report in counted if _needs_no_section(report)]
            if ours:
                self._aside[category] = ours
                reporter.stats[category] = [report for report in counted if not _needs_no_section(report)]

    def put_back(self, reporter: pytest.TerminalReporter) -> None:
        """Put the cases back."""
        for category, ours in self._aside.items():
            reporter.stats[category] = [*ours, *reporter.stats[category]]
        self._aside.clear()


def _needs_no_section(report: Any) -> bool:
    # An error in the test's own code has a traceback, which pytest prints.
    outcome = getattr(report, "mmlubench", Outcome.CORRECT.value)
    return outcome != Outcome.CORRECT.value and isinstance(report.longrepr, str)
