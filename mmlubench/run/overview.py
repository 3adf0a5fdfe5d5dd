"""An overview of the runs in a folder: of each its label, its state, and its figures as far as there are any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlubench.errors import UserError
from mmlubench.run.archive import MANIFEST, RunArchive, age
from mmlubench.stats.summary import Summary


@dataclass(frozen=True)
class Overview:
    """One run; a run whose files cannot be read has only a `problem`."""

    path: Path
    run_id: str
    created: str = ""
    """The start of the run in ISO 8601, UTC."""
    desc: str = ""
    """The label of `--desc`."""
    state: str = ""
    """`running`, `finished`, or `broken off`."""
    models: tuple[str, ...] = ()
    """The labels of the models."""
    cases: int = 0
    """The number of cases that have a result so far."""
    summary: tuple[Summary, ...] = ()
    """The figures of each benchmark and model; empty until the run has ended, and for a run that was killed."""
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        plain = {
            name: getattr(self, name) for name in ("run_id", "created", "desc", "state", "cases", "problem")
        }
        results = [_figures(summary) for summary in self.summary]
        return {**plain, "path": str(self.path), "models": list(self.models), "results": results}


def overviews(parent: Path) -> list[Overview]:
    """Return an overview of each run under a folder, the newest first."""
    folders = sorted((path.parent for path in parent.glob(f"*/{MANIFEST}")), key=age, reverse=True)
    return [_overview(folder) for folder in folders]


def _overview(folder: Path) -> Overview:
    try:
        run = RunArchive(folder)
        manifest, summary = run.manifest, run.summary
        cases = sum(one.n for one in summary) if summary else _cases(folder / "results.jsonl")
    except (UserError, OSError) as error:
        return Overview(folder, folder.name, problem=str(error))
    return Overview(
        path=folder,
        run_id=run.run_id,
        created=manifest.created,
        desc=str(manifest.settings.get("desc") or ""),
        state=run.state,
        models=tuple(manifest.models),
        cases=cases,
        summary=summary,
    )


def _cases(results: Path) -> int:
    with results.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _figures(summary: Summary) -> dict[str, Any]:
    total = summary.total.to_dict()
    return {
        **{name: getattr(summary, name) for name in ("benchmark", "model", "recipe", "mock")},
        **{name: total[name] for name in ("n", "accuracy", "ci95", "outcomes")},
        "headline": summary.headline,
        "why_no_headline": summary.why_no_headline,
    }
