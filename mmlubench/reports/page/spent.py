"""Cost and time of every result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from mmlubench import figures
from mmlubench.reports import sentences
from mmlubench.reports.page.markup import Html, table
from mmlubench.reports.page.shown import Shown
from mmlubench.stats.metrics import shown as in_words


def spent_table(shown: Sequence[Shown]) -> Html:
    """Return tokens, cost, time and pace of every result, in the words of the terminal."""
    dot = f" {figures.DOT} "
    rows = [
        [
            f"{one.benchmark} {figures.DOT} {one.name}",
            dot.join(sentences.tokens(one.summary)) or "no token counted",
            dot.join(sentences.pace(one.summary)),
        ]
        for one in shown
    ]
    return table(["result", "tokens and cost", "time"], rows, caption="Cost and time", class_="figures words")


def remarks(shown: Sequence[Shown]) -> list[str]:
    """Return what metrics say of every result, a line each, such as the agreement of repeats."""
    lines = []
    for one in shown:
        parts = list(chain.from_iterable(in_words(one.summary.metrics)))
        if parts:
            lead = f"{one.benchmark} {figures.DOT} {one.name}: " if len(shown) > 1 else ""
            lines.append(lead + f" {figures.DOT} ".join(parts))
    return lines
