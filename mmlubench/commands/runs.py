"""The shared parts of commands: the argument RUN, errors shown as one sentence, and text for any terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mmlubench.errors import MmluBenchError
from mmlubench.settings import Settings

_Command = Callable[..., Any]


def run_dir_option(command: _Command) -> _Command:
    """Add to a command the option `--run-dir`, whose value is its argument `parent`."""
    return click.option(
        "--run-dir",
        "parent",
        type=click.Path(path_type=Path),
        default=Path(Settings.run_dir),
        show_default=True,
        help="The folder that holds the run folders, as in the run itself.",
    )(command)


def about_run(command: _Command) -> _Command:
    """Add to a command the argument RUN and the option `--run-dir`."""
    return click.argument("run")(run_dir_option(command))


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """A context in which an error of mmlubench ends the command with its message."""
    try:
        yield
    except MmluBenchError as error:
        raise click.ClickException(str(error)) from None


def print_text(text: str) -> None:
    """Print a text; characters that the terminal cannot show become question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), color=True)
