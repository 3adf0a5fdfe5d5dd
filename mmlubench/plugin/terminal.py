"""Outcomes in pytest's terminal: a character, a word under -v, and a place in the closing line."""

from __future__ import annotations

import pytest

from mmlubench.plugin.private_pytest import count_as
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

#: The category under which pytest's terminal keeps the reports of an outcome, and the one they count as at the end.
_CATEGORIES = {
    Outcome.CORRECT: ("passed", None),
    Outcome.WRONG: ("wrong", "failed"),
    Outcome.UNPARSED: ("unparsed", "failed"),
    Outcome.TRUNCATED: ("truncated", "failed"),
    Outcome.REFUSED: ("refused", "failed"),
    Outcome.ERROR: ("unanswered", "error"),
    Outcome.SKIPPED: ("skipped", None),
}


def status_of(report: pytest.TestReport, *, live: bool) -> tuple[str, str, str] | None:
    """Return category, character and word of a case's report; None where those of pytest are right.

    Beside a `live` progress line, character and word are empty.
    """
    name = getattr(report, "mmlubench", None)
    if name is None or hasattr(report, "wasxfail"):
        return None
    outcome = Outcome(name)
    character, word = _SIGNS[outcome]
    category = _CATEGORIES[outcome][0]
    if category == "unanswered" and not isinstance(report.longrepr, str):
        category = "error"  # an error in the test's own code, whose traceback pytest prints
    if live:
        return category, "", ""
    if isinstance(report.longrepr, str):
        word = f"{word} ({report.longrepr})"
    return category, character, word


def count_outcomes(reporter: pytest.TerminalReporter) -> None:
    """Count our outcomes as failed or error in pytest's closing line.

    They are not counted earlier, as pytest prints a section and a line for each failure, perhaps thousands.
    """
    for category, counted_as in _CATEGORIES.values():
        if counted_as:
            count_as(reporter, category, counted_as)
