"""Accuracy by category and subject: a dot with its interval for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmlubench import figures
from mmlubench.reports.page.markup import EMPTY, Html, breakable, element, folded, join, table
from mmlubench.reports.page.plots import Scale, axis, dot, plot, scale_around, shares
from mmlubench.reports.page.shown import Shown
from mmlubench.stats.score import Score


def by_subject(shown: Sequence[Shown], plots: Sequence[Html]) -> Html:
    """Return `plots`, those of pairs, and then the plot of each result by itself."""
    own = [_of_one(one) for one in shown]
    if len(shown) == 1:
        return join(own)
    single = (
        folded(f"{one.benchmark} {figures.DOT} {one.name}, by itself", inner)
        for one, inner in zip(shown, own, strict=True)
        if inner
    )
    return join((*plots, *single))


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
    shown = label(name, is_group)
    return [shown, plot(scale, dot(scale, score.accuracy, score.ci95)), accuracy, ends, f"{score.answered:,}"]


def label(name: str, is_group: bool) -> Html:
    """Return the name of a row: in bold for a group, else moved in."""
    return element("b", breakable(name)) if is_group else element("span", breakable(name), class_="inner")
