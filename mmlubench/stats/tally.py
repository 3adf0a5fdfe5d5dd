"""Counts of outcomes and what follows from them; grows as results arrive."""

from __future__ import annotations

from collections.abc import Iterable

from mmlubench.schema import ANSWERED, Entry, Outcome
from mmlubench.stats.intervals import normal, standard_error, standard_error_of_mean, wilson
from mmlubench.stats.score import Score

#: Of fewer scores the spread says little.
_FEW = 30


class Tally:
    """How many cases ended in which way: of a run so far, of a category, of a subject."""

    __slots__ = ("_squares", "clustered_error", "outcomes", "points")

    def __init__(self, results: Iterable[Entry] = ()) -> None:
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.points = 0.0
        """What the answered cases are worth together: one each that is right, unless they have scores."""
        self.clustered_error: float | None = None
        """The standard error where cases hang together, such as translations of one question."""
        self._squares = 0.0
        for result in results:
            self.add(result.outcome, points=result.points)

    def add(self, outcome: Outcome, count: int = 1, points: float | None = None) -> None:
        """Count `count` more cases that ended so, worth so many points each: 1 if right, unless told otherwise."""
        self.outcomes[outcome] += count
        worth = float(outcome is Outcome.CORRECT) if points is None else points
        if outcome in ANSWERED:
            self.points += count * worth
            self._squares += count * worth * worth

    @property
    def n(self) -> int:
        """All cases."""
        return sum(self.outcomes.values())

    @property
    def correct(self) -> int:
        """Cases answered rightly."""
        return self.outcomes[Outcome.CORRECT]

    @property
    def answered(self) -> int:
        """Cases in which the model was asked and replied: the denominator of accuracy."""
        return sum(self.outcomes[outcome] for outcome in ANSWERED)

    @property
    def errors(self) -> int:
        """Cases without a usable reply."""
        return self.outcomes[Outcome.ERROR]

    @property
    def asked(self) -> int:
        """Cases that were not skipped."""
        return self.n - self.outcomes[Outcome.SKIPPED]

    @property
    def accuracy(self) -> float | None:
        """Points per answered case, 0 to 1: the share of right answers, or the mean score; None without any."""
        return self.points / self.answered if self.answered else None

    @property
    def accuracy_strict(self) -> float | None:
        """Points per case, errors and skipped ones included; None without cases."""
        return self.points / self.n if self.n else None

    @property
    def ci95(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy: Wilson's for right and wrong, the normal one for scores and clusters.

        Few scores may be alike by chance, and seem certain: Wilson's holds for them, too, as no score from 0 to 1
        varies more than right and wrong do.
        """
        few = self.answered < _FEW or not self.standard_error
        if self.clustered_error is None and (self._is_binary or few):
            return wilson(self.points, self.answered)
        return normal(self.accuracy or 0.0, self.standard_error)

    @property
    def standard_error(self) -> float | None:
        """The standard error of the accuracy; None below two answered cases."""
        if self.clustered_error is not None:
            return self.clustered_error
        if self._is_binary:
            return standard_error(int(self.points), self.answered)
        return standard_error_of_mean(self.points, self._squares, self.answered)

    @property
    def _is_binary(self) -> bool:
        return self.points == self._squares  # only 0 and 1 are their own squares

    def score(self) -> Score:
        """Return what it amounts to now."""
        return Score(dict(self.outcomes), self.accuracy, self.ci95)
