"""What is shown while batches are waited for: one line, rewritten in a terminal, printed now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator

from mmlubench.batch.dispatch import State
from mmlubench.batch.rounds import Report
from mmlubench.figures import dollars, several
from mmlubench.printable import printable

#: Seconds between two lines where they are printed one below the other.
_QUIET_EVERY_S = 60.0


class Line:
    """The progress of batches on standard output."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._live = sys.stdout.isatty()
        self._shown = ""
        self._at = -_QUIET_EVERY_S

    def show(self, state: State) -> None:
        """Show how far the batches are."""
        text = text_of(state, time.monotonic() - self._started)
        if self._live:
            width = max(1, shutil.get_terminal_size().columns - 1)
            print("\r" + text[:width].ljust(min(len(self._shown), width)), end="", flush=True)
            self._shown = text
        elif text.partition("  elapsed")[0] != self._shown and time.monotonic() - self._at >= _QUIET_EVERY_S:
            self._shown, self._at = text.partition("  elapsed")[0], time.monotonic()
            print(text, flush=True)

    def tell(self, sentence: str) -> None:
        """Print a line that stays."""
        self.end()
        print(printable(f"mmlubench: {sentence}"), flush=True)

    def end(self) -> None:
        """End the line that is rewritten."""
        if self._live and self._shown:
            print("\r" + " " * len(self._shown) + "\r", end="", flush=True)
            self._shown = ""


def text_of(state: State, seconds: float) -> str:
    """Return the line: batches, requests answered and failed, time; at most 79 columns."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    failed = f"  {state.failed:,} failed" if state.failed else ""
    count = f"{state.batches} batch{'' if state.batches == 1 else 'es'}"
    text = (
        f"{count}  {state.done:,}/{state.total:,} answered{failed}  elapsed {hours}:{minutes:02}:{whole:02}"
    )
    note = f"  {state.note}" if state.note else ""
    return printable((text + note)[:79])


def told(report: Report) -> Iterator[str]:
    """Yield what came of batches, in sentences."""
    if report.found:
        yield f"found {several(report.found, 'request')} in batches that were sent before"
    if report.sent or report.found:
        cost = f" for {dollars(report.spent_usd)}" if report.spent_usd else ""
        yield f"{several(report.replies, 'reply', 'replies')} came by batch{cost}, in {several(report.rounds, 'round')}"
    if report.failed:
        yield f"{several(report.failed, 'request')} got no reply by batch"
    odd = (
        (report.unknown, "of no request of ours"),
        (report.twice, "there twice"),
        (report.unreadable, "cut off"),
    )
    if said := [f"{several(count, 'row')} {what}" for count, what in odd if count]:
        yield f"in the results: {', '.join(said)}"
    if report.why_unpaid:
        yield report.why_unpaid
    if not report.is_done and report.is_live:
        yield "batches are still under way; the same command, or `mmlubench batch collect`, goes on with them"
    elif not report.is_done:
        yield "the time was over before anything was sent; the same command sends it"
