"""`--min-accuracy`: the gate that decides the exit status in CI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from mmlubench.stats.summary import Summary

#: Exit statuses of pytest: all passed, and some failed.
_OK, _TESTS_FAILED = 0, 1


class Session(Protocol):
    """What the gate must know of a pytest session that is over."""

    exitstatus: int
    testsfailed: int


class Verdict(NamedTuple):
    """What the gate says of one benchmark and model."""

    passed: bool
    text: str


class Gate:
    """Passes when every benchmark and model has a headline accuracy of at least `least`; None is no gate."""

    def __init__(self, least: float | None) -> None:
        self._least = least

    def verdicts(self, summaries: Iterable[Summary]) -> list[Verdict]:
        """One sentence for each benchmark and model; none without a gate."""
        return [] if self._least is None else [self._verdict(summary, self._least) for summary in summaries]

    def exit_status(
        self, session: Session, summaries: Sequence[Summary], failed_cases: int, finished: bool
    ) -> int:
        """The exit status of the session, `failed_cases` cases of which failed; `finished` if none is missing.

        Only the verdict on answers is the gate's: real failures stay failures.
        """
        if session.exitstatus not in (_OK, _TESTS_FAILED) or not summaries:
            return int(session.exitstatus)
        if self._least is None:
            passed = session.exitstatus == _OK
        else:
            others_failed = session.testsfailed > failed_cases
            passed = all(verdict.passed for verdict in self.verdicts(summaries)) and not others_failed
        # What there was no money for is skipped, which pytest itself takes for success.
        return _OK if passed and finished else _TESTS_FAILED

    def _verdict(self, summary: Summary, least: float) -> Verdict:
        who, accuracy = f"{summary.benchmark} {summary.model}", summary.accuracy
        if not summary.headline or accuracy is None:
            return Verdict(False, f"gate failed: {who} has no headline accuracy: {summary.why_no_headline}")
        passed = accuracy >= least
        shown = f"{accuracy:.4f}"
        if (float(shown) >= least) != passed:  # rounded, it would contradict the verdict
            shown = f"{accuracy:.6f}"
        word, sign = ("passed", ">=") if passed else ("failed", "<")
        return Verdict(passed, f"gate {word}: {who} accuracy {shown} {sign} {least:g} (--min-accuracy)")
