"""The table of languages: a line each, with the accuracy of every category beside it where there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.stats.score import LanguageScore, Score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Wider than any table, in columns.
_WIDEST = 10_000


def language_table(languages: Mapping[str, LanguageScore], console: Console) -> Table:
    """Lay out the scores of all languages; without categories where they would not fit."""
    categories = sorted({name for language in languages.values() for name in language.categories})
    wide = _table(languages, categories)
    anywhere = console.options.update(width=_WIDEST)  # measured for this console, it would always just fit
    fits = console.measure(wide, options=anywhere).maximum <= console.width
    return wide if fits else _table(languages, [])


def _table(languages: Mapping[str, LanguageScore], categories: list[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("language", no_wrap=True)
    for heading in ("n", "accuracy", "95 % interval", *categories):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, language in languages.items():
        score = language.total
        table.add_row(
            name,
            f"{score.answered:,}",
            figures.share(score.accuracy),
            figures.DASH if score.accuracy is None else figures.interval(score.ci95),
            *(_accuracy(language.categories.get(category)) for category in categories),
        )
    return table


def _accuracy(score: Score | None) -> str:
    return figures.share(score.accuracy if score else None)
