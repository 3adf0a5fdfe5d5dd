"""`mmlubench export`: a run in the formats that other tools read."""

from __future__ import annotations

from pathlib import Path

import click

from mmlubench.commands.runs import about_run, errors_as_messages, print_text
from mmlubench.printable import printable
from mmlubench.settings import EXPORTS

#: The most paths that are shown.
_SHOWN = 4


@click.command()
@about_run
@click.option("--to", "name", type=click.Choice(EXPORTS), required=True, help="The format.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write to, or the file of a format of one file (default: exports/FORMAT in the run folder).",
)
def export(run: str, parent: Path, name: str, out: Path | None) -> None:
    """Write RUN, a run folder, the id of a run, or latest, in a format that another tool reads.

    inspect: its logs, one for each model, for `inspect view`. lm-eval: results and samples. every-eval-ever: records
    that its validator accepts. hub: .eval_results/*.yaml for a model's repository. ctrf: a test report for CI. github:
    Markdown. wandb: an offline run, for `wandb sync`. parquet, csv: all cases as a table.

    An export takes the place of an earlier one, and of no other file.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.reports.exports.export import export as write
    from mmlubench.run.archive import open_run

    with errors_as_messages():
        paths = write(open_run(run, parent), name, out)
    for path in paths[:_SHOWN]:
        print_text(printable(str(path)))
    if len(paths) > _SHOWN:
        print_text(f"and {len(paths) - _SHOWN:,} more files")
