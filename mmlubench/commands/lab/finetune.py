"""The command `mmlubench lab finetune`: train on one side of a split, and leave an adapter or a model to benchmark."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from mmlubench.commands.runs import errors_as_messages, print_text

if TYPE_CHECKING:
    from mmlubench.lab.finetune.trackers import Tracker

#: The exit status of a command that was interrupted, as shells count it.
_INTERRUPTED = 130


@click.command()
@click.argument("config")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change a key of CONFIG; repeatable."
)
@click.option(
    "--report-to",
    "tracker",
    type=click.Choice(["wandb", "trackio", "none"]),
    default="none",
    show_default=True,
    help="The tracker; on this machine alone unless it finds a key or WANDB_MODE, TRACKIO_SPACE_ID is set.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show settings, counts, the first row, memory and time; train nothing."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Insist on a checkpoint to go on from; where there is one, it is used anyway.",
)
@click.option("--show", is_flag=True, help="Print the file of CONFIG, as one to begin with, and do nothing.")
def finetune(
    config: str, changes: tuple[str, ...], tracker: Tracker, dry_run: bool, resume: bool, show: bool
) -> None:
    """Fine-tune a model as CONFIG says, on the train side of a split.

    CONFIG is a YAML file, or the name of a packaged one: flan_t5_base_de_fr, gemma_2_2b_qlora_de_fr. Everything is
    written to outputs/NAME. The same command goes on from the last checkpoint of a training that was interrupted.
    """
    with errors_as_messages():
        # late: `mmlubench --help` and the other commands need none of it
        from mmlubench.lab.finetune import finetune as training
        from mmlubench.lab.finetune.guided import guided
        from mmlubench.lab.finetune.packaged import find, read
        from mmlubench.lab.finetune.training import Stopped

        if show:
            print_text(find(config).read_text("utf-8").rstrip())
            return
        seams = guided(tracker, _say)
        if dry_run:
            training.prepared(read(config, changes), seams)
            print_text("dry run: nothing was trained")
        else:
            try:
                training.finetune(read(config, changes), seams, resume=resume)
            except Stopped as stopped:  # as its user asked: no error
                print_text(str(stopped))
                raise SystemExit(_INTERRUPTED) from None


def _say(line: str) -> None:
    """Print a line, broken between words where it is longer than a terminal is wide; a command to copy stays whole."""
    if sys.stdout.isatty() and not line.startswith(" "):
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(
            line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    print_text(line)
