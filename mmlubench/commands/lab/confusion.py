"""`mmlubench lab confusion`: which letter a model answers where another one is right."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from mmlubench.commands.runs import about_run, errors_as_messages, print_text
from mmlubench.errors import UserError

_WIDTH = 80


@click.command()
@about_run
@click.option("--json", "as_json", is_flag=True, help="Print counts and shares as JSON.")
def confusion(run: str, parent: Path, as_json: bool) -> None:
    """Show for RUN which letters each model answers, by the right letter, and how often each letter is right.

    RUN is a run folder, the id of a run, or latest; RUN:MODEL takes one model of it.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.jsonl import pretty
    from mmlubench.lab.confusion import cautions, confusions, parts
    from mmlubench.reports.compare.terminal import terminal
    from mmlubench.run.archive import RunArchive
    from mmlubench.run.results import split_name

    with errors_as_messages():
        folder, model = split_name(run, parent)
        archive = RunArchive(folder)
        found = confusions(archive.entries())
        doubts = {id(one): cautions(one, archive.state, archive.summary) for one in found}
        chosen = [one for one in found if model in ("", one.model)]
        if not chosen:
            known = ", ".join(dict.fromkeys(one.model for one in found)) or "no case"
            raise UserError(f"{run}: the run has {known}; name one of its models, or none for all.")
    if as_json:
        told = [{**one.to_dict(), "warnings": doubts[id(one)]} for one in chosen]
        print_text(pretty({"confusions": told}).rstrip("\n"))
        return
    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for one in chosen:
        for line in terminal(parts(one, width, doubts[id(one)]), width, color=color, ascii=not is_utf8):
            print_text(line)
