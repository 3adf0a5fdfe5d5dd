"""The tables of `mmlubench summarize`: the metrics, and the result of each dialogue, laid out by rich."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmlubench.dialogues.lines import SUMMARY
from mmlubench.dialogues.metrics import EXTENDED, STANDARD
from mmlubench.errors import DataError
from mmlubench.printable import on_one_line

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table

_MOCK = "MOCK: the replies are canned; no figure here says anything about a real model."
_FEW = 10
#: The most dialogues that are all shown one by one; of more, only those that are not as expected.
_MOST = 40


def check_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Raise DataError if a summary lacks one of the three metrics."""
    for name in STANDARD:
        value = summary.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            found = "missing" if name not in summary else f"{value!r:.40}, which is no number"
            raise DataError(
                folder / SUMMARY, f"{name} is {found}; run `mmlubench grade` to see what it should be."
            )


def layout(summary: Mapping[str, Any], title: str) -> RenderableType:
    """Lay out a summary that passed `check_summary`; one by another program may have only the three metrics."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(title, style="bold"), _metrics(summary)]
    if rows := _shown(summary):
        parts += [Text(), _dialogues(rows)]
    parts += [Text(), *(Text(on_one_line(line), style=style) for line, style in _notes(summary))]
    if summary.get("mock") is True:
        parts.append(Text(_MOCK, style="bold black on yellow"))
    return Group(*parts)


def _metrics(summary: Mapping[str, Any]) -> Table:
    table = _table("metric")
    for heading in ("value", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    extended, intervals = _object(summary, "extended"), _object(summary, "ci95")
    for name in (*STANDARD, *EXTENDED):
        value = summary.get(name, extended.get(name))
        if isinstance(value, int | float):
            style = "bold" if name in STANDARD else "dim"
            table.add_row(_name(name), f"{value:.4f}", _interval(intervals.get(name)), style=style)
    return table


def _dialogues(rows: list[Mapping[str, Any]]) -> Table:
    table = _table("dialogue")
    table.add_column("kind")
    table.add_column("outcome", no_wrap=True)
    table.add_column("facts", justify="right", no_wrap=True)
    table.add_column("as expected", no_wrap=True)
    for row in rows:
        missed = bool(row.get("shortfall"))
        coverage = row.get("fact_coverage")
        table.add_row(
            _name(str(row.get("dialogue_id", ""))),
            _name(str(row.get("kind", ""))),
            on_one_line(str(row.get("outcome", ""))),
            f"{coverage:.4f}" if isinstance(coverage, int | float) else "",
            "no" if missed else "yes",
            style="red" if missed else None,
        )
    return table


def _notes(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines below the tables, with their styles."""
    outcomes = _object(summary, "outcomes")
    n, good = summary.get("n"), summary.get("as_expected")
    notes = []
    if isinstance(n, int):
        counts = "".join(f", {name} {count}" for name, count in outcomes.items())
        as_expected = f", as expected {good}" if isinstance(good, int) else ""
        notes.append((f"n {n}{counts}{as_expected}", ""))
        if n < _FEW:
            notes.append((f"With fewer than {_FEW} dialogues the intervals say more than the values.", "dim"))
    shown = _shown(summary)
    if hidden := len(_rows(summary)) - len(shown):
        notes.append((f"{SUMMARY} has {hidden:,} more dialogues.", "dim"))
    for row in shown:
        if row.get("shortfall"):
            notes.append((f"{row.get('dialogue_id')}: {row['shortfall']}.", "red"))
    if outcomes.get("truncated"):
        notes.append(("Replies were cut off by the token limit: raise max_tokens.", "yellow"))
    return notes


def _shown(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = _rows(summary)
    return rows if len(rows) <= _MOST else [row for row in rows if row.get("shortfall")][:_MOST]


def _rows(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = summary.get("dialogues")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _object(summary: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = summary.get(name)
    return value if isinstance(value, dict) else {}


def _interval(ends: Any) -> str:
    known = isinstance(ends, list) and len(ends) == 2 and all(isinstance(end, int | float) for end in ends)
    return f"{ends[0]:.4f}-{ends[1]:.4f}" if known else ""


def _table(first: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column(_name(first))
    return table


def _name(text: str) -> Any:
    from rich.text import Text

    # On a narrow terminal, names are cut, but never figures: rich narrows only columns that may wrap.
    return Text(on_one_line(text), no_wrap=True, overflow="ellipsis")
