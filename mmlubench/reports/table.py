"""The table of categories and subjects, laid out by rich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from mmlubench import figures

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

#: Below this many answers an accuracy of a subject is mostly chance.
FEW = 10
#: A table no longer than this stays in one piece on a wide terminal.
SHORT = 20


class Row(NamedTuple):
    """One line of the table."""

    name: str
    figures: Mapping[str, Any]
    is_category: bool


def too_few(entry: Mapping[str, Any]) -> bool:
    """Tell whether every subject has so few answers that its figures would only mislead."""
    return all(subject["answered"] < FEW for subject in entry["subjects"].values())


def blocks(entry: Mapping[str, Any]) -> list[list[Row]]:
    """Make a block of rows for each category: itself, then its subjects unless they have too few answers."""
    subjects = {} if too_few(entry) else entry["subjects"]
    return [
        [Row(category, values, True), *_within(category, subjects)]
        for category, values in entry["categories"].items()
    ]


def _within(category: str, subjects: Mapping[str, Mapping[str, Any]]) -> Iterable[Row]:
    # A category that is its own only subject, as in MMLU-Pro, needs no second line.
    return (
        Row(f"  {name}", values, False)
        for name, values in subjects.items()
        if values["category"] == category and name != category
    )


def layout(entry: Mapping[str, Any], console: Console) -> RenderableType:
    """Lay the table out, in two columns where they fit side by side."""
    from rich.table import Table

    parts = blocks(entry)
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
    """After which block to cut so that the longer half is shortest."""
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
    values = row.figures
    known = values["accuracy"] is not None
    interval = figures.interval(values["ci95"]) if known else figures.DASH
    return _name(row.name), f"{values['answered']:,}", figures.share(values["accuracy"]), interval


def _name(text: str) -> Text:
    from rich.text import Text

    # On a narrow terminal names are cut, figures never: rich narrows only columns that may wrap.
    return Text(text, no_wrap=True, overflow="ellipsis")
