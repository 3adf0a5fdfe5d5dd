"""What pytest's terminal shows of a case: a character for its outcome, a line under -v, a place in the closing line."""

from __future__ import annotations

import pytest

from mmlubench.plugin.private_pytest import count_as
from mmlubench.schema import Outcome

#: A character, and a word under -v.
_SIGNS = {
    Outcome.CORRECT: (".", "CORRECT"),
    Outcome.WRONG: ("w", "WRONG"),
    Outcome.UNPARSED: ("u", "UNPARSED"),
    Outcome.TRUNCATED: ("t", "TRUNCATED"),
    Outcome.REFUSED: ("r", "REFUSED"),
    Outcome.ERROR: ("E", "ERROR"),
    Outcome.SKIPPED: ("s", "SKIPPED"),
}

#: Under which name pytest's terminal keeps the reports, and which of its own names they count as at the end.
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
    """Category, character and word of a case's report; None where the report is no case's, or pytest's own are right.

    With a `live` progress line there is neither character nor word.
    """
    name = getattr(report, "mmlubench", None)
    if name is None or hasattr(report, "wasxfail"):
        return None
    outcome = Outcome(name)
    character, word = _SIGNS[outcome]
    category = _CATEGORIES[outcome][0]
    if category == "unanswered" and not isinstance(report.longrepr, str):
        category = "error"  # a mistake in the test's own code: pytest is to print its traceback
    if live:
        return category, "", ""
    if isinstance(report.longrepr, str):
        word = f"{word} ({report.longrepr})"
    return category, character, word


def count_outcomes(reporter: pytest.TerminalReporter) -> None:
    """Count our outcomes as failed or error in pytest's closing line.

    Not earlier: pytest prints a section and a summary line for each failure, and there may be thousands.
    """
    for category, counted_as in _CATEGORIES.values():
        if counted_as:
            count_as(reporter, category, counted_as)
