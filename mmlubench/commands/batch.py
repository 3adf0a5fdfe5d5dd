"""`mmlubench batch`: send what a run would ask through a batch API, and collect the replies for the run to find."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmlubench.commands.resume import shell_status, start
from mmlubench.commands.runs import errors_as_messages, run_dir_option
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.locks import Locks

if TYPE_CHECKING:
    from mmlubench.batch.folder import Folder

_FILE = click.Path(path_type=Path, dir_okay=False)
#: The exit status of a command that has left batches under way.
_UNDER_WAY = 2


@click.group()
def batch() -> None:
    """Answer a run through a batch API, at about half the price.

    `submit` sends what the run would ask and the store cannot answer, `collect` puts the replies into the store, and
    the run itself, started as always, then reads them there. `pytest … --batch` does all three and waits.
    """


@batch.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--batch-file", "file", type=_FILE, help="Write the requests into this file for vLLM's run_batch."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def submit(command: tuple[str, ...], file: Path | None) -> None:
    """Send what a run would ask: `mmlubench batch submit -- pytest benchmarks -k mmlu --model claude`.

    Only what is neither in the store nor in a batch under way is sent. Where requests depend on replies, as in a
    debate, submit again after `collect`, until nothing is left to be sent.
    """
    with errors_as_messages():
        arguments = _arguments(command)
    ours = ["--mmlubench-batch", f"--mmlubench-batch-submit={'api' if file is None else file.absolute()}"]
    sys.exit(shell_status(start([sys.executable, "-m", "pytest", *ours, *arguments], Path.cwd())))


@batch.command()
@run_dir_option
def status(parent: Path) -> None:
    """Show the batches of a folder of runs."""
    with errors_as_messages():
        folders = _folders(parent)
        for folder in folders:
            click.echo(_line_of(folder))
        if not folders:
            click.echo(f"there are no batches in {parent}")


@batch.command()
@run_dir_option
@click.option(
    "--wait/--no-wait", default=False, help="Wait until all batches have ended.  [default: no-wait]"
)
@click.option(
    "--timeout", "timeout_s", type=float, default=90_000.0, show_default=True, help="Seconds to wait."
)
@click.option(
    "--from", "results", type=_FILE, help="Take the replies from this file, which vLLM's run_batch wrote."
)
def collect(parent: Path, wait: bool, timeout_s: float, results: Path | None) -> None:
    """Put the replies of batches that have ended into the store, and send what waits for them to end.

    Exit status: 0 if no batch is left, 2 if some are still under way.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.batch.dispatch import is_live
    from mmlubench.batch.folder import BATCHES

    with errors_as_messages():
        folders = [folder for folder in _folders(parent) if not folder.is_done]
        if not folders:
            click.echo(f"there is no batch under way in {parent}")
            return
        for folder in folders:
            why_unpaid = _collect(folder, results=results, timeout_s=timeout_s if wait else 60.0, wait=wait)
            click.echo(_line_of(folder))
            if why_unpaid:
                click.echo(why_unpaid)
            if folder.is_done:
                click.echo(f"go on with: {shlex.join(_plain(folder.plan['command']))}")
        if results is not None and not any(folder.is_done for folder in folders):
            raise UserError(
                f"--from {results}: none of its rows is the result of a request in {parent / BATCHES}."
            )
        left = any(is_live(folder) or not folder.is_done for folder in folders)
    if left:
        raise click.exceptions.Exit(_UNDER_WAY)


@batch.command()
@run_dir_option
@click.argument("name")
def forget(parent: Path, name: str) -> None:
    """Give up batches whose results will never come; NAME is as `status` shows it.

    What their provider still answers is paid for and lost; the next run asks these questions again.
    """
    with errors_as_messages():
        found = [folder for folder in _folders(parent) if folder.path.name == name]
        if not found:
            raise UserError(
                f"{name}: there is no such folder of batches in {parent}; `batch status` lists them."
            )
        locks = Locks()
        if not locks.take(found[0].path):
            raise UserError(f"another process works on the batches in {found[0].path}: end it first.")
        try:
            count = found[0].forget()
        finally:
            locks.release()
        click.echo(f"{several(count, 'request')} that had been sent will be asked again")


def _arguments(command: Sequence[str]) -> list[str]:
    """Return pytest's arguments. Raises UserError for another command."""
    words = list(command)
    for begun in (["pytest"], ["py.test"], ["python", "-m", "pytest"]):
        if words[: len(begun)] == begun:
            return words[len(begun) :]
    raise UserError(
        f"{shlex.join(words)}: give the command of a run, such as `-- pytest benchmarks -k mmlu --model claude`."
    )


def _plain(command: Sequence[str]) -> list[str]:
    """Return the command of a run without what `submit` has added to it."""
    return [word for word in command if not word.startswith("--mmlubench-batch")]


def _folders(parent: Path) -> list[Folder]:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.batch.folder import BATCHES, Folder

    return Folder.open_all(parent / BATCHES) if (parent / BATCHES).is_dir() else []


def _collect(folder: Folder, *, results: Path | None, timeout_s: float, wait: bool) -> str:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.batch.by_hand import collect_folder
    from mmlubench.engine.store.sqlite import Store
    from mmlubench.run.by_batch import lane_of

    lane = lane_of(folder.plan, os.environ, offline=results is not None)
    with closing(Store.open(folder.plan["store"], check=False)) as store:
        return collect_folder(folder, lane, store, results=results, timeout_s=timeout_s, wait=wait)


def _line_of(folder: Folder) -> str:
    plan, parts = folder.plan, folder.parts
    states = ", ".join(_states(folder)) or "not sent"
    replies, failed = sum(part.replies for part in parts), sum(part.failed for part in parts)
    counts = f"{plan['count']:,} requests  {states}  {replies:,} replies, {failed:,} without"
    return f"{folder.path.name}  {plan['label']}  {counts}"


def _states(folder: Folder) -> Iterator[str]:
    names = [part.state for part in folder.parts if part.count]
    for name in dict.fromkeys(names):
        yield f"{names.count(name)} {name}"
