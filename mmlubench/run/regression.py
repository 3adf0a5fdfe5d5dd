"""The comparison of a run with its baseline, and the gate on how much worse it may be (`--max-regression`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mmlubench.run.results import PUBLISHED, baseline_of, read_baseline, read_published
from mmlubench.stats.compare.common import CannotCompare
from mmlubench.stats.compare.pair import TwoResults, two_results
from mmlubench.stats.compare.published import BesidePublished, Published, beside_published
from mmlubench.stats.compare.result import Result


class Regression:
    """A baseline, read before anything is asked. Raises UserError if it cannot be read."""

    def __init__(self, baseline: str, run_dir: Path, margin: float | None) -> None:
        self._name = baseline
        self._margin = margin
        self._published: Sequence[Published] = read_published() if baseline == PUBLISHED else ()
        self._known = [] if baseline == PUBLISHED else read_baseline(baseline, run_dir)

    @property
    def is_gate(self) -> bool:
        """Whether it decides the exit status."""
        return self._margin is not None

    def verdict(self, result: Result) -> tuple[bool, str]:
        """Return whether a loss of more than `--max-regression` is ruled out, one-sided at 95 %, and a sentence."""
        who, margin = f"{result.benchmark} {result.model}", self._margin or 0.0
        if result.why_no_headline:
            return False, f"gate failed: {who} has no headline accuracy: {result.why_no_headline}"
        try:
            pair = self._pair(result)
        except CannotCompare as error:
            return False, f"gate failed: {error}"
        bound, of = pair.total.lower_bound(), f"on {pair.total.n:,} common questions"
        told = f"difference {pair.total.difference:+.4f} {of}, one-sided 95 % bound {bound:+.4f}"
        option = f"(--max-regression {margin:g}, baseline {pair.first.run_id})"
        if bound > -margin:
            return True, f"gate passed: {who} is not worse by more than {margin:g}: {told} {option}"
        if pair.total.interval(0.9)[1] < -margin:
            return False, f"gate failed: {who} is worse by more than {margin:g}: {told} {option}"
        return False, (
            f"gate failed: that {who} is worse by more than {margin:g} is not ruled out: {told} {option}; "
            f"of equal models, about {pair.questions_for_margin:,} questions show it"
        )

    def compared(self, results: Sequence[Result]) -> Iterator[TwoResults | BesidePublished | str]:
        """Yield the comparison of each result with the baseline; a sentence for one that has none."""
        for one in results:
            try:
                yield beside_published(one, self._published) if self._name == PUBLISHED else self._pair(one)
            except CannotCompare as error:
                yield str(error)

    def _pair(self, result: Result) -> TwoResults:
        before = baseline_of(result, self._known)
        if before is None:
            found = ", ".join(f"{one.benchmark} {one.model}" for one in self._known)
            raise CannotCompare(
                f"--baseline {self._name} has {found}, and none is clearly that of {result.benchmark} "
                f"{result.model}: name one as RUN:MODEL."
            )
        second = replace(result, name=f"this run: {result.model}")
        return two_results(
            replace(before, name=f"baseline: {before.model}"), second, margin=self._margin or 0.01
        )
