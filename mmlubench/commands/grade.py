"""`mmlubench grade`: check that the figures of an experiment follow from its log files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmlubench.commands.runs import errors_as_messages
from mmlubench.errors import UserError
from mmlubench.printable import printable

if TYPE_CHECKING:
    from mmlubench.dialogues import Experiment

#: The most faults that are listed one by one.
_LISTED = 20


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration of the experiment, a YAML file (default: the one it was run with).",
)
def grade(folder: Path, config: Path | None) -> None:
    """Check the log files and figures of the experiment in FOLDER.

    All figures are computed again from the files, the data set and the configuration. FOLDER may come from another
    program that writes requests.jsonl, responses.jsonl and summary.json in the same format; then give the
    experiment's configuration with --config. Exit status: 0 if there is no fault, else 1, with a sentence for each.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.check import faults

    with errors_as_messages():
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; give OUTPUT_DIR/EXPERIMENT_ID.")
        experiment, changed = _experiment(folder, config)
        found = [*changed, *faults(folder, experiment)]
    if found:
        for fault in found[:_LISTED]:
            click.echo(f"Error: {printable(fault)}", err=True)
        if found[_LISTED:]:
            click.echo(f"Error: and {len(found) - _LISTED:,} more faults.", err=True)
        raise click.exceptions.Exit(1)
    click.echo(_passed(folder))


def _experiment(folder: Path, config: Path | None) -> tuple[Experiment, list[str]]:
    """The experiment that a folder is of, and what has changed of it since it was run."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues import open_experiment, read_config
    from mmlubench.dialogues.lines import ORIGIN, read_object

    if config is not None:
        return open_experiment(config), []
    if not (folder / ORIGIN).is_file():
        raise UserError(
            f"{folder} does not say with which configuration it was run: give it with --config FILE."
        )
    origin = read_object(folder / ORIGIN)
    config, dataset = _path(origin, "config_path", folder), _path(origin, "dataset_path", folder)
    # The recorded path of the data set: in another working directory, the configuration may lead to another file.
    experiment = read_config(config, dataset=dataset)
    return experiment, [
        f"{path} has changed since the run; give the configuration to check against with --config FILE."
        for path, digest in ((config, "config_sha256"), (dataset, "dataset_sha256"))
        if _digest(path) != origin.get(digest)
    ]


def _path(origin: Mapping[str, Any], key: str, folder: Path) -> Path:
    value = origin.get(key)
    path = Path(value) if isinstance(value, str) else None
    if path is None or not path.is_file():
        raise UserError(
            f"{folder} was run with {value}, which does not exist: give the configuration with --config FILE."
        )
    return path


def _digest(path: Path) -> str:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.inputs import sha256

    try:
        return sha256(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None


def _passed(folder: Path) -> str:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.lines import SUMMARY, read_object
    from mmlubench.dialogues.metrics import STANDARD

    summary = read_object(folder / SUMMARY)
    figures = ", ".join(f"{name} {summary[name]:.4f}" for name in STANDARD)
    mock = " (MOCK replies)" if summary.get("mock") is True else ""
    return f"{folder}: passed{mock}: {figures}"
