"""The table of languages: a line for each, with the accuracy of every category if there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.printable import printable
from mmlubench.stats.score import LanguageScore, Score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: A width in columns that is larger than any table.
_WIDEST = 10_000


def language_table(languages: Mapping[str, LanguageScore], console: Console) -> Table:
    """Return a table of all languages, without categories if these do not fit."""
    categories = sorted({name for language in languages.values() for name in language.categories})
    wide = _table(languages, categories)
    unlimited = console.options.update(width=_WIDEST)  # otherwise rich shrinks the table until it fits
    fits = console.measure(wide, options=unlimited).maximum <= console.width
    return wide if fits else _table(languages, [])


def _table(languages: Mapping[str, LanguageScore], categories: list[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("language", no_wrap=True)
    for heading in ("n", "accuracy", "95 % interval", *map(printable, categories)):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, language in languages.items():
        score = language.total
        table.add_row(
            printable(name),
            f"{score.answered:,}",
            figures.share(score.accuracy),
            figures.DASH if score.accuracy is None else figures.interval(score.ci95),
            *(_accuracy(language.categories.get(category)) for category in categories),
        )
    return table


def _accuracy(score: Score | None) -> str:
    return figures.share(score.accuracy if score else None)
