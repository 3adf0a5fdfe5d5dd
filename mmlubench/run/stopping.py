"""Stopping early: `--until` and `--decide-early` end the asking of a benchmark and model once its answers are enough.

Questions are then asked in random order, so that those that were asked are a sample of all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mmlubench.schema import ANSWERED, Entry, Outcome, untranslated
from mmlubench.settings import Settings
from mmlubench.stats.intervals import clustered_standard_error
from mmlubench.stats.sequential import Verdict, bounds, gate
from mmlubench.stats.summary import Summary
from mmlubench.stats.tally import Tally

#: A benchmark, the label of a model, and the recipe as in `schema.Entry`.
Asking = tuple[str, str, str]

#: The answered questions after which the width of the interval is looked at first, and then again each time: looked at
#: from the start, it would be narrow by chance. Sources: Y. S. Chow, H. Robbins, "On the asymptotic theory of
#: fixed-width sequential confidence intervals" (1965); J. Frey, "Fixed-width sequential confidence intervals for a
#: proportion", The American Statistician 64 (2010), pp. 242-249.
FIRST_LOOK, LOOK_EVERY = 500, 100


@dataclass
class _Answers:
    """The answers of one benchmark and model so far."""

    tally: Tally = field(default_factory=Tally)
    languages: set[str] = field(default_factory=set)
    clusters: dict[str, list[float]] = field(default_factory=dict)
    """The sum of the points and the number of answers of each question, by its name in all languages."""

    def add(self, result: Entry) -> bool:
        """Add a result; return whether it is the first answer to its question in any language."""
        self.tally.add(result.outcome, points=result.points)
        if result.outcome not in ANSWERED:
            return False
        if not result.language:
            return True
        self.languages.add(result.language)
        question = untranslated(result.id, result.language)
        cluster = self.clusters.setdefault(question, [0.0, 0])
        cluster[0] += result.points
        cluster[1] += 1
        return cluster[1] == 1

    @property
    def questions(self) -> int:
        """The number of answered questions; a question and its translations are one."""
        return len(self.clusters) or self.tally.answered

    def half_width(self, population: int | None) -> float:
        """Return half the width of the 95 % interval, as the summary will have it."""
        if len(self.languages) > 1:
            sums = [(points, int(count)) for points, count in self.clusters.values()]
            self.tally.clusters, self.tally.clustered_error = len(sums), clustered_standard_error(sums)
        low, high = self.tally.ci95_of(population)
        return (high - low) / 2


class Stopping:
    """Decides when enough was asked, in the process that writes; `enough` holds what need not be asked further."""

    def __init__(self, settings: Settings) -> None:
        self._until = settings.until
        self._least = settings.min_accuracy if settings.decide_early else None
        self._alpha = 1 - (settings.gate_confidence or 0.95)
        self._repeats = settings.epochs > 1
        self._answers: dict[Asking, _Answers] = {}
        self.enough: dict[Asking, Verdict | None] = {}
        """The verdict of the gate for each that is asked no further; None for `--until`."""
        self.on_enough: Callable[[Asking], object] = lambda asking: None
        """Called with each of them, to tell the processes that ask."""

    @property
    def is_wanted(self) -> bool:
        """Whether the run may end before all is asked."""
        return self._until is not None or self._least is not None

    @property
    def why(self) -> str:
        """The reason for which a case was not asked, in a few words."""
        if self._until is not None:
            return f"precise enough (--until {self._until:g})"
        return f"the gate is decided (--decide-early, --min-accuracy {self._least:g})"

    @property
    def notice(self) -> str:
        """A line before anything is asked; empty for a run that asks everything."""
        if self._until is not None:
            when = f"the 95 % interval of a model is at most {self._until:g} wide to each side (--until)"
            return (
                f"mmlubench: asked in random order until {when}, looked at after {FIRST_LOOK} questions and then "
                f"every {LOOK_EVERY}"
            )
        if self._least is None:
            return ""
        when = f"it is certain whether a model's accuracy reaches {self._least:g} (--decide-early)"
        return f"mmlubench: asked in random order until {when}, with {100 * self.confidence:g} % confidence"

    @property
    def caution(self) -> str:
        """What a reader of an accuracy must know where the asking ended early; empty if nothing."""
        if self._least is None:
            return ""
        return (
            "the asking ended as soon as the gate was decided, so the accuracy lies rather too far from the gate; the "
            "interval of all questions holds all the same"
        )

    @property
    def confidence(self) -> float:
        """The confidence with which a gate is decided early."""
        return 1 - self._alpha

    @property
    def decides(self) -> bool:
        """Whether it is the gate that says when enough was asked."""
        return self._least is not None

    def verdict(self, summary: Summary) -> Verdict | None:
        """Return the verdict at which the asking ended; None if it did not end early."""
        of_run, own = (
            (summary.benchmark, summary.model, ""),
            (summary.benchmark, summary.model, summary.recipe),
        )
        return self.enough.get(of_run) or self.enough.get(own)

    def interval(self, summary: Summary) -> tuple[float, float] | None:
        """Return the 95 % interval of the accuracy in all questions, as it holds after the end that was chosen.

        An interval for a fixed number of questions does not hold after a gate was decided: the asking ends where the
        accuracy is far from the gate, be it by chance. After `--until` it holds (see `FIRST_LOOK`).
        """
        if not (self.decides and summary.saved and summary.drawn_from):
            return summary.ci95_benchmark
        low, high = bounds(
            summary.total.correct, summary.answered, summary.drawn_from, alpha=min(self._alpha, 0.05)
        )
        # The bounds of all moments hold together: what was under way at the end cannot take the verdict back.
        least, early = self._least or 0.0, self.verdict(summary)
        return (max(low, least), high) if early is Verdict.PASSES else (low, min(high, least))

    def shortfall(self, summary: Summary) -> str:
        """Say that the interval is wider than `--until` wanted, as there was no more to ask; empty if it is not.

        Where every question of the benchmark has its one answer, nothing is left to chance.
        """
        is_all = summary.drawn_from is None and not self._repeats
        if self._until is None or summary.saved or not summary.answered or is_all:
            return ""
        low, high = summary.ci95_benchmark or summary.ci95
        if high - low <= 2 * self._until:
            return ""
        half = f"the interval is ±{(high - low) / 2:.3f}, and there was nothing more to ask"
        return f"--until {self._until:g} was not reached: {half}"

    def note(self, result: Entry, population: int) -> None:
        """Take one more result; `population` is the number of questions whose accuracy is asked for."""
        asking = (result.benchmark, result.model, result.recipe)
        answers = self._answers.setdefault(asking, _Answers())
        is_new = answers.add(result)
        if asking in self.enough or not is_new:
            return
        # Without an answer a question tells nothing, and is no part of the accuracy.
        population = max(answers.tally.answered, population - answers.tally.errors)
        if self._least is not None:
            self._decide(asking, answers, population, self._least)
        # The mean score of several epochs is itself an estimate, however many of the questions are asked.
        elif self._is_precise(answers, None if self._repeats else population):
            self._end(asking, None)

    def _is_precise(self, answers: _Answers, population: int | None) -> bool:
        if self._until is None or not _is_look(answers.questions):
            return False
        return answers.half_width(population) <= self._until

    def _decide(self, asking: Asking, answers: _Answers, population: int, least: float) -> None:
        tally = answers.tally
        verdict = gate(tally.outcomes[Outcome.CORRECT], tally.answered, population, least, alpha=self._alpha)
        if verdict is not Verdict.UNDECIDED:
            self._end(asking, verdict)

    def _end(self, asking: Asking, verdict: Verdict | None) -> None:
        self.enough[asking] = verdict
        self.on_enough(asking)


def _is_look(questions: int) -> bool:
    return questions >= FIRST_LOOK and (questions - FIRST_LOOK) % LOOK_EVERY == 0
