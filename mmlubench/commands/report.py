"""`mmlubench report`: one page with the figures and questions of one or more runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmlubench.commands.runs import errors_as_messages, run_dir_option
from mmlubench.errors import UserError

if TYPE_CHECKING:
    from mmlubench.reports.page.shown import PageRun


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN[:MODEL] ...")
@run_dir_option
@click.option(
    "--html",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; report.html in the run folder if there is one RUN.",
)
@click.option(
    "--texts",
    type=click.Choice(["all", "wrong", "figures"]),
    help="Whose prompts and replies are on the page: all cases, those that are not right, or none "
    "(default: all, of more than 50,000 cases wrong).",
)
def report(runs: tuple[str, ...], parent: Path, file: Path | None, texts: str | None) -> None:
    """Write a page of one or more runs: figures, plots, and every question with its transcript.

    RUN is a run folder, the id of a run, or latest; RUN:MODEL takes one model of it. Results of one benchmark are
    compared with one another; what has changed is told from the first. The page is one file, which a browser opens from
    disk.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.figures import several
    from mmlubench.reports.page.document import check_file, write_file
    from mmlubench.reports.page.page import page
    from mmlubench.reports.page.report import NAME

    with errors_as_messages():
        found = _runs(runs, parent)
        if file is None:
            if len({run.path for run in found}) > 1:
                raise UserError("several runs have no folder in common: name the file, --html FILE.")
            file = found[0].path / NAME
        check_file(file)
        content = page(found, texts or "")
        write_file(file, content)
    cases = several(sum(len(run.entries) for run in found), "case")
    click.echo(f"{file}: {cases}, {len(content) / 1e6:,.1f} MB; open it with a browser.")


def _runs(names: Sequence[str], parent: Path) -> list[PageRun]:
    # late, as above
    from mmlubench.reports.page.shown import PageRun
    from mmlubench.run.archive import RunArchive
    from mmlubench.run.results import split_name

    found: dict[tuple[Path, str], PageRun] = {}
    for name in names:
        folder, model = split_name(name, parent)
        key = folder.resolve(), model
        if key in found:
            continue
        run = RunArchive(folder)
        entries = list(run.entries())
        labels = dict.fromkeys(label for entry in entries for label in (entry.model,))
        ids = {str(spec.get("model_id")) for spec in run.manifest.models.values()}
        if model and model not in labels and model not in ids:
            raise UserError(f"{name}: the run {run.run_id} has no model {model}; it has {', '.join(labels)}.")
        found[key] = PageRun(run.manifest, run.summary, entries, folder, run.state, model)
    return list(found.values())
