"""The table that `--list-models` prints."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mmlubench.models import Row


class _Column(NamedTuple):
    title: str
    field: str
    whole: bool = False
    """Whether cells are never broken, so that names can be copied."""


_ALWAYS = (_Column("name", "name", True), _Column("model", "model", True), _Column("key", "key"))
_WHERE_THERE_IS_ROOM = (_Column("$ per M tokens in / out", "price"), _Column("description", "description"))
_GAP = 2


def model_table(models_file: str | None) -> str:
    """Return the models of models.yaml as a table: name, model, key, price, description. Raises ModelError."""
    from rich.console import Console
    from rich.table import Table

    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.models import list_models
    from mmlubench.models.names.presets import CLIENTS

    width = shutil.get_terminal_size(fallback=(200, 24)).columns  # a pipe has no width: it gets all columns
    rows = list_models(models_file=models_file, env=os.environ)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    columns = _columns_for(rows, width)
    width = max(width, _needed(columns, rows))
    for column in columns:
        table.add_column(column.title, no_wrap=column.whole, overflow="fold")
    for row in rows:
        table.add_row(*(getattr(row, column.field) for column in columns))
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
        console.print("Without an entry: provider/model-id or vllm/NAME@http://host:8000/v1", markup=False)
        console.print(f"Providers: {', '.join(CLIENTS.names())}", markup=False)
    return captured.get().rstrip()


def _columns_for(rows: Sequence[Row], width: int) -> list[_Column]:
    """Return the columns that fit into `width` characters without breaking a word, at least the first three."""
    columns = [*_ALWAYS]
    for column in _WHERE_THERE_IS_ROOM:
        if _needed([*columns, column], rows) <= width:
            columns.append(column)
    return columns


def _needed(columns: Iterable[_Column], rows: Sequence[Row]) -> int:
    return sum(_least(column, rows) + _GAP for column in columns)


def _least(column: _Column, rows: Iterable[Row]) -> int:
    """Return the smallest width of a column, in characters."""
    cells = [column.title, *(getattr(row, column.field) for row in rows)]
    return max(len(part) for cell in cells for part in ([cell] if column.whole else cell.split() or [""]))
