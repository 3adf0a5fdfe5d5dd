"""Several results on the same questions: who differs from whom, and which ranks each may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from mmlubench.stats.compare.common import Common, common
from mmlubench.stats.compare.many_tests import holm
from mmlubench.stats.compare.pair import (
    ALPHA,
    cluster_of,
    clustering,
    comparison_to_dict,
    flip_rate,
    result_to_dict,
    score_of,
)
from mmlubench.stats.compare.paired import Comparison, Pair, compare_patterns
from mmlubench.stats.compare.ranking import compact_letters, rank_intervals
from mmlubench.stats.compare.result import Result
from mmlubench.stats.score import Score


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair: the better of two results, by accuracy, and the other."""

    better: Result
    worse: Result
    comparison: Comparison
    """The better minus the worse."""
    flip_rate: float
    p: float
    holm: float
    """Adjusted for all pairs."""

    @property
    def differs(self) -> bool:
        """Whether the two were shown to differ."""
        return self.holm < ALPHA


@dataclass(frozen=True)
class SeveralResults:
    """Three or more results; the best first."""

    results: Sequence[Result]
    common: Common
    clustered_by: str

    @cached_property
    def scores(self) -> dict[str, Score]:
        """The accuracy of each on the common questions, by name."""
        return {
            one.name: score_of([one.cases[key] for key in self.common.ids], self.clustered_by)
            for one in self.results
        }

    @cached_property
    def pairs(self) -> list[PairLine]:
        """All pairs."""
        ids = self.common.ids
        cases = {one.name: [one.cases[key] for key in ids] for one in self.results}
        points = {name: [case.points for case in row] for name, row in cases.items()}
        letters = {name: [case.letter for case in row] for name, row in cases.items()}
        binary = {0.0, 1.0} >= set().union(*points.values())
        clusters = [cluster_of(case, self.clustered_by) for case in cases[self.results[0].name]]
        found = []
        for better, worse in combinations(self.results, 2):
            a, b = worse.name, better.name
            # Counted as plain tuples: of many models there are millions of answers to pair.
            counts = Counter(
                zip(points[a], points[b], zip(letters[a], letters[b], strict=True), clusters, strict=True)
            )
            comparison = compare_patterns({Pair(*pattern): count for pattern, count in counts.items()})
            flips = comparison.discordant if binary else flip_rate(cases[a], cases[b])
            p = comparison.test.mid_p if binary and not self.clustered_by else comparison.p
            found.append((better, worse, comparison, flips, p))
        adjusted = holm([p for *_, p in found])
        return [PairLine(*pair, by_holm) for pair, by_holm in zip(found, adjusted, strict=True)]

    @cached_property
    def letters(self) -> dict[str, str]:
        """Letters by name: two results without a common letter were shown to differ."""
        differ = {(pair.better.name, pair.worse.name): pair.differs for pair in self.pairs}
        return compact_letters([one.name for one in self.results], differ)

    @cached_property
    def ranks(self) -> dict[str, tuple[int, int]]:
        """The best and the worst rank that each plausibly has (95 %), by name."""
        ids = self.common.ids
        if self.clustered_by:
            sums: dict[object, list[float]] = {}
            for key in ids:
                cluster = cluster_of(self.results[0].cases[key], self.clustered_by)
                known = sums.setdefault(cluster, [0.0] * len(self.results))
                for at, one in enumerate(self.results):
                    known[at] += one.cases[key].points
            columns = zip(*sums.values(), strict=True)
            return rank_intervals({one.name: c for one, c in zip(self.results, columns, strict=True)})
        return rank_intervals({one.name: [one.cases[key].points for key in ids] for one in self.results})

    def broken_down(self, by: str) -> dict[str, dict[str, Score]]:
        """Return the accuracies on the common questions by `language`, `category` or `subject`, and by name."""
        places: dict[str, list[str]] = {}
        for key in self.common.ids:
            places.setdefault(getattr(self.results[0].cases[key], by), []).append(key)
        clustered = "" if by == self.clustered_by else self.clustered_by
        return {
            part: {one.name: score_of([one.cases[key] for key in keys], clustered) for one in self.results}
            for part, keys in sorted(places.items())
        }

    def _by(self, part: str) -> dict[str, Any]:
        return {
            name: {
                "n": next(iter(scores.values())).answered,
                "accuracy": {who: one.accuracy for who, one in scores.items()},
            }
            for name, scores in self.broken_down(part).items()
            if name
        }

    def to_dict(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        models = [
            {
                **result_to_dict(one, self.scores[one.name]),
                "ranks95": list(self.ranks[one.name]),
                "letters": self.letters[one.name],
            }
            for one in self.results
        ]
        pairs = [
            {
                "first": pair.worse.name,
                "second": pair.better.name,
                **comparison_to_dict(pair.comparison),
                "flip_rate": pair.flip_rate,
                "p": pair.p,
                "p_holm": pair.holm,
            }
            for pair in self.pairs
        ]
        return {
            "benchmark": self.results[0].benchmark,
            "models": models,
            "questions": self.common.to_dict(),
            "notes": list(self.common.notes),
            "clustered_by": self.clustered_by or None,
            **{name: self._by(part) for name, part in _BROKEN_DOWN.items()},
            "pairs": pairs,
        }


#: The keys of figures by part in JSON, and the fields of a case that they are by.
_BROKEN_DOWN = {"languages": "language", "categories": "category", "subjects": "subject"}


def several_results(results: Sequence[Result], *, cluster: str = "") -> SeveralResults:
    """Compare results on the questions that all of them answered. Raises CannotCompare.

    `cluster` is as in `two_results`.
    """
    shared = common(results)
    points = {id(one): sum(one.cases[key].points for key in shared.ids) for one in results}
    best_first = sorted(results, key=lambda one: -points[id(one)])
    return SeveralResults(best_first, shared, cluster or clustering(shared))
