"""`mmlubench runs`: the runs of a folder, the newest first, with label, state and figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import orjson

from mmlubench import figures
from mmlubench.commands.runs import print_text, run_dir_option
from mmlubench.records import FINISHED
from mmlubench.run.overview import Overview, overviews
from mmlubench.stats.summary import Summary

_WIDTH = 80
#: Columns for the names of benchmark and model, behind which the figures of all runs stand below one another.
_NAMES = 34


@click.command("runs")
@run_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the runs as a JSON list, with all figures.")
def list_runs(parent: Path, as_json: bool) -> None:
    """List the runs, the newest first: id, state, label, and of each model n and accuracy with its 95 % interval."""
    found = overviews(parent)
    if as_json:
        click.echo(orjson.dumps([run.to_dict() for run in found], option=orjson.OPT_INDENT_2))
    elif not found:
        click.echo(f"There is no run under {parent}; name another folder with --run-dir DIR.")
    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    for run in () if as_json else found:
        for line in _lines(run):
            print_text(_fit(line, width))


def _lines(run: Overview) -> Iterator[str]:
    if run.problem:
        yield f"{run.run_id}  cannot be read: {run.problem}"
        return
    yield "  ".join(filter(None, (run.run_id, run.state, run.desc)))
    for summary in run.summary:
        names = _fit(f"{summary.benchmark} {figures.DOT} {summary.model}", _NAMES, pad=True)
        yield f"  {names}  n = {summary.n:<7,}  {_accuracy(summary)}".rstrip()
        if not summary.headline:
            yield f"    no accuracy: {summary.why_no_headline}"
    if not run.summary:
        models = _fit(", ".join(run.models), _NAMES, pad=True)
        more = "" if run.state == FINISHED else " so far"
        yield f"  {models}  {figures.several(run.cases, 'case')}{more}"


def _accuracy(summary: Summary) -> str:
    if not summary.headline:
        return figures.DASH
    return f"{figures.share(summary.accuracy)} ({figures.interval(summary.ci95)})"


def _fit(text: str, width: int, *, pad: bool = False) -> str:
    """Cut a text to a number of columns, wide characters counted as two; what cannot be printed becomes `?`."""
    from rich.cells import cell_len, set_cell_size

    text = "".join(character if character.isprintable() else "?" for character in text)
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width) if pad else text
