"""The classic file `mmlu_<model>_<timestamp>.json`: a short result for dashboards and older scripts.

Its first keys and their types are those that such scripts know: `subjects` gives a number for each name, `timestamp` is
ISO 8601, `model_id` names the model and `adapter_name` its adapter. All that is ours comes behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from mmlubench.jsonl import pretty
from mmlubench.records import Manifest
from mmlubench.reports.report import File, FinishedRun, Report
from mmlubench.safe_names import safe_name
from mmlubench.stats.summary import Summary


def classic_json(
    summary: Summary,
    *,
    created: str,
    run_id: str,
    model_id: str = "",
    adapter: str | None = None,
    limit: int | None = None,
    is_complete: bool = True,
    is_part: bool = False,
) -> dict[str, Any]:
    """Build the file's content for one benchmark and model.

    `created` is a time in ISO 8601, `model_id` the model without its adapter (default: the label of the summary),
    `limit` the number of questions that were selected, None for all of the data. `is_complete` says that these are the
    complete data set, no sample and no part of it, and `is_part` that `--lf`, another plugin or the like left out some
    of the cases. `overall_score` and `metrics.accuracy.value` are None if the run has no headline accuracy, and a
    subject without answers has no number.
    """
    score = summary.accuracy if summary.headline else None
    total = summary.total.to_dict()
    return {
        "model_id": model_id or summary.model,
        "adapter_name": adapter,
        "timestamp": created,
        "limit": limit,
        "overall_score": score,
        "metrics": {"accuracy": {"value": score, "name": "accuracy"}},
        "subjects": {name: subject.accuracy for name, subject in summary.subjects.items()},
        "subject_details": {
            name: {"accuracy": subject.accuracy, "n": subject.answered, "correct": subject.correct}
            for name, subject in summary.subjects.items()
        },
        "run_id": run_id,
        "label": summary.model,
        "complete": is_complete,
        "part": is_part,
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
    benchmark, model = safe_name(summary.benchmark), safe_name(who)
    if summary.mock and "mock" not in model.lower():
        model += "-MOCK"
    stem = f"{benchmark}_{model}"
    return f"{stem}_{timestamp}.json", f"{stem}_latest.json"


def says_more(old: bytes, new: str) -> bool:
    """Whether a file must stay in its place: one that says more of its model than a new one, or no such file at all.

    Any score says more than none, and one of all questions more than one of a part or of a sample. A part that `--lf`
    left, such as the wrong answers of the run before, says least. A file of another program is never replaced.
    """
    try:
        known = orjson.loads(old)
    except orjson.JSONDecodeError:
        return True
    if not isinstance(known, dict) or "overall_score" not in known:
        return True
    return _weight(known) > _weight(orjson.loads(new))


def _weight(content: Mapping[str, Any]) -> int:
    """Return 0 without a score, 1 if cases were left out, 2 for a limit, 3 for all of a sample, 4 for all there are."""
    if not isinstance(content.get("overall_score"), (int, float)):
        return 0
    if content.get("limit") is not None:
        return 1 if content.get("part") else 2
    return 4 if content.get("complete", True) else 3


def _files(run: FinishedRun) -> Iterable[File]:
    manifest = run.manifest
    for summary in run.summary:
        about = manifest.models.get(summary.model, {})
        limit, is_complete = _limit(summary, manifest)
        content = classic_json(
            summary,
            created=manifest.created,
            run_id=manifest.run_id,
            model_id=_model_id(summary, about),
            adapter=about.get("adapter"),
            limit=limit,
            is_complete=is_complete,
            is_part=bool(manifest.data.get(summary.benchmark, {}).get("is_part")),
        )
        if weights := manifest.facts.get("weights", {}).get(summary.model):
            content["weights"] = weights  # where they come from, and the hash of the adapter
        own = summary.recipe in manifest.facts.get("own_recipes", ())
        dated, latest = classic_names(summary, manifest.timestamp, own_recipe=own)
        text = pretty(content)
        yield File(dated, text, beside=True)
        yield File(latest, text, beside=True, keeps=says_more)


def _model_id(summary: Summary, about: Mapping[str, Any]) -> str:
    name = about.get("base_label") or summary.model
    return f"{name}-MOCK" if summary.mock and "mock" not in name.lower() else name


def _limit(summary: Summary, manifest: Manifest) -> tuple[int | None, bool]:
    """Return how many questions were selected, None for all of the data, and whether that is the complete data set."""
    facts = manifest.data.get(summary.benchmark, {})
    if "complete_size" not in facts:  # a manifest of an older version
        limit = manifest.settings.get("limit")
        return limit, limit is None
    cases = facts.get("cases", {})
    selected: int = cases.get(summary.model) or cases.get(f"{summary.model}, {summary.recipe}") or summary.n
    return selected if selected < facts["questions"] else None, selected >= facts["complete_size"]


CLASSIC_FILE = Report(files=_files)
