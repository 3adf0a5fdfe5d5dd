"""`--min-accuracy`: the gate that decides the exit status in CI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mmlubench.stats.summary import Summary


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

    def passes(self, summaries: Sequence[Summary], *, failed: int, failed_cases: int, finished: bool) -> bool:
        """Whether the run is a success. Only the verdict on answers is the gate's: other failures stay failures.

        `failed` counts all tests that failed, `failed_cases` those among them that are cases; `finished` says that no
        selected case is missing: what there was no money for is skipped, which pytest itself takes for success.
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
        if (float(shown) >= least) != passed:  # rounded, it would contradict the verdict
            shown = f"{accuracy:.6f}"
        word, sign = ("passed", ">=") if passed else ("failed", "<")
        return Verdict(passed, f"gate {word}: {who} accuracy {shown} {sign} {least:g} (--min-accuracy)")
