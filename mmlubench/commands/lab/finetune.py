"""The command `mmlubench lab finetune`: train on one side of a split, and leave an adapter or a model to benchmark."""

from __future__ import annotations

from pathlib import Path

import click

from mmlubench.commands.runs import errors_as_messages, print_text


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--resume",
    is_flag=True,
    help="Insist on a checkpoint to go on from; where there is one, it is used anyway.",
)
def finetune(config: Path, resume: bool) -> None:
    """Fine-tune a model as the file CONFIG says, on the train side of a split.

    Everything is written to outputs/NAME. The same command goes on from the last checkpoint of a training that was
    interrupted.
    """
    with errors_as_messages():
        # late: `mmlubench --help` and the other commands need none of it
        from mmlubench.lab.finetune.config import read_config
        from mmlubench.lab.finetune.finetune import Seams
        from mmlubench.lab.finetune.finetune import finetune as train

        trained = train(read_config(config), Seams(say=print_text), resume=resume)
    print_text(f"saved to {trained.folder}")
