"""Run folders as arguments of commands: by path, by id, or `latest`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import orjson

from mmlubench.errors import MmluBenchError, UserError
from mmlubench.inputs import FACTS_BYTES, read_bytes

MANIFEST = "manifest.json"
_Command = Callable[..., Any]


def about_run(command: _Command) -> _Command:
    """Add to a command the argument RUN and the option `--run-dir`."""
    where = click.option(
        "--run-dir",
        "parent",
        type=click.Path(path_type=Path),
        default=Path("reports"),
        show_default=True,
        help="The folder that holds the run folders, as in the run itself.",
    )
    return click.argument("run")(where(command))


@contextmanager
def told() -> Iterator[None]:
    """Let an error of mmlubench end the command with its message."""
    try:
        yield
    except MmluBenchError as error:
        raise click.ClickException(str(error)) from None


def find_run(name: str, parent: Path) -> Path:
    """Find a run folder: a path, the id of a run under `parent`, or `latest`. Raises UserError."""
    if name == "latest":
        runs = sorted(
            path.parent for path in parent.glob(f"*/{MANIFEST}")
        )  # an id begins with the time of the run
        if not runs:
            raise UserError(
                f"latest: there is no run under {parent}; name its folder, or give --run-dir DIR."
            )
        return runs[-1]
    for folder in (Path(name), parent / name):
        if folder.is_dir():
            return folder
    raise UserError(f"{name}: no such run; give a run folder, the id of a run under {parent}, or latest.")


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Read the manifest of a run. Raises UserError if there is none, or if it is invalid."""
    path = folder / MANIFEST
    try:
        manifest = orjson.loads(read_bytes(path, FACTS_BYTES))
    except OSError as error:
        raise UserError(
            f"{folder} is no run folder: its {MANIFEST} cannot be read ({error.strerror})."
        ) from None
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"{path} is not JSON ({error.msg}): start the run with its own command again."
        ) from None
    if not isinstance(manifest, dict):
        raise UserError(f"{path} does not hold what a run writes: start the run with its own command again.")
    return manifest
