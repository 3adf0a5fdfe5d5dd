"""`mmlubench resume`: start the command of a run again; replies in the store are not requested again."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from mmlubench import __version__
from mmlubench.commands.runs import about_run, errors_as_messages
from mmlubench.errors import UserError
from mmlubench.records import Manifest
from mmlubench.run.archive import MANIFEST, find_run, read_manifest
from mmlubench.run.resuming import is_of_this_project, project_of


@click.command()
@about_run
@click.option("--trust", is_flag=True, help="Resume a run of another project, and execute its conftest.py.")
def resume(run: str, parent: Path, trust: bool) -> None:
    """Go on with RUN where it was interrupted.

    RUN is a run folder, the id of a run, or `latest`. The command that started the run is started again, from the
    folder in which it was started, and writes a new run folder: the old one stays as it is. The store has every reply
    that arrived, so that only the missing ones are requested. A finished run may be resumed as well; it sends no
    request. The exit status is pytest's.
    """
    with errors_as_messages():
        folder = find_run(run, parent)
        manifest = read_manifest(folder)
        arguments, cwd = _command_of(manifest, folder), _folder_of(manifest, folder)
        command = [sys.executable, "-m", "pytest", *arguments]
        if not trust:
            _check_project(folder, cwd, command)
    for notice in _notices(manifest):
        click.echo(notice, err=True)
    click.echo(f"in {cwd}: {shlex.join(command)}")
    sys.exit(shell_status(start(command, cwd)))


def _command_of(manifest: Manifest, folder: Path) -> list[str]:
    if manifest.command[:2] == ("mmlubench", "merge"):
        raise UserError(
            f"{folder} was merged: start the shards that are missing, and then `{shlex.join(manifest.command)}` again."
        )
    if manifest.command[:1] != ("pytest",):
        raise UserError(
            f"{folder / MANIFEST} does not state the run's command: start that command again yourself."
        )
    return [*_refreshed(manifest), *_shard(manifest), *manifest.command[1:]]


def _refreshed(manifest: Manifest) -> list[str]:
    """Return the option that keeps a resumed run with `--refresh` from asking again what it has already refreshed."""
    if not manifest.settings.get("refresh"):
        return []
    if (
        manifest.settings.get("refresh_since") is not None
    ):  # the run was itself resumed; its command has the option
        return []
    try:
        begun = datetime.fromisoformat(manifest.created).timestamp()
    except ValueError:
        return []
    return [f"--mmlubench-refresh-since={begun:.3f}"]


def _shard(manifest: Manifest) -> list[str]:
    """Return the options that name the shard of a run with `--shard auto`: the scheduler's variables are gone."""
    settings = manifest.settings
    if settings.get("shard") is None:
        return []
    total, number = settings.get("num_shards"), settings.get("shard_id")
    return [f"--mmlubench-num-shards={total}", f"--mmlubench-shard-id={number}"]


def _folder_of(manifest: Manifest, folder: Path) -> Path:
    cwd = manifest.cwd
    by_hand = f"go to where its benchmarks are now and run: {shlex.join(manifest.command)}"
    if not cwd:
        raise UserError(f"{folder / MANIFEST} does not state where the run was started: {by_hand}")
    if not Path(cwd).is_dir():
        raise UserError(f"{cwd}, where the run was started, does not exist any more: {by_hand}")
    return Path(cwd)


def _check_project(folder: Path, cwd: Path, command: Sequence[str]) -> None:
    """Ask, where there is somebody to ask, before code of another project is executed. Raises UserError."""
    here = Path.cwd()
    if is_of_this_project(folder, cwd, here):
        return
    what = f"{folder / MANIFEST} wants to run `{shlex.join(command)}` in {cwd}"
    why = f"the run is not of the project in {project_of(here)}, and pytest executes the conftest.py that it finds"
    if sys.stdin.isatty():
        click.confirm(f"{what}; {why}. Go on?", abort=True, err=True)
        return
    raise UserError(f"{what}; {why}: if you trust it, give --trust, or go to that project first.")


def _notices(manifest: Manifest) -> Iterator[str]:
    then = manifest.packages.get("mmlubench")
    if then != __version__:
        yield (
            f"the run was made with mmlubench {then or '(unknown)'}, and this is {__version__}: "
            "requests that differ between the two are sent again."
        )
    if manifest.settings.get("no_store"):
        yield "the run was started with --no-store: all requests are sent again."
    if manifest.store and not Path(manifest.store).exists():
        yield f"the store {manifest.store} does not exist any more: all requests are sent again."


def start(command: Sequence[str], cwd: Path) -> int:
    """Run a command in a folder and return what it ended with: a status, or a negative signal."""
    process = subprocess.Popen(command, cwd=cwd)
    with _signals_left_to(process):
        return process.wait()


@contextmanager
def _signals_left_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let pytest handle signals itself: Ctrl-C reaches it from the terminal, SIGTERM is passed on."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def shell_status(code: int) -> int:
    """Return the exit status that a shell would show for what `start` returned."""
    return code if code >= 0 else 128 - code  # negative if killed by a signal: 128 + signal, as in a shell
