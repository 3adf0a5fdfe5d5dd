"""`mmlubench lab`: explore a data set, split it, fine-tune on one side and look at what that changed."""

from __future__ import annotations

import click

from mmlubench.commands.lab.finetune import finetune
from mmlubench.commands.lab.split import split


@click.group()
def lab() -> None:
    """Explore a data set, split it, fine-tune a model on it, and measure what that changed."""


lab.add_command(finetune)
lab.add_command(split)
