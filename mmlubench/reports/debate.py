"""What the rounds of a debate were good for, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmlubench import figures

if TYPE_CHECKING:
    from rich.table import Table


def debate_parts(debate: Mapping[str, Any]) -> list[str]:
    """Write the `debate` of an entry of `summary.json` as parts of one line."""
    parts = [f"round {number}: {_round(one)}" for number, one in enumerate(debate["rounds"], start=1)]
    if len(parts) > 1:
        better, worse = debate["changed_for_better"], debate["changed_for_worse"]
        parts.append(f"{better:,} changed for the better, {worse:,} for the worse")
    return parts


def _round(one: Mapping[str, Any]) -> str:
    if one["agents"] == 1:  # nobody votes, and nobody can disagree
        return f"one agent {figures.share(one['accuracy'])}"
    return (
        f"vote {figures.share(one['accuracy'])}, one agent {figures.share(one['agent_accuracy'])}, "
        f"agreement {one['agreement']:.0%}"
    )


def round_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """Lay out the figures of one round, a row for each category and one for all."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("category", no_wrap=True, overflow="ellipsis")
    for heading in ("n", "vote", "95 % interval", "one agent", "agreement", "no vote"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['n']:,}",
            figures.share(row["accuracy"]),
            figures.interval(row["ci95"]),
            figures.share(row["agent_accuracy"]),
            figures.share(row["agreement"]),
            f"{row['no_vote']:,}",
        )
    return table
