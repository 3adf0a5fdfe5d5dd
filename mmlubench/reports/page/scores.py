"""Accuracy by category and subject: a dot with its interval for one result, an arrow for a pair of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmlubench import figures
from mmlubench.reports.compare.words import probability, signed, span
from mmlubench.reports.page.markup import EMPTY, Html, breakable, element, folded, join, table
from mmlubench.reports.page.plots import Scale, arrow, arrow_heads, axis, dot, plot, scale_around, shares
from mmlubench.reports.page.shown import Shown
from mmlubench.stats.compare.pair import Row, TwoResults
from mmlubench.stats.compare.paired import Comparison
from mmlubench.stats.score import Score

#: Fewer questions than these do not set the scale of a plot.
_FEW = 50


def by_subject(shown: Sequence[Shown], pairs: Sequence[TwoResults]) -> Html:
    """Return the plots of all results: pairs first, and then each result by itself."""
    own = [_of_one(one) for one in shown]
    if len(shown) == 1:
        return join(own)
    plots = [_of_pair(pair) for pair in pairs]
    single = (
        folded(f"{one.benchmark} {figures.DOT} {one.name}, by itself", inner)
        for one, inner in zip(shown, own, strict=True)
        if inner
    )
    return join((arrow_heads() if plots else EMPTY, *plots, *single))


def _of_one(one: Shown) -> Html:
    summary = one.summary
    name = f"{one.benchmark} {figures.DOT} {one.name}"
    languages = {language: each.total for language, each in summary.languages.items()}
    by_language = _plotted("language", [("", languages)], f"{name}, by language") if languages else EMPTY
    groups = []
    for category, score in summary.categories.items():
        within = {
            subject: each
            for subject, each in summary.subjects.items()
            if summary.category_of[subject] == category
        }
        # A category of one subject of the same name is one row.
        groups.append((category, {category: score, **within} if category else within))
    return join((by_language, _plotted("category and subject", groups, name)))


def _plotted(kind: str, groups: Sequence[tuple[str, Mapping[str, Score]]], caption: str) -> Html:
    """Return a row for each score; within a group the group's own comes first, and then the best."""
    scores = [score for _, group in groups for score in group.values() if score.answered]
    if not scores:
        return EMPTY
    scale = scale_around(end for score in scores for end in score.ci95)
    rows = []
    for own, group in groups:
        ordered = sorted(group.items(), key=lambda item: (item[0] != own, -(item[1].accuracy or 0.0)))
        rows += [_row(name, score, scale, is_group=name == own) for name, score in ordered]
    head = [kind, axis(scale), "accuracy", "95 % interval", "n"]
    return table(head, rows, caption=caption, class_="figures plotted")


def _row(name: str, score: Score, scale: Scale, *, is_group: bool) -> list[str]:
    accuracy, ends = shares(score.accuracy, score.ci95)
    label = _label(name, is_group)
    return [label, plot(scale, dot(scale, score.accuracy, score.ci95)), accuracy, ends, f"{score.answered:,}"]


def _label(name: str, is_group: bool) -> Html:
    return element("b", breakable(name)) if is_group else element("span", breakable(name), class_="inner")


def _of_pair(pair: TwoResults) -> Html:
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
    return table(head, cells, caption=caption, class_="figures plotted paired")


def _pair_row(row: Row, is_group: bool, scale: Scale) -> list[str]:
    one = row.comparison
    label = _label(row.name, is_group)
    return [
        label,
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
