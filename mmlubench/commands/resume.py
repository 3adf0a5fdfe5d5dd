"""`mmlubench resume`: start the command of a run again; replies in the store are not requested again."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mmlubench import __version__
from mmlubench.commands.runs import MANIFEST, about_run, find_run, read_manifest, told
from mmlubench.errors import UserError


@click.command()
@about_run
def resume(run: str, parent: Path) -> None:
    """Resume RUN where it was interrupted.

    RUN is a run folder, the id of a run, or `latest`. The command that started the run is started again in the same
    folder. The store has every reply that arrived, so that only the missing ones are requested. A finished run may be
    resumed as well; it sends no request. The exit status is pytest's.
    """
    with told():
        folder = find_run(run, parent)
        manifest = read_manifest(folder)
        arguments, cwd = _command_of(manifest, folder), _folder_of(manifest, folder)
    for warning in _warnings(manifest):
        click.echo(warning, err=True)
    command = [sys.executable, "-m", "pytest", *arguments]
    click.echo(f"in {cwd}: {shlex.join(command)}")
    sys.exit(_status(_run(command, cwd)))


def _command_of(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    command = manifest.get("command")
    if not (
        isinstance(command, list) and command[:1] == ["pytest"] and all(isinstance(c, str) for c in command)
    ):
        raise UserError(
            f"{folder / MANIFEST} does not state the run's command: start that command again yourself."
        )
    return [*_refreshed(manifest), *command[1:]]


def _refreshed(manifest: Mapping[str, Any]) -> list[str]:
    """Return an option by which a run with `--refresh` uses the replies that it has already refreshed itself."""
    settings = manifest.get("settings")
    if not isinstance(settings, dict) or not settings.get("refresh"):
        return []
    # A run that was resumed before: its command has the option already.
    if settings.get("refresh_since") is not None:
        return []
    try:
        begun = datetime.fromisoformat(manifest["created"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return []
    return [f"--refresh-since={begun:.3f}"]


def _folder_of(manifest: Mapping[str, Any], folder: Path) -> Path:
    cwd = manifest.get("cwd")
    by_hand = f"go to where its benchmarks are now and run: {shlex.join(manifest['command'])}"
    if not isinstance(cwd, str):
        raise UserError(f"{folder / MANIFEST} does not state where the run was started: {by_hand}")
    if not Path(cwd).is_dir():
        raise UserError(f"{cwd}, where the run was started, does not exist any more: {by_hand}")
    return Path(cwd)


def _warnings(manifest: Mapping[str, Any]) -> Iterator[str]:
    packages = manifest.get("packages")
    then = packages.get("mmlubench") if isinstance(packages, dict) else None
    if then != __version__:
        yield (
            f"the run was made with mmlubench {then or '(unknown)'}, and this is {__version__}: "
            "requests that differ between the two are sent again."
        )
    if "--no-store" in manifest["command"]:
        yield "the run was started with --no-store: all requests are sent again."
    store = manifest.get("store")
    if isinstance(store, str) and not Path(store).exists():
        yield f"the store {store} does not exist any more: all requests are sent again."


def _run(command: Sequence[str], cwd: Path) -> int:
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


def _status(code: int) -> int:
    return code if code >= 0 else 128 - code  # negative if killed by a signal: 128 + signal, as in a shell
