"""A pair of results by category and subject: an arrow from the first to the second, and where it may end."""

from __future__ import annotations

from mmlubench import figures
from mmlubench.reports.compare.words import probability, signed, span
from mmlubench.reports.page.markup import EMPTY, Html, join, table
from mmlubench.reports.page.plots import Scale, arrow, arrow_heads, axis, plot, scale_around
from mmlubench.reports.page.scores import label
from mmlubench.stats.compare.pair import Row, TwoResults
from mmlubench.stats.compare.paired import Comparison

#: Fewer questions than these do not set the scale of a plot.
_FEW = 50


def pair_plot(pair: TwoResults, number: int) -> Html:
    """Return the plot of a pair; the first of a page, of number 0, brings the heads of all arrows."""
    category_of = {case.subject: case.category for case in pair.first.cases.values()}
    rows: list[tuple[Row, bool]] = []
    for category in pair.categories:
        inner = [row for row in pair.subjects if category_of.get(row.name) == category.name]
        rows.append((category, True))
        if [row.name for row in inner] != [category.name]:
            rows += [(row, False) for row in sorted(inner, key=lambda row: -row.comparison.difference)]
    if not rows:
        return EMPTY
    scale = scale_around(value for row, _ in rows for value in _values(row.comparison))
    cells = [_pair_row(row, is_group, scale) for row, is_group in rows]
    head = [
        "category and subject",
        axis(scale),
        "first",
        "second",
        "difference",
        "95 % interval",
        "n",
        "p (Holm)",
    ]
    names = f"From {pair.first.name} (first) to {pair.second.name} (second)"
    caption = f"{names}, on their common questions; grey: where the arrow may end (95 %)"
    plotted = table(head, cells, caption=caption, class_="figures plotted paired")
    return plotted if number else join((arrow_heads(), plotted))


def _pair_row(row: Row, is_group: bool, scale: Scale) -> list[str]:
    one = row.comparison
    name = label(row.name, is_group)
    return [
        name,
        plot(scale, arrow(scale, one.before, one.after, one.interval())),
        figures.share(one.before),
        figures.share(one.after),
        signed(one.difference),
        span(one.interval()),
        f"{one.n:,}",
        probability(row.holm),
    ]


def _values(one: Comparison) -> tuple[float, ...]:
    low, high = one.interval()
    few = one.n < _FEW  # of a few questions the interval is so wide that the others would be too small to see
    return (one.before, one.after) if few else (one.before, one.after, one.before + low, one.before + high)
