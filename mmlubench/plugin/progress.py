"""The progress line: rewritten in place in a terminal, printed every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from mmlubench.figures import dollars
from mmlubench.plugin.private_pytest import end_line, width_of
from mmlubench.printable import printable
from mmlubench.schema import Outcome
from mmlubench.stats import Tally

#: Seconds between two progress lines that are printed one below the other.
_QUIET_EVERY_S = 10.0
#: Seconds between two updates of a line that is rewritten in place.
_LIVE_EVERY_S = 0.2


class Progress:
    """The progress line: counts results and shows how far the run is."""

    def __init__(self, reporter: pytest.TerminalReporter | None, total: int) -> None:
        self.tally = Tally()
        self.total = total
        self._reporter = reporter
        self._started = time.monotonic()
        self._requests = 0
        self._spent_usd = 0.0
        self.waiting = ""
        """What requests wait for, in words; empty if none waits."""
        self.why = ""
        """The latest failure of those that wait, in the words of the server."""
        self.live = bool(reporter) and _can_overwrite(reporter)
        self._next = self._started + (0.0 if self.live else _QUIET_EVERY_S)
        self._shown = False
        if self.live and reporter is not None:
            reporter.showfspath = False  # pytest would print file names into the progress line

    def give_way(self) -> None:
        """Stop rewriting the line and print one now and then, as tests that are no cases print their characters."""
        if self.live and self._reporter is not None:
            self.live, self._reporter.showfspath = False, True
            self._next = self._started + _QUIET_EVERY_S

    def add(self, outcome: Outcome, requests: int, spent_usd: float = 0.0) -> None:
        """Count one case, its requests and their cost."""
        self.tally.add(outcome)
        self._requests += requests
        self._spent_usd += spent_usd
        self.show()

    def replace(self, done: Mapping[str, int], requests: int, spent_usd: float) -> None:
        """Take the figures of a run that others ask: its cases by outcome, its requests and their cost."""
        self.tally = Tally()
        for outcome, count in done.items():
            self.tally.add(Outcome(outcome), count)
        self._requests, self._spent_usd = requests, spent_usd
        self.show()

    def show(self) -> None:
        """Show the progress, if it is time to."""
        now = time.monotonic()
        if self._reporter is None or now < self._next:
            return
        self._next = now + (_LIVE_EVERY_S if self.live else _QUIET_EVERY_S)
        self._shown = True
        text = self.text(now - self._started)
        if self.live:
            self._reporter.rewrite(_fitting(text, width_of(self._reporter) - 1), erase=True)
        else:
            end_line(self._reporter)
            self._reporter.write_line(text)
            self._reporter.flush()  # a pipe or a file would show the line minutes later

    def announce(self, line: str) -> None:
        """Print a line that stays."""
        if self._reporter is not None:
            if self.live and self._shown:
                self._reporter.rewrite("", erase=True)
            else:
                end_line(self._reporter)
            self._reporter.write_line(line)
            self._reporter.flush()

    def clear(self) -> None:
        """Erase the line, and show no more."""
        if self.live and self._shown and self._reporter is not None:
            self._reporter.rewrite("", erase=True)
        self.live = False

    def text(self, seconds: float) -> str:
        """Return the line: cases done, accuracy so far, errors, requests per second, time left."""
        tally = self.tally
        accuracy = "-" if tally.accuracy is None else f"{tally.accuracy:.3f}"
        rate = self._requests / seconds if seconds > 0 else 0.0
        left = (self.total - tally.n) * seconds / tally.n if tally.n else None
        parts = [
            f"{tally.n:,}/{self.total:,} cases",
            self.waiting,  # before the parts for which a narrow terminal may have no room
            f"accuracy {accuracy}",
            f"errors {tally.errors:,}",
            dollars(self._spent_usd) if self._spent_usd else "",
            "" if self.waiting else f"{rate:,.{0 if rate >= 10 else 1}f} requests/s",
            f"ETA {_clock(left)}",
            f"({self.why})" if self.why else "",
        ]
        return printable("  ".join(filter(None, parts)))


def _fitting(text: str, width: int) -> str:
    """Return the parts of a line that a terminal has room for: a line that wraps cannot be overwritten."""
    while len(text) > width and "  " in text:
        text = text.rpartition("  ")[0]
    return text[:width]


def _can_overwrite(reporter: pytest.TerminalReporter | None) -> bool:
    return reporter is not None and bool(reporter.isatty) and reporter.verbosity == 0 and reporter.showfspath


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
