"""`manifest.json`: what one must know to repeat a run, or to tell why two runs differ."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mmlubench.plugin.process import Bench

_PACKAGES = (
    "mmlubench",
    "pytest",
    "pytest-xdist",
    "pytest-asyncio",
    "openai",
    "anthropic",
    "aiohttp",
    "httpx2",
    "datasets",
)


def manifest(run_id: str, config: pytest.Config, bench: Bench, data: Mapping[str, Any]) -> dict[str, Any]:
    """Versions, settings, data revision and hash, template hash, commit. Holds no secret: keys are named, not told."""
    created = datetime.fromtimestamp(bench.share.started, timezone.utc)
    return {
        "run_id": run_id,
        "created": created.isoformat(timespec="milliseconds"),
        "command": ["pytest", *map(str, config.invocation_params.args)],
        "cwd": str(config.invocation_params.dir),
        "store": _store(config.invocation_params.dir, bench),
        "settings": asdict(bench.settings),
        "models": {label: spec.to_dict() for label, spec in bench.roster.specs.items()},
        "agents": [spec.to_dict() for spec in bench.roster.agents],
        "recipe": bench.strategy.recipe.to_dict(),
        **bench.strategy.facts(),
        "data": dict(data),
        "workers": len(config.getoption("tx", None) or [""]),
        "git_commit": _git_commit(Path.cwd()),
        "python": platform.python_version(),
        "platform": sys.platform,
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _store(cwd: Path, bench: Bench) -> str | None:
    """Where this run keeps its replies, as a full path; None where it keeps none."""
    return str(cwd / bench.settings.store_path) if bench.roster.has_store else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit(folder: Path) -> str | None:
    """The commit of the user's own benchmarks, with `-dirty` where they differ from it; None outside git."""
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
