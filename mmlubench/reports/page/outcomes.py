"""What became of the cases: one bar for each result, with counts and shares."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench import figures
from mmlubench.reports.page.markup import EMPTY, Html, element, table
from mmlubench.reports.page.plots import bar
from mmlubench.reports.page.shown import Shown
from mmlubench.schema import Outcome


def outcomes_table(shown: Sequence[Shown]) -> Html:
    """Return a bar for each result, and the number of cases with each outcome that occurs."""
    counts = [one.summary.total.outcomes for one in shown]
    there = [outcome for outcome in Outcome if any(each[outcome] for each in counts)]
    if not there:
        return EMPTY
    rows = []
    for one, each in zip(shown, counts, strict=True):
        total = sum(each.values())
        parts = [(outcome.value, each[outcome]) for outcome in there]
        cells = [_cell(each[outcome], total) for outcome in there]
        rows.append([f"{one.benchmark} {figures.DOT} {one.name}", bar(parts), *cells])
    keys = [element("span", outcome.value, class_=f"key {outcome.value}") for outcome in there]
    return table(
        ["result", element("span", "shares", class_="unseen"), *keys],
        rows,
        caption="Cases by outcome",
        class_="figures plotted",
    )


def _cell(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.1f} %)" if count else "0"
