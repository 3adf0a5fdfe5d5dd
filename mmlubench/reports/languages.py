"""The table of languages: a line each, with the accuracy of every category beside it where there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmlubench import figures

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Wider than any table, in columns.
_WIDEST = 10_000


def language_table(languages: Mapping[str, Mapping[str, Any]], console: Console) -> Table:
    """Lay out the `languages` of an entry of `summary.json`; without categories where they would not fit."""
    categories = sorted({name for language in languages.values() for name in language["categories"]})
    wide = _table(languages, categories)
    anywhere = console.options.update(width=_WIDEST)  # measured for this console, it would always just fit
    fits = console.measure(wide, options=anywhere).maximum <= console.width
    return wide if fits else _table(languages, [])


def _table(languages: Mapping[str, Mapping[str, Any]], categories: list[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("language", no_wrap=True)
    for heading in ("n", "accuracy", "95 % interval", *categories):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, values in languages.items():
        known = values["accuracy"] is not None
        table.add_row(
            name,
            f"{values['answered']:,}",
            figures.share(values["accuracy"]),
            figures.interval(values["ci95"]) if known else figures.DASH,
            *(_accuracy(values["categories"].get(category)) for category in categories),
        )
    return table


def _accuracy(values: Mapping[str, Any] | None) -> str:
    return figures.share(values["accuracy"] if values else None)
