"""Two results, compared question by question: in all, by category and by subject."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmlubench.schema import Outcome
from mmlubench.stats.compare.common import Common, common
from mmlubench.stats.compare.many_tests import benjamini_hochberg, holm
from mmlubench.stats.compare.paired import FEW, Comparison, Pair, compare
from mmlubench.stats.compare.power import questions_for, questions_for_equivalence, smallest_difference
from mmlubench.stats.compare.result import Case, Result
from mmlubench.stats.intervals import clustered_standard_error
from mmlubench.stats.score import Score
from mmlubench.stats.tally import Tally

#: The level of tests, and the power for which numbers of questions are told.
ALPHA, POWER = 0.05, 0.8
#: The ways of clustering: questions of one subject, or translations of one question, are right or wrong together.
BY_SUBJECT, BY_QUESTION = "subject", "question"


@dataclass(frozen=True, slots=True)
class Row:
    """A category or a subject."""

    name: str
    comparison: Comparison
    p: float
    holm: float
    """Adjusted for all rows of its kind, for claims: to call all below 0.05 different errs about any in 5 % of runs."""
    listed: float
    """Adjusted by Benjamini and Hochberg, for a list to look at: of those below 0.05, 5 % are there by chance."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        told = {"p": self.p, "p_holm": self.holm, "p_benjamini_hochberg": self.listed}
        return {"name": self.name, **comparison_to_dict(self.comparison), **told}


@dataclass(frozen=True)
class TwoResults:
    """The comparison of two results: `second` minus `first`."""

    first: Result
    second: Result
    common: Common
    clustered_by: str
    """`subject`, `question` (its translations), or empty: every question is one of its own."""
    margin: float
    """The loss of accuracy that would matter."""

    @cached_property
    def total(self) -> Comparison:
        """All common questions."""
        return self._compared(self.common.ids, self.clustered_by)

    @property
    def p(self) -> float:
        """The two-sided p-value: McNemar's mid-p for single answers, that of the t distribution otherwise."""
        return self.total.test.mid_p if self.is_single else self.total.p

    @property
    def is_single(self) -> bool:
        """Whether every question is one of its own, and right or wrong, as McNemar's test and counts want it."""
        return not self.clustered_by and self.is_binary

    @cached_property
    def is_binary(self) -> bool:
        """Whether every answer is right or wrong, and none has a score between."""
        return all(case.points in (0, 1) for side in self._sides(self.common.ids) for case in side)

    @cached_property
    def scores(self) -> tuple[Score, Score]:
        """The accuracy of each on the common questions, with its 95 % interval."""
        first, second = (score_of(side, self.clustered_by) for side in self._sides(self.common.ids))
        return first, second

    @cached_property
    def categories(self) -> list[Row]:
        """The comparison of each category."""
        return self._rows(lambda case: case.category)

    @cached_property
    def subjects(self) -> list[Row]:
        """The comparison of each subject."""
        return self._rows(lambda case: case.subject)

    @property
    def by_chance(self) -> float:
        """The number of subjects that would differ at the 5 % level by chance, between equal models."""
        return ALPHA * len(self.subjects)

    @cached_property
    def flip_rate(self) -> float:
        """The share of questions that one answer of each has right in one and wrong in the other."""
        return flip_rate(*self._sides(self.common.ids))

    @cached_property
    def noise_floors(self) -> tuple[float | None, float | None]:
        """The flip rate between two repeats of each model itself; None for one that was asked once."""
        first, second = (noise_floor(side) for side in self._sides(self.common.ids))
        return first, second

    @property
    def smallest_difference(self) -> float:
        """The smallest true difference that these questions show with 80 % power."""
        return smallest_difference(self.total.n, self._variance)

    def questions_for(self, difference: float) -> int:
        """Return how many questions show such a true difference with 80 % power."""
        return questions_for(difference, self._variance)

    @property
    def questions_for_margin(self) -> int:
        """How many questions show with 80 % power that two equal models differ by less than the margin."""
        return questions_for_equivalence(self.margin, self._variance)

    @property
    def _variance(self) -> float:
        """The variance of the difference of one question: the share that differs, or what clusters make of it."""
        total = self.total
        # Where hardly any differs, the next ones may: the share that was seen is too small.
        if self.is_single and total.gained + total.lost >= FEW:
            return total.discordant
        return total.standard_error**2 * total.n

    def _rows(self, kind: Callable[[Case], str]) -> list[Row]:
        ids: dict[str, list[str]] = {}
        for key in self.common.ids:
            ids.setdefault(kind(self.first.cases[key]), []).append(key)
        # Within one subject, its questions are no cluster any more.
        clusters = clustering(self.common)
        compared = [(name, self._compared(ids[name], clusters)) for name in sorted(ids)]
        by_test = self.is_binary and not clusters
        p_values = [one.test.mid_p if by_test else one.p for _, one in compared]
        adjusted = zip(compared, p_values, holm(p_values), benjamini_hochberg(p_values), strict=True)
        return [
            Row(name, comparison, p, by_holm, listed) for (name, comparison), p, by_holm, listed in adjusted
        ]

    def _sides(self, ids: Sequence[str]) -> tuple[list[Case], list[Case]]:
        return [self.first.cases[key] for key in ids], [self.second.cases[key] for key in ids]

    def _compared(self, ids: Sequence[str], clustered_by: str) -> Comparison:
        return compare(
            Pair(one.points, other.points, (one.letter, other.letter), cluster_of(one, clustered_by))
            for one, other in zip(*self._sides(ids), strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all figures for JSON, also those of subjects that nobody would look at."""
        total, scores = self.total, zip((self.first, self.second), self.scores, strict=True)
        low, high = total.interval(0.9)
        first, second = (result_to_dict(result, score) for result, score in scores)
        return {
            "benchmark": self.first.benchmark,
            "first": first,
            "second": second,
            "questions": self.common.to_dict(),
            "notes": list(self.common.notes),
            **comparison_to_dict(total),
            "clustered_by": self.clustered_by or None,
            "p": self.p,
            "p_is": "McNemar's mid-p" if self.is_single else "by Student's t",
            "flip_rate": self.flip_rate,
            "noise_floor": dict(zip(("first", "second"), self.noise_floors, strict=True)),
            "smallest_difference_at_80_percent_power": self.smallest_difference,
            "questions_for_0.01": self.questions_for(0.01),
            "margin": {
                "margin": self.margin,
                "lower_bound_95": total.lower_bound(),
                "not_worse_p": total.not_worse_p(self.margin),
                "not_worse": total.not_worse_p(self.margin) < ALPHA,
                "ci90": [low, high],
                "equivalence_p": total.equivalence_p(self.margin),
                "equivalent": total.equivalence_p(self.margin) < ALPHA,
                "questions_for_equivalence": self.questions_for_margin,
            },
            "categories": [row.to_dict() for row in self.categories],
            "subjects": [row.to_dict() for row in self.subjects],
            "subjects_by_chance": self.by_chance,
        }


def two_results(first: Result, second: Result, *, margin: float = 0.01, cluster: str = "") -> TwoResults:
    """Compare two results on the questions that both answered. Raises CannotCompare.

    Translations of a question are a cluster; with `cluster="subject"` all questions of a subject are one.
    """
    shared = common([first, second])
    return TwoResults(first, second, shared, cluster or clustering(shared), margin)


def clustering(shared: Common) -> str:
    """Return how questions are clustered by themselves."""
    return BY_QUESTION if shared.languages > 1 else ""


def cluster_of(case: Case, clustered_by: str) -> Hashable:
    """Return the cluster of a case; None if it is one of its own."""
    if clustered_by == BY_SUBJECT:
        return case.subject
    return case.question if clustered_by == BY_QUESTION else None


def score_of(cases: Sequence[Case], clustered_by: str) -> Score:
    """Return the accuracy of cases, with the interval of their clusters."""
    tally, sums = Tally(), dict[Hashable, tuple[float, int]]()
    for case in cases:
        tally.add(Outcome.CORRECT if case.points == 1 else Outcome.WRONG, points=case.points)
        if clustered_by:
            points, count = sums.get(cluster_of(case, clustered_by), (0.0, 0))
            sums[cluster_of(case, clustered_by)] = points + case.points, count + 1
    if clustered_by:
        tally.clusters, tally.clustered_error = len(sums), clustered_standard_error(sums.values())
    return tally.score()


def noise_floor(cases: Sequence[Case]) -> float | None:
    """Return how often one of two answers of the same model is right and the other wrong; None without repeats.

    Of m answers of which r are right, r·(m-r) of m·(m-1)/2 pairs differ so; the mean over all repeated questions.
    """
    repeated = [case for case in cases if case.repeats]
    shares = (
        case.right * (case.repeats - case.right) * 2 / (case.repeats * (case.repeats - 1))
        for case in repeated
    )
    return sum(shares) / len(repeated) if repeated else None


def flip_rate(first: Sequence[Case], second: Sequence[Case]) -> float:
    """Return the share of questions that one answer of each has right in one and wrong in the other.

    For a question that was asked several times, it is the mean over all pairs of answers.
    """
    flips = 0.0
    for before, after in zip(first, second, strict=True):
        one, other = _share(before), _share(after)
        flips += one * (1 - other) + (1 - one) * other
    return flips / len(first) if first else 0.0


def _share(case: Case) -> float:
    return case.right / case.repeats if case.repeats else case.points


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the figures of a comparison for JSON."""
    names = ("n", "before", "after", "difference")
    counts = ("standard_error", "gained", "lost", "changed_but_wrong", "changed_letters", "discordant")
    return {
        **{name: getattr(comparison, name) for name in names},
        "ci95": list(comparison.interval()),
        **{name: getattr(comparison, name) for name in counts},
        "mcnemar": {"mid_p": comparison.test.mid_p, "exact": comparison.test.exact},
    }


def result_to_dict(result: Result, score: Score) -> dict[str, Any]:
    """Return a result for JSON, with its accuracy on the common questions."""
    names = ("name", "model", "recipe", "run_id", "desc", "mock", "contaminated", "why_no_headline")
    told = {name: getattr(result, name) for name in names}
    return {**told, "accuracy": score.accuracy, "ci95": list(score.ci95)}
