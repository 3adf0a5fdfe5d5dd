"""The manifest of a run: everything needed to repeat the run, or to explain why two runs differ."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmlubench.records import RUNNING, Manifest
from mmlubench.run.run import Run

_PACKAGES = (
    "mmlubench",
    "pytest",
    "pytest-xdist",
    "pytest-asyncio",
    "openai",
    "anthropic",
    "aiohttp",
    "httptools",
    "httpx2",
    "datasets",
)


@dataclass(frozen=True)
class Invocation:
    """The command that started a run, and its surroundings."""

    command: tuple[str, ...]
    """The words of the command line, `pytest` first."""
    cwd: Path
    workers: int = 1
    """The number of processes that ask."""
    user_facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts that the user's hooks add to the manifest."""


def manifest(
    run_id: str, invocation: Invocation, run: Run, data: Mapping[str, Any], state: str = RUNNING
) -> Manifest:
    """Make the manifest: versions, settings, hashes of data and templates, commit; of API keys only the names.

    `data` are the facts of the data sets, as `Run.facts` returns them.
    """
    created = datetime.fromtimestamp(run.share.started, timezone.utc)
    return Manifest(
        run_id=run_id,
        created=created.isoformat(timespec="milliseconds"),
        command=invocation.command,
        cwd=str(invocation.cwd),
        state=state,
        process={"host": platform.node(), "pid": os.getpid()},
        store=_store(invocation.cwd, run),
        settings=asdict(run.settings),
        models={label: spec.to_dict() for label, spec in run.roster.specs.items()},
        agents=tuple(spec.to_dict() for spec in run.roster.agents),
        recipe=run.strategy.recipe.to_dict(),
        facts={
            **run.strategy.facts(),
            **({"weights": told} if (told := run.roster.weights.told) else {}),
            **({"user_facts": dict(invocation.user_facts)} if invocation.user_facts else {}),
        },
        data=dict(data),
        workers=invocation.workers,
        git_commit=_git_commit(Path.cwd()),
        python=platform.python_version(),
        platform=sys.platform,
        packages={name: found for name in _PACKAGES if (found := _version(name))},
    )


def _store(cwd: Path, run: Run) -> str | None:
    """Return the full path of the run's store; None without a store."""
    return str(cwd / run.settings.store_path) if run.roster.has_store else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit(folder: Path) -> str | None:
    """Return the commit of the user's benchmarks, with `-dirty` if files differ from it; None outside git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
