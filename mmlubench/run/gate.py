"""The gate (`--min-accuracy`), which decides the exit status in CI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mmlubench.stats.summary import Summary


class Verdict(NamedTuple):
    """The verdict of the gate on one benchmark and model."""

    passed: bool
    text: str


class Gate:
    """Passes if every benchmark and model has a headline accuracy of at least `least`; None stands for no gate."""

    def __init__(self, least: float | None) -> None:
        self._least = least

    def verdicts(self, summaries: Iterable[Summary]) -> list[Verdict]:
        """Return a verdict for each benchmark and model; none without a gate."""
        return [] if self._least is None else [self._verdict(summary, self._least) for summary in summaries]

    def passes(self, summaries: Sequence[Summary], *, failed: int, failed_cases: int, finished: bool) -> bool:
        """Whether the run is a success. The gate replaces the verdict on answers only: other failures stay failures.

        `failed` counts all failed tests, `failed_cases` the cases among them. `finished` says that no selected case is
        missing: cases beyond the budget are skipped, which pytest counts as success.
        """
        if self._least is None:
            return finished and not failed
        return finished and failed <= failed_cases and all(v.passed for v in self.verdicts(summaries))

    def _verdict(self, summary: Summary, least: float) -> Verdict:
        who, accuracy = f"{summary.benchmark} {summary.model}", summary.accuracy
        if not summary.headline or accuracy is None:
            return Verdict(False, f"gate failed: {who} has no headline accuracy: {summary.why_no_headline}")
        passed = accuracy >= least
        shown = f"{accuracy:.4f}"
        if (float(shown) >= least) != passed:  # the rounded number would contradict the verdict
            shown = f"{accuracy:.6f}"
        word, sign = ("passed", ">=") if passed else ("failed", "<")
        return Verdict(passed, f"gate {word}: {who} accuracy {shown} {sign} {least:g} (--min-accuracy)")
