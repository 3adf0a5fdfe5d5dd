"""The classic file `mmlu_<model>_<timestamp>.json`: a short result for dashboards and older scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mmlubench.jsonl import pretty
from mmlubench.reports.report import File, FinishedRun, Report
from mmlubench.stats.summary import Summary


def classic_json(
    summary: Summary,
    *,
    timestamp: str,
    run_id: str,
    adapter: str | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Build the file's content for one benchmark and model; `limit` is the number of questions asked for.

    `overall_score` and `metrics.accuracy.value` are None if the run has no headline accuracy.
    """
    score = summary.accuracy if summary.headline else None
    total = summary.total.to_dict()
    return {
        "model_id": summary.model,
        "adapter_name": adapter,
        "timestamp": timestamp,
        "limit": limit,
        "overall_score": score,
        "metrics": {"accuracy": {"value": score, "name": "accuracy"}},
        "subjects": {
            name: {"accuracy": subject.accuracy, "n": subject.answered, "correct": subject.correct}
            for name, subject in summary.subjects.items()
        },
        "run_id": run_id,
        "benchmark": summary.benchmark,
        "recipe": summary.recipe,
        "mock": summary.mock,
        **{key: total[key] for key in ("n", "ci95", "outcomes")},
        "why_no_headline": summary.why_no_headline,
        "warnings": list(summary.warnings),
        "notice": summary.notice,
    }


def classic_names(summary: Summary, timestamp: str, *, own_recipe: bool = False) -> tuple[str, str]:
    """Return the names of the file and of its `latest` copy; both contain MOCK if a mock answered.

    With `own_recipe` the names contain the recipe, so that figures of a user's own solver never overwrite those of the
    model.
    """
    who = f"{summary.model}_{summary.recipe}" if own_recipe else summary.model
    benchmark, model = (re.sub(r"[^\w.-]+", "-", name).strip("-.") for name in (summary.benchmark, who))
    if summary.mock and "mock" not in model.lower():
        model += "-MOCK"
    stem = f"{benchmark}_{model}"
    return f"{stem}_{timestamp}.json", f"{stem}_latest.json"


def _files(run: FinishedRun) -> Iterable[File]:
    manifest, timestamp = run.manifest, run.manifest.timestamp
    for summary in run.summary:
        content = classic_json(
            summary,
            timestamp=timestamp,
            run_id=manifest.run_id,
            adapter=manifest.models.get(summary.model, {}).get("adapter"),
            limit=manifest.settings.get("limit"),
        )
        own = summary.recipe in manifest.facts.get("own_recipes", ())
        for name in classic_names(summary, timestamp, own_recipe=own):
            yield File(name, pretty(content), beside=True)


CLASSIC_FILE = Report(files=_files)
