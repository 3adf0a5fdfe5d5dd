"""Several results: a line each with its ranks and letters, then the pairs that differ and those that do not."""

from __future__ import annotations

from collections.abc import Iterator

from mmlubench import figures
from mmlubench.reports.compare.names import pair_name
from mmlubench.reports.compare.parts import Grid, Part, Sentence
from mmlubench.reports.compare.two import head
from mmlubench.reports.compare.words import how_clustered, percent, probability, signed, span
from mmlubench.stats.compare.several import SeveralResults

#: The most pairs that are shown one by one.
_MOST = 15
#: The most models whose accuracies by subject fit beside one another.
_SIDE_BY_SIDE = 4


def many_parts(found: SeveralResults) -> Iterator[Part]:
    """Yield the whole comparison of several results."""
    yield from head(found.results[0].benchmark, found.results, found.common.notes)
    yield _models(found)
    yield Sentence(legend(found, _MOST))
    yield pair_lines(found, _MOST)
    if len(found.results) <= _SIDE_BY_SIDE:
        yield from _broken_down(found)


def _broken_down(found: SeveralResults) -> Iterator[Part]:
    """Yield the accuracy of every model by language and by subject, where there are several."""
    for by in ("language", "subject"):
        parts = found.broken_down(by)
        if len(parts) < 2:
            continue
        names = [one.name for one in found.results]
        rows = [
            [
                part,
                f"{scores[names[0]].answered:,}",
                *(figures.share(scores[name].accuracy) for name in names),
            ]
            for part, scores in parts.items()
        ]
        yield Grid([by, "n", *names], rows)


def _models(found: SeveralResults) -> Grid:
    rows = []
    for place, one in enumerate(found.results, start=1):
        score, (best, worst) = found.scores[one.name], found.ranks[one.name]
        ranks = f"{best}" if best == worst else f"{best}{figures.DASH}{worst}"
        figures_of = [
            f"{len(found.common.ids):,}",
            figures.share(score.accuracy),
            figures.interval(score.ci95),
        ]
        rows.append([one.name, f"{place}", *figures_of, ranks, found.letters[one.name]])
    return Grid(
        ["model", "rank", "n", "accuracy", "95 % interval", "ranks", "letters"], rows, less=((2,), (1,))
    )


def legend(found: SeveralResults, most: int) -> str:
    """Return how letters, ranks and p-values are meant, and which of more than `most` pairs are shown."""
    apart, count = sum(pair.differs for pair in found.pairs), len(found.pairs)
    told = (
        f"models that share a letter cannot be told apart: {apart:,} of {figures.several(count, 'pair')} "
        f"{'differs' if apart == 1 else 'differ'} (p adjusted by Holm for all pairs, 5 %; "
        f"{how_clustered(found.clustered_by)}); ranks: 95 %, by a bootstrap over questions."
    )
    shown = (
        f" {most} pairs are shown, those that are hardest to tell apart; --json has all."
        if count > most
        else ""
    )
    return told + shown


def pair_lines(found: SeveralResults, most: int) -> Grid:
    """Return the pairs, those nearest to one another first."""
    rows = [
        [
            pair_name(pair.better.name, pair.worse.name),
            signed(pair.comparison.difference),
            span(pair.comparison.interval()),
            f"{pair.comparison.gained:,}",
            f"{pair.comparison.lost:,}",
            percent(pair.flip_rate),
            probability(pair.p),
            probability(pair.holm),
        ]
        for pair in sorted(found.pairs, key=lambda pair: -pair.p)[:most]
    ]
    head = ["pair", "difference", "95 % interval", "gained", "lost", "flips", "p", "Holm"]
    return Grid(head, rows, less=((5,), (3, 4), (6,)))
