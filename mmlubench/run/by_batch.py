"""A run by batches: what its passes, its batches and its models need, made from the run's own settings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from mmlubench import models
from mmlubench.batch.lane import Lane
from mmlubench.batch.rounds import Job
from mmlubench.errors import UserError
from mmlubench.models.spec import ModelSpec
from mmlubench.run.batching import parent_of
from mmlubench.run.roster import Roster
from mmlubench.run.share import Share
from mmlubench.settings import Settings


def job_of(settings: Settings, arguments: Sequence[str], cwd: Path, *, offline: bool = False) -> Job:
    """Return the job of a pytest run: `arguments` are those of its command line, `cwd` where it was started.

    With `offline` a file is written in place of batches. Raises UserError, and ModelError for a model that no batch
    can ask.
    """
    settings = replace(settings, batch=True, batch_rest="error")
    lanes = lanes_of(settings, offline=offline)
    since = settings.refresh_since or (time.time() if settings.refresh else None)
    return Job(
        parent=(cwd / parent_of(settings)).resolve(),
        store=(cwd / settings.store_path).resolve(),
        lanes=lanes,
        command=_pass(arguments, since),
        cwd=cwd,
        about={"command": ["pytest", *arguments], "cwd": str(cwd), "settings": _told(settings)},
        max_cost=settings.max_cost,
        timeout_s=settings.batch_timeout,
    )


def lanes_of(settings: Settings, *, offline: bool = False) -> dict[str, Lane]:
    """Open the lanes of all models of a run that are no mocks, by label. Raises UserError."""
    roster = Roster(settings, Share())
    specs = {label: spec for label, spec in _asked(roster).items() if not spec.is_mock}
    return {
        label: Lane.open(_as_asked(spec, settings), os.environ, offline=offline)
        for label, spec in specs.items()
    }


def lane_of(plan: Mapping[str, Any], env: Mapping[str, str], *, offline: bool = False) -> Lane:
    """Open the lane of the model that a folder of batches was made for. Raises UserError."""
    settings = replace(settings_of(plan), batch=True, batch_rest="error")
    spec = _asked(Roster(settings, Share())).get(plan["label"])
    if spec is None or (spec.client, spec.base_url) != (plan["client"], plan["base_url"]):
        raise UserError(
            f"{plan['label']} is not the model any more that the batch was sent to ({plan['client']} at "
            f"{plan['base_url']}): take back what was changed in models.yaml."
        )
    lane = Lane.open(_as_asked(spec, settings), env, offline=offline)
    lane.model.adapt(plan.get("refused", {}))
    return lane


def settings_of(plan: Mapping[str, Any]) -> Settings:
    """Return the settings that the plan of a folder of batches tells of."""
    known = {field.name for field in fields(Settings)}
    told: dict[str, Any] = {name: value for name, value in plan["settings"].items() if name in known}
    whole: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    return Settings(**whole)


def _asked(roster: Roster) -> dict[str, ModelSpec]:
    return {spec.label: spec for spec in roster.agents} if roster.agents else dict(roster.specs)


def _as_asked(spec: ModelSpec, settings: Settings) -> ModelSpec:
    return models.constrained(spec) if settings.constrained else spec


def _told(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if value != getattr(Settings, name, None)}


def _pass(arguments: Sequence[str], since: float | None) -> Callable[[Path], list[str]]:
    """Return what makes the command of a pass: that of the run, in a process of its own, without sending anything."""

    def command(folder: Path) -> list[str]:
        ours = [f"--mmlubench-batch-requests={folder}"]
        if since is not None:
            ours.append(f"--mmlubench-refresh-since={since:.3f}")
        # A wrong answer of an earlier round must not end a pass.
        last = [] if "--" in arguments else ["--maxfail=0"]
        return [sys.executable, "-m", "pytest", *ours, *arguments, *last]

    return command
