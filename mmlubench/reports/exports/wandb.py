"""Weights & Biases: a run with the figures as its summary, the cases as a table, and the run folder as an artifact.

Nothing is sent unless WANDB_MODE says so: an offline run is uploaded by `wandb sync` when its user wants that.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlubench.extras import load
from mmlubench.private import make_folder
from mmlubench.reports.exports.export import Export
from mmlubench.reports.exports.logged import LoggedRun
from mmlubench.reports.exports.scored import MOCK, Scored, scored
from mmlubench.reports.exports.tables import COLUMNS, rows
from mmlubench.safe_names import safe_name

#: Files of the run folder that go into the artifact.
_FILES = ("manifest.json", "summary.json", "results.jsonl")
_MODES = ("online", "offline", "disabled", "shared")


def _into(run: LoggedRun, folder: Path) -> Sequence[Path]:
    wandb: Any = load("wandb", extra="wandb", wanted_by="the export wandb")
    results = scored(run)
    make_folder(folder)
    mode = os.environ.get("WANDB_MODE", "")
    settings = wandb.Settings(
        console="off", disable_git=True, disable_code=True, silent=True, x_save_requirements=False
    )
    mocks = any(one.summary.mock for one in results)
    logged = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or "mmlubench",
        name=run.run_id,
        id=safe_name(run.run_id),
        dir=str(folder),
        mode=mode if mode in _MODES else "offline",
        config=_config(run, results),
        tags=[MOCK] if mocks else [],
        settings=settings,
        reinit="create_new",
    )
    try:
        table = wandb.Table(columns=list(COLUMNS), data=[list(_cells(row)) for row in rows(run)])
        logged.log({"cases": table})
        for one in results:
            for name, value in figures_of(one).items():
                logged.summary[name] = value
        artifact = wandb.Artifact("mmlubench-run", type="evaluation", metadata={"run_id": run.run_id})
        for name in _FILES:
            if (run.path / name).is_file():
                artifact.add_file(str(run.path / name))
        logged.log_artifact(artifact)
    finally:
        logged.finish()
    made = Path(logged.dir).parent
    for earlier in made.parent.glob(f"offline-run-*-{glob.escape(logged.id)}"):
        if earlier != made and not earlier.is_symlink():
            shutil.rmtree(earlier, ignore_errors=True)
    return [made]


def _config(run: LoggedRun, results: Sequence[Scored]) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "settings": dict(run.manifest.settings),
        "results": [one.facts for one in results],
    }


def figures_of(one: Scored) -> dict[str, Any]:
    """Return the figures of a result by the name of its place: `benchmark/model/accuracy`; none without a headline."""
    summary = one.summary
    found: dict[str, Any] = {"n": summary.answered, "mock": summary.mock, "doubts": "; ".join(one.doubts)}
    if one.accuracy is not None:
        low, high = summary.ci95
        found |= {"accuracy": one.accuracy, "ci95_low": low, "ci95_high": high}
    found |= {outcome.value: count for outcome, count in summary.total.outcomes.items()}
    if summary.usage.cost_usd is not None:
        found["cost_usd"] = summary.usage.cost_usd
    return {f"{one.place}/{name}": value for name, value in found.items()}


def _cells(row: dict[str, Any]) -> list[Any]:
    return [
        cell.encode("utf-8", "replace").decode() if isinstance(cell := row[name], str) else cell
        for name in COLUMNS
    ]


WANDB = Export(into=_into)
