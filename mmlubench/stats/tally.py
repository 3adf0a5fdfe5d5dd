"""The tally of outcomes, which grows as results arrive, and the figures computed from it."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from mmlubench.schema import ANSWERED, Entry, Outcome
from mmlubench.stats.intervals import (
    finite_population,
    normal,
    standard_error,
    standard_error_of_mean,
    wilson,
)
from mmlubench.stats.score import OutcomeCounts, Score

#: Below this number of scores their spread is not reliable.
_FEW = 30


class Tally(OutcomeCounts):
    """The number of cases with each outcome: of a run so far, of a category, or of a subject."""

    __slots__ = ("_squares", "clustered_error", "clusters", "outcomes", "points")

    def __init__(self, results: Iterable[Entry] = ()) -> None:
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.points = 0.0
        """The sum of the points of answered cases: the score of a case, else 1 if it is right."""
        self.clusters: int | None = None
        """The number of clusters of answered cases, such as translations of a question; None for independent cases."""
        self.clustered_error: float | None = None
        """The standard error for clustered cases; None below two clusters."""
        self._squares = 0.0
        for result in results:
            self.add(result.outcome, points=result.points)

    def add(self, outcome: Outcome, count: int = 1, points: float | None = None) -> None:
        """Add `count` cases with this outcome and `points` each; without `points`, 1 for a right case, else 0."""
        self.outcomes[outcome] += count
        worth = float(outcome is Outcome.CORRECT) if points is None else points
        if outcome in ANSWERED:
            self.points += count * worth
            self._squares += count * worth * worth

    @property
    def errors(self) -> int:
        """The number of cases without a usable reply."""
        return self.outcomes[Outcome.ERROR]

    @property
    def asked(self) -> int:
        """The number of cases that were not skipped."""
        return self.n - self.outcomes[Outcome.SKIPPED]

    @property
    def accuracy(self) -> float | None:
        """Points per answered case, 0 to 1: the share of right answers, or the mean score; None without answers."""
        return self.points / self.answered if self.answered else None

    @property
    def accuracy_strict(self) -> float | None:
        """Points per case, including errors and skipped cases; None without cases."""
        return self.points / self.n if self.n else None

    @property
    def ci95(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy: Wilson's for right and wrong, the normal one for scores and clusters.

        A few scores may be equal by chance and seem certain. Wilson's interval holds for them, too, as scores from 0 to
        1 vary no more than zeros and ones. A cluster counts as one score: at worst its cases are all right or wrong.
        """
        return self.ci95_of(None)

    def ci95_of(self, population: int | None) -> tuple[float, float]:
        """Compute the 95 % interval of the accuracy in a population of so many cases, of which these are a sample.

        None stands for a population without end: all questions like these. Of clusters, the share that is in the
        sample is that of the cases.
        """
        accuracy, error = self.accuracy or 0.0, self.standard_error
        n = self.answered if self.clusters is None else self.clusters
        left = 1.0 if population is None else finite_population(self.answered, population)
        if n < _FEW or not error or (self.clusters is None and self._is_binary):
            return wilson(n * accuracy if self.clusters else self.points, n, left=left)
        return normal(accuracy, error * sqrt(left))

    @property
    def standard_error(self) -> float | None:
        """The standard error of the accuracy; None below two answered cases or clusters."""
        if self.clusters is not None:
            return self.clustered_error
        if self._is_binary:
            return standard_error(int(self.points), self.answered)
        return standard_error_of_mean(self.points, self._squares, self.answered)

    @property
    def _is_binary(self) -> bool:
        return self.points == self._squares  # only 0 and 1 are their own squares

    def score(self) -> Score:
        """Return the score of all cases so far."""
        return Score(dict(self.outcomes), self.accuracy, self.ci95)
