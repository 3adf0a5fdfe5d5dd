"""`mmlubench summarize`: show the figures of an experiment as tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mmlubench.commands.runs import errors_as_messages, print_text
from mmlubench.errors import UserError


@click.command()
@click.option(
    "--log-dir",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder of the experiment, OUTPUT_DIR/EXPERIMENT_ID.",
)
def summarize(folder: Path) -> None:
    """Show the summary of an experiment, ours or of another program that writes the same format."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.lines import SUMMARY, read_summary
    from mmlubench.dialogues.table import check_summary

    with errors_as_messages():
        _check(folder, SUMMARY)
        summary = read_summary(folder)
        check_summary(summary, folder)
    show(summary, str(summary.get("experiment_id") or folder.absolute().name))


def show(summary: Mapping[str, Any], experiment_id: str) -> None:
    """Print a summary in the width of the terminal, in colour if the terminal has colours."""
    from rich.console import Console

    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.table import layout

    model = summary.get("model")
    mock = "MOCK " if summary.get("mock") is True else ""
    title = f"{mock}{experiment_id}" + (f", model {model}" if isinstance(model, str) else "")
    # Names are printed without interpreting markup.
    console = Console(markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(layout(summary, title))
    lines = (line.rstrip() for line in capture.get().splitlines())
    print_text("\n".join(lines))


def _check(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise UserError(f"--log-dir {folder}: there is no such folder.")
    inner = sorted(path.parent for path in folder.glob(f"*/{name}"))
    if inner and not (folder / name).exists():
        raise UserError(
            f"--log-dir {folder}: it holds experiments; give one of them: {', '.join(map(str, inner[:5]))}."
        )
