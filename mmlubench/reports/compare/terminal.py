"""Comparisons on a terminal, laid out by rich."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING

from mmlubench.printable import on_one_line
from mmlubench.reports.compare.names import shortened
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.console import console_of, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {Tone.TITLE: "bold", Tone.RESULT: "bold", Tone.CAUTION: "yellow", Tone.MOCK: "bold black on yellow"}
#: A width in columns that is larger than any table, and the narrowest that a name is cut to.
_WIDEST, _NAME = 10_000, 24
#: Below this width of names rich cuts them, and figures where it must.
_LEAST = 8


def terminal(parts: Iterable[Part], width: int, *, color: bool, ascii: bool = False) -> list[str]:
    """Return the parts as lines no wider than `width` columns; `color` and `ascii` as in `summary_lines`."""
    console = console_of(width, color=color)
    with console.capture() as capture:
        for part in parts:
            if isinstance(part, Grid):
                console.print()
                console.print(table(part, console))
                console.print()
            else:
                _say(part, console)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    lines = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return [plain(line) for line in lines] if ascii else lines


def _say(sentence: Sentence, console: Console) -> None:
    text = on_one_line(sentence.text)
    for line in wrap(text, console.width, subsequent_indent="  ", break_on_hyphens=False):
        console.print(line, style=_STYLES.get(sentence.tone), soft_wrap=True)


def fits(grid: Grid, width: int) -> bool:
    """Whether a table has room as it is."""
    console = console_of(_WIDEST, color=False)
    return console.measure(_table(grid, ())).maximum <= width


def table(grid: Grid, console: Console) -> Table:
    """Return a table that fits: first without some columns, then with names cut so that they still differ."""
    unlimited = console.options.update(width=_WIDEST)  # otherwise rich shrinks the table until it fits
    name_width = max((len(row[0]) for row in (grid.head, *grid.rows)), default=0)
    left_out: tuple[int, ...] = ()
    for count in range(len(grid.less) + 1):
        left_out = tuple(at for group in grid.less[:count] for at in group)
        wide = console.measure(_table(grid, left_out), options=unlimited).maximum
        if wide - max(0, name_width - _NAME) <= console.width:
            break
    return _table(_narrowed(grid, max(0, wide - console.width)), left_out)


def _narrowed(grid: Grid, excess: int) -> Grid:
    """Return a table that needs so many columns less for its names."""
    from rich.cells import cell_len

    names = [on_one_line(row[0]) for row in grid.rows]
    width = max(map(cell_len, names), default=0) - excess
    if not excess or width < _LEAST:
        return grid
    return replace(
        grid, rows=[[name, *row[1:]] for name, row in zip(shortened(names, width), grid.rows, strict=True)]
    )


def _table(grid: Grid, left_out: Iterable[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kept = [at for at in range(len(grid.head)) if at not in set(left_out)]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for at in kept:
        if at:
            made.add_column(on_one_line(grid.head[at]), justify="right", no_wrap=True)
        else:
            # On a narrow terminal names are cut, but never figures.
            made.add_column(Text(on_one_line(grid.head[at]), no_wrap=True, overflow="ellipsis"))
    for row in grid.rows:
        name = Text(on_one_line(row[0]), no_wrap=True, overflow="ellipsis")
        made.add_row(name, *(row[at] for at in kept if at))
    return made
