"""Comparisons on a terminal, laid out by rich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    left_out: tuple[int, ...] = ()
    for count in range(len(grid.less) + 1):
        left_out = tuple(at for group in grid.less[:count] for at in group)
        wide = console.measure(_table(grid, left_out), options=unlimited).maximum
        spare = sum(max(0, _width(grid, at) - _NAME) for at in grid.names if at not in left_out)
        if wide - spare <= console.width:
            break
    return _table(_narrowed(grid, max(0, wide - console.width), left_out), left_out)


def _width(grid: Grid, at: int) -> int:
    """Return the columns that the names of a column take; its head may be cut anyhow."""
    from rich.cells import cell_len

    return max((cell_len(on_one_line(row[at])) for row in grid.rows), default=0)


def _narrowed(grid: Grid, excess: int, left_out: Iterable[int]) -> Grid:
    """Return a table that needs so many columns less, as far as its names and its heads can be cut.

    Heads, such as the names of models, stay as wide as the figures below them.
    """
    from rich.cells import cell_len

    there = [at for at in range(len(grid.head)) if at not in set(left_out)]
    names = {at: _width(grid, at) for at in there if at in grid.names}
    heads = {at: cell_len(on_one_line(grid.head[at])) for at in there if at not in names}
    least = {at: _LEAST if at in names else max(_LEAST, _width(grid, at)) for at in there}
    widths = _reduced(names | heads, least, excess)
    rows = [[*row] for row in grid.rows]
    for at in (at for at in names if widths[at] < names[at]):
        for row, name in zip(
            rows, shortened([on_one_line(row[at]) for row in rows], widths[at]), strict=True
        ):
            row[at] = name
    cut = [at for at in heads if widths[at] < heads[at]]
    short = shortened([on_one_line(grid.head[at]) for at in cut], min((widths[at] for at in cut), default=0))
    head = [dict(zip(cut, short, strict=True)).get(at, name) for at, name in enumerate(grid.head)]
    return replace(grid, head=head, rows=rows)


def _reduced(widths: Mapping[int, int], least: Mapping[int, int], excess: int) -> dict[int, int]:
    """Return widths that are so much less in total, always taking from the largest, and none below its least."""
    found = dict(widths)
    for _ in range(excess):
        larger = [at for at in found if found[at] > least[at]]
        if not larger:
            break
        found[max(larger, key=found.__getitem__)] -= 1
    return found


def _table(grid: Grid, left_out: Iterable[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kept = [at for at in range(len(grid.head)) if at not in set(left_out)]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for at in kept:
        # On a narrow terminal names are cut, but never figures.
        head = Text(on_one_line(grid.head[at]), no_wrap=True, overflow="ellipsis")
        made.add_column(head, justify="right" if at else "left", no_wrap=True)
    for row in grid.rows:
        cells = (Text(on_one_line(row[at]), no_wrap=True, overflow="ellipsis") for at in kept)
        made.add_row(*cells)
    return made
