"""The table of one round of a debate, laid out by rich."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.stats.debate import RoundScore

if TYPE_CHECKING:
    from rich.table import Table


def round_table(rows: Mapping[str, RoundScore]) -> Table:
    """Return a table of the figures of one round, a row for each of `rows`."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("category", no_wrap=True, overflow="ellipsis")
    for heading in ("n", "vote", "95 % interval", "one agent", "agreement", "no vote"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row.n:,}",
            figures.share(row.round.accuracy),
            figures.interval(row.ci95),
            figures.share(row.round.agent_accuracy),
            figures.share(row.round.agreement),
            f"{row.no_vote:,}",
        )
    return table
