"""Several results: a line each with its ranks and letters, then the pairs that differ and those that do not."""

from __future__ import annotations

from collections.abc import Iterator

from mmlubench import figures
from mmlubench.reports.compare.parts import Grid, Part, Sentence
from mmlubench.reports.compare.two import head
from mmlubench.reports.compare.words import how_clustered, percent, probability, signed, span
from mmlubench.stats.compare.several import SeveralResults

#: The most pairs that are shown one by one.
_MOST = 15


def many_parts(found: SeveralResults) -> Iterator[Part]:
    """Yield the whole comparison of several results."""
    yield from head(found.results[0].benchmark, found.results, found.common.notes)
    yield _models(found)
    yield Sentence(_legend(found))
    yield pair_lines(found)
    if len(found.pairs) > _MOST:
        yield Sentence(
            f"{_MOST} of {len(found.pairs):,} pairs, those of which least is known first; --json has all of them."
        )


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
    return Grid(["model", "rank", "n", "accuracy", "95 % interval", "ranks", "letters"], rows, less=(2, 1))


def _legend(found: SeveralResults) -> str:
    apart = sum(pair.differs for pair in found.pairs)
    return (
        f"models that share a letter cannot be told apart; {apart:,} of {figures.several(len(found.pairs), 'pair')} "
        f"differ (p adjusted by Holm for all pairs, 5 %; {how_clustered(found.clustered_by)}); ranks: 95 %, by a "
        "bootstrap over questions."
    )


def pair_lines(found: SeveralResults) -> Grid:
    """Return the pairs, those nearest to one another first."""
    rows = [
        [
            f"{pair.better.name} {figures.MINUS} {pair.worse.name}",
            signed(pair.comparison.difference),
            span(pair.comparison.interval()),
            f"{pair.comparison.gained:,}",
            f"{pair.comparison.lost:,}",
            percent(pair.comparison.discordant),
            probability(pair.p),
            probability(pair.holm),
        ]
        for pair in sorted(found.pairs, key=lambda pair: -pair.holm)[:_MOST]
    ]
    head = ["pair", "difference", "95 % interval", "gained", "lost", "flips", "p", "Holm"]
    return Grid(head, rows, less=(5, 3, 4, 6))
