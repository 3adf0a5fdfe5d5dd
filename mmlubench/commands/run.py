"""`mmlubench run`: run an experiment of dialogues from its configuration, and write a folder of log files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmlubench import __version__
from mmlubench.commands.runs import errors_as_messages
from mmlubench.errors import DataError, ProviderError, UserError
from mmlubench.private import make_folder
from mmlubench.records import DIALOGUES

if TYPE_CHECKING:
    from mmlubench.dialogues import Experiment
    from mmlubench.models import ModelSpec
    from mmlubench.schema import Completion

#: The most failures that are listed one by one.
_LISTED = 5
_FILE = click.Path(path_type=Path)
#: The exit status of a command that was ended with Ctrl-C, as shells define it.
_INTERRUPTED = 130


@click.command()
@click.option("--config", type=_FILE, required=True, help="The configuration of the experiment, a YAML file.")
@click.option(
    "--output-dir", "parent", type=_FILE, required=True, help="The folder in which to make EXPERIMENT_ID."
)
@click.option(
    "--responses",
    type=_FILE,
    help="A file of mock replies (default: mock_responses.json beside the data set).",
)
@click.option("--mock", is_flag=True, help="Use mock replies even if the model's API key is set.")
@click.option("--refresh", is_flag=True, help="Send every request again, even if its reply is stored.")
@click.option(
    "--no-preflight", is_flag=True, help="Do not look first whether server, key and model are there."
)
@click.option("--force", is_flag=True, help="Allow mock replies to replace those of a real model.")
def run(
    config: Path,
    parent: Path,
    responses: Path | None,
    mock: bool,
    refresh: bool,
    no_preflight: bool,
    force: bool,
) -> None:
    """Run an experiment of dialogues; write logs and figures.

    The real model is asked if its API key is set (ANTHROPIC_API_KEY for Claude). Otherwise mock replies are used:
    --responses, or mock_responses.json beside the data set, or the packaged ones. Real replies are stored in
    OUTPUT_DIR/store.sqlite as they arrive, so that a run that is started again asks only for the missing ones.

    Exit status: 0 if all dialogues were answered, 1 if not.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues import open_experiment
    from mmlubench.dialogues.answering import find_model

    with errors_as_messages():
        experiment = open_experiment(config)
        spec = find_model(experiment, responses, mock=mock)
        folder = _folder(experiment, parent)
        _protect(folder, spec, force)
        if spec.notice:
            click.echo(spec.notice.strip(), err=True)
        origin = _origin(experiment, spec)  # before the requests, since the user may edit the files meanwhile
        replies = _ask(experiment, spec, parent, refresh=refresh, no_preflight=no_preflight)
        summary = _write(experiment, spec, replies, folder, origin)
    if summary is None:
        _show_failures(experiment, replies, folder, refresh=refresh)
        raise click.exceptions.Exit(1)
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.commands.summarize import show

    show(summary, experiment.experiment_id)
    click.echo(f"Written to {folder}")


def _ask(
    experiment: Experiment, spec: ModelSpec, parent: Path, *, refresh: bool, no_preflight: bool
) -> Sequence[Completion | ProviderError]:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.answering import ask_all, run_of

    run = run_of(spec, parent, refresh=refresh, no_preflight=no_preflight)
    for notice in run.preflight(lambda line: click.echo(line, err=True)):
        click.echo(notice, err=True)
    store = run.roster.store
    for notice in run.roster.store_notices:
        click.echo(notice, err=True)
    try:
        return asyncio.run(ask_all(run, experiment))
    except KeyboardInterrupt:
        stored = f"; the replies so far are stored in {store.path}" if store else ""
        click.echo(f"Stopped{stored}: {_again(refresh, 'to go on')}.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None
    finally:
        run.roster.close_store()


def _folder(experiment: Experiment, parent: Path) -> Path:
    """Make the folder of the experiment, before any request is paid for."""
    folder = parent / experiment.experiment_id
    try:
        make_folder(folder)
    except OSError as error:
        raise UserError(f"--output-dir {parent}: {folder} cannot be made ({error.strerror}).") from None
    return folder


def _protect(folder: Path, spec: ModelSpec, force: bool) -> None:
    """Refuse a folder with files of others, and mock replies in place of real ones because a key is not set today."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.lines import ORIGIN, REQUESTS, RESPONSES, SUMMARY, read_object

    there = [name for name in (REQUESTS, RESPONSES, SUMMARY) if (folder / name).exists()]
    if there and not (folder / ORIGIN).exists():
        raise UserError(
            f"{folder} has a {there[0]} that no `mmlubench run` wrote: give another --output-dir."
        )
    if not spec.is_mock or force:
        return
    try:
        is_real = read_object(folder / SUMMARY).get("mock") is False
    except DataError:
        return
    if is_real:
        raise UserError(
            f"{folder} holds the replies of a real model, and these would be mock replies: "
            "give another --output-dir, or --force to replace them."
        )


def _write(
    experiment: Experiment,
    spec: ModelSpec,
    replies: Sequence[Completion | ProviderError],
    folder: Path,
    origin: dict[str, Any],
) -> Mapping[str, Any] | None:
    """Write what was asked and answered; the summary, which is made only of a complete run."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.lines import request_line, response_line, write_logs

    pairs = list(zip(experiment.dialogues, replies, strict=True))
    requests = [request_line(experiment, dialogue) for dialogue, _ in pairs]
    responses = [response_line(experiment, d, r) for d, r in pairs if not isinstance(r, ProviderError)]
    summary = None
    if len(responses) == len(pairs):
        summary = _summary(experiment, spec, responses)
    try:
        write_logs(folder, requests, responses, origin, summary)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}).") from None
    return summary


def _summary(
    experiment: Experiment, spec: ModelSpec, responses: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.dialogues.figures import summarize

    figures = summarize(experiment.dialogues, responses, experiment.metrics)
    about = {"experiment_id": experiment.experiment_id, "model": experiment.model, "mock": spec.is_mock}
    return {**figures, **about, "kind": DIALOGUES}


def _origin(experiment: Experiment, spec: ModelSpec) -> dict[str, Any]:
    """Return the paths and hashes with which `grade` finds the inputs of the run and checks that they are the same."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.inputs import sha256

    return {
        "experiment_id": experiment.experiment_id,
        "config_path": str(experiment.config_path),
        "config_sha256": sha256(experiment.config_path),
        "dataset_path": str(experiment.dataset_path),
        "dataset_sha256": sha256(experiment.dataset_path),
        "mock": spec.is_mock,
        "responses": spec.responses,
        "mmlubench": __version__,
    }


def _show_failures(
    experiment: Experiment,
    replies: Sequence[Completion | ProviderError],
    folder: Path,
    *,
    refresh: bool,
) -> None:
    failed = [
        (dialogue, reply)
        for dialogue, reply in zip(experiment.dialogues, replies, strict=True)
        if isinstance(reply, ProviderError)
    ]
    for dialogue, error in failed[:_LISTED]:
        click.echo(f"Error: {dialogue.dialogue_id}: {' '.join(str(error).split())}", err=True)
    if failed[_LISTED:]:
        click.echo(f"Error: and {len(failed) - _LISTED:,} more.", err=True)
    click.echo(
        f"Error: {len(failed):,} of {len(replies):,} dialogues were not answered, so there is no summary; "
        f"the replies so far are in {folder}: {_again(refresh, 'to ask for the rest')}.",
        err=True,
    )


def _again(refresh: bool, why: str) -> str:
    """Return how an unfinished run goes on: `--refresh` asks everything again each time."""
    return "run the same command again" + (
        ", which asks for every reply with --refresh" if refresh else f" {why}"
    )
