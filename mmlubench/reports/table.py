"""The table of categories and subjects, laid out by rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from mmlubench import figures
from mmlubench.printable import printable
from mmlubench.stats.score import Score
from mmlubench.stats.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

#: Below this number of answers the accuracy of a subject is mostly chance.
FEW = 10
#: A table with at most this number of rows is not split into two columns.
SHORT = 20


class Row(NamedTuple):
    """One row of the table."""

    name: str
    score: Score
    is_category: bool


def too_few(summary: Summary) -> bool:
    """Whether every subject has so few answers that its figures would mislead."""
    return all(subject.answered < FEW for subject in summary.subjects.values())


def blocks(summary: Summary) -> list[list[Row]]:
    """Return a block of rows for each category: the category, then its subjects unless they have too few answers."""
    few = too_few(summary)
    return [
        # It has no name where a worker crashed before any other case of its subjects.
        [Row(category or "(none)", score, True), *(() if few else _within(category, summary))]
        for category, score in summary.categories.items()
    ]


def _within(category: str, summary: Summary) -> Iterable[Row]:
    # A category that is its only subject, as in MMLU-Pro, needs no second row.
    return (
        Row(f"  {name}", score, False)
        for name, score in summary.subjects.items()
        if summary.category_of[name] == category and name != category
    )


def layout(summary: Summary, console: Console) -> RenderableType:
    """Return the table, split into two columns if they fit side by side."""
    from rich.table import Table

    parts = blocks(summary)
    whole = _table(parts)
    cut = _best_cut(parts)
    pair = [_table(parts[:cut]), _table(parts[cut:])]
    gap = 6
    wide = sum(console.measure(part).maximum for part in pair) + gap <= console.width
    if len(parts) < 2 or whole.row_count <= SHORT or not wide:
        return whole
    grid = Table.grid(padding=(0, gap, 0, 0), pad_edge=False)
    grid.add_row(*pair)
    return grid


def _best_cut(parts: Sequence[Sequence[Row]]) -> int:
    """Return the number of blocks in the first column for which the longer column is shortest."""
    sizes = [len(part) for part in parts]
    return min(range(1, len(parts) + 1), key=lambda cut: max(sum(sizes[:cut]), sum(sizes[cut:])))


def _table(parts: Sequence[Sequence[Row]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column(_name("category" if _only_categories(parts) else "category and subject"))
    for heading in ("n", "accuracy", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in chain.from_iterable(parts):
        table.add_row(*_cells(row), style="bold" if row.is_category else None)
    return table


def _only_categories(parts: Sequence[Sequence[Row]]) -> bool:
    return all(len(part) == 1 for part in parts)


def _cells(row: Row) -> tuple[Text, str, str, str]:
    score = row.score
    interval = figures.DASH if score.accuracy is None else figures.interval(score.ci95)
    return _name(row.name), f"{score.answered:,}", figures.share(score.accuracy), interval


def _name(text: str) -> Text:
    from rich.text import Text

    # On a narrow terminal names are cut, but never figures, as rich narrows only columns that may wrap.
    return Text(printable(text).replace("\n", " "), no_wrap=True, overflow="ellipsis")
