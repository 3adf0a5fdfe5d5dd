"""The gates that decide the exit status in CI: `--min-accuracy`, with certainty if wanted, and `--max-regression`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmlubench.run.stopping import Stopping
from mmlubench.settings import Settings
from mmlubench.stats.compare.distributions import z_quantile
from mmlubench.stats.intervals import wilson
from mmlubench.stats.sequential import Verdict as Early
from mmlubench.stats.summary import Summary

if TYPE_CHECKING:
    from mmlubench.run.regression import Regression
    from mmlubench.stats.compare.result import Result


class Verdict(NamedTuple):
    """The verdict of a gate on one benchmark and model."""

    passed: bool
    text: str


class Gate:
    """Passes if every benchmark and model is good enough. Raises UserError for a baseline that cannot be read."""

    def __init__(self, settings: Settings, stopping: Stopping) -> None:
        self._stopping = stopping
        self._least = settings.min_accuracy
        self._confidence = settings.gate_confidence
        self.regression: Regression | None = None
        """The comparison with the baseline; None without one."""
        if settings.baseline is not None:
            # late: few runs have a baseline
            from mmlubench.run.regression import Regression

            self.regression = Regression(settings.baseline, Path(settings.run_dir), settings.max_regression)
        self._verdicts: list[Verdict] | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any gate."""
        return self._least is not None or (self.regression is not None and self.regression.is_gate)

    def verdicts(
        self, summaries: Iterable[Summary], results: Callable[[], Iterable[Result]]
    ) -> list[Verdict]:
        """Return a verdict for each gate, benchmark and model, computed once; none without a gate.

        `results` returns those of the summaries.
        """
        if self._verdicts is None:
            least = self._least
            found = [] if least is None else [self._verdict(summary, least) for summary in summaries]
            if self.regression is not None and self.regression.is_gate:
                found += [Verdict(*self.regression.verdict(one)) for one in results()]
            self._verdicts = found
        return self._verdicts

    def passes(self, verdicts: Sequence[Verdict], *, failed: int, failed_cases: int, finished: bool) -> bool:
        """Whether the run is a success. A gate replaces the verdict on answers only: other failures stay failures.

        `failed` counts all failed tests, `failed_cases` the cases among them. `finished` says that no selected case is
        missing: cases beyond the budget are skipped, which pytest counts as success.
        """
        if not self.is_set:
            return finished and not failed
        return finished and failed <= failed_cases and all(verdict.passed for verdict in verdicts)

    def _verdict(self, summary: Summary, least: float) -> Verdict:
        who, accuracy = f"{summary.benchmark} {summary.model}", summary.accuracy
        if not summary.headline or accuracy is None:
            return Verdict(False, f"gate failed: {who} has no headline accuracy: {summary.why_no_headline}")
        if self._stopping.decides:
            return _decided(summary, least, self._stopping)
        if self._confidence is not None:
            return _certain(summary, least, self._confidence)
        passed = accuracy >= least
        shown = f"{accuracy:.4f}"
        if (float(shown) >= least) != passed:  # the rounded number would contradict the verdict
            shown = f"{accuracy:.6f}"
        word, sign = ("passed", ">=") if passed else ("failed", "<")
        return Verdict(passed, f"gate {word}: {who} accuracy {shown} {sign} {least:g} (--min-accuracy)")


def _decided(summary: Summary, least: float, stopping: Stopping) -> Verdict:
    """Return the verdict with which the asking ended, or that of all questions."""
    accuracy, early, who = (
        summary.accuracy or 0.0,
        stopping.verdict(summary),
        f"{summary.benchmark} {summary.model}",
    )
    there, confidence = summary.drawn_from or summary.n, f"with {100 * stopping.confidence:g} % confidence"
    if early is None and summary.n < there:  # --limit left out the questions that might have decided it
        asked = f"accuracy {accuracy:.4f} of {summary.answered:,} questions"
        text = f"gate undecided: {who} {asked} does not tell, {confidence}"
        return Verdict(
            False, f"{text}, whether that of all {there:,} reaches {least:g} (--min-accuracy, --decide-early)"
        )
    passed = accuracy >= least if early is None else early is Early.PASSES
    word, sign = ("passed", ">=") if passed else ("failed", "<")
    text = f"gate {word}: {who} accuracy {sign} {least:g} (--min-accuracy)"
    if early is None or not summary.saved:
        return Verdict(passed, f"{text}: {accuracy:.4f}; no fewer than all questions decided it")
    certain = f"{confidence}, after {summary.answered:,} of"
    return Verdict(passed, f"{text} in all {there:,} questions, {certain} them (--decide-early)")


def _certain(summary: Summary, least: float, confidence: float) -> Verdict:
    """Pass if the lower bound of the accuracy reaches the gate, fail if the upper one does not, else stay undecided."""
    low, high = one_sided_bounds(summary, confidence)
    accuracy = summary.accuracy or 0.0
    which, at = f"one-sided {100 * confidence:g} % bound", f"(--min-accuracy {least:g})"
    who = f"{summary.benchmark} {summary.model} accuracy {accuracy:.4f}"
    if low >= least:
        return Verdict(True, f"gate passed: {who}, {which} {low:.4f} {at}")
    if high < least:
        return Verdict(False, f"gate failed: {who}, {which} {high:.4f} {at}")
    more = more_questions(summary, least, confidence)
    needed = "no number of questions would decide it" if more is None else f"about {more:,} more questions"
    return Verdict(
        False, f"gate undecided: {who}, {which}s {low:.4f} and {high:.4f} {at}: {needed} (--gate-confidence)"
    )


def one_sided_bounds(summary: Summary, confidence: float) -> tuple[float, float]:
    """Return the lower and the upper bound that the accuracy keeps with this probability each.

    They are the ends of Wilson's interval for right and wrong answers, and of the normal one for scores and for
    translations, of which a question's are one cluster; they speak of any questions like these.
    """
    accuracy, n = summary.accuracy or 0.0, summary.answered
    points, error = accuracy * n, summary.standard_error
    if _is_binary(summary) or not error:
        return wilson(min(points, n), n, 2 * confidence - 1)
    half = z_quantile(confidence) * error
    return accuracy - half, accuracy + half


def more_questions(summary: Summary, least: float, confidence: float) -> int | None:
    """Return about how many more questions would decide the gate at this accuracy; None if none would.

    Wilson's bound reaches p0 when (p - p0)/sqrt(p0·(1 - p0)/n) reaches z: it is the inverse of that test.
    """
    accuracy, n, error = summary.accuracy or 0.0, summary.answered, summary.standard_error
    away = abs(accuracy - least)
    if not away:
        return None
    deviation = sqrt(least * (1 - least)) if _is_binary(summary) or not error else error * sqrt(n)
    return max(1, ceil((z_quantile(confidence) * deviation / away) ** 2) - n)


def _is_binary(summary: Summary) -> bool:
    points = (summary.accuracy or 0.0) * summary.answered
    return len(summary.languages) < 2 and abs(points - summary.total.correct) < 1e-6
