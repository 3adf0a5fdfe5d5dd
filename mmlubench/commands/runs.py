"""The shared parts of commands: the argument RUN, and errors shown as one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mmlubench.errors import MmluBenchError
from mmlubench.settings import Settings

_Command = Callable[..., Any]


def about_run(command: _Command) -> _Command:
    """Add to a command the argument RUN and the option `--run-dir`."""
    where = click.option(
        "--run-dir",
        "parent",
        type=click.Path(path_type=Path),
        default=Path(Settings.run_dir),
        show_default=True,
        help="The folder that holds the run folders, as in the run itself.",
    )
    return click.argument("run")(where(command))


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """A context in which an error of mmlubench ends the command with its message."""
    try:
        yield
    except MmluBenchError as error:
        raise click.ClickException(str(error)) from None
