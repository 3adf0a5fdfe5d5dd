"""`mmlubench merge`: the shards of a run as one run folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmlubench.commands.runs import errors_as_messages, print_text
from mmlubench.figures import several
from mmlubench.printable import printable

if TYPE_CHECKING:
    from mmlubench.run.merging.merge import Merged


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER ...")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="The run folder to write (default: a new one beside the folder of shards, or that of an earlier merge).",
)
def merge(folders: tuple[str, ...], to: Path | None) -> None:
    """Put the shards of a run together: the run folder is that of the run without shards.

    FOLDER is a folder of shards, such as reports/shards, a single shard, or a URL that fsspec can read, such as
    s3://bucket/shards. No model is asked and no key is needed. The exit status is that of the run without shards, gates
    included, and 1 while a shard is missing: merge again when it has come.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.run.merging.merge import merge as merge_shards

    with errors_as_messages():
        merged = merge_shards(folders, to, ["mmlubench", "merge", *folders])
    _print(merged)
    sys.exit(merged.status)


def _print(merged: Merged) -> None:
    # late, as above
    from mmlubench.reports.report import Screen, sections

    ledger = merged.ledger
    width = max(80, shutil.get_terminal_size((80, 24)).columns)
    utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    for section in sections(ledger.records, Screen(width, color=False, ascii=not utf8)):
        print_text(f" {section.title} ".center(width, "="))
        for line in (*section.lines, *section.errors):
            print_text(line)
    lines = [
        *ledger.failed_reports,
        *(verdict.text for verdict in ledger.verdicts()),
        *(
            f"{name} is left as it is: it is of a run that asked more, or of another program."
            for name in ledger.kept_files
        ),
        *ledger.exported,
    ]
    for line in lines:
        print_text(printable(line))
    for shard in merged.missing:
        print_text(f"missing: {shard.title} (--shard-id {shard.number})")
    told = ledger.records.manifest.facts["merged"]
    place = " (in place of an earlier merge)" if merged.replaced else ""
    print_text(
        f"run folder: {ledger.path}{place}: {len(told['shards'])} of {several(told['total'], 'shard')}"
    )
