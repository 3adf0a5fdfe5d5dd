"""Records of Every Eval Ever, schema 0.3.0: a JSON file of figures and a JSON-lines file of samples beside it.

The schemas are eval.schema.json and instance_level_eval.schema.json of the package every-eval-ever, and the files lie
as its data store has them: data/COLLECTION/DEVELOPER/MODEL/UUID.json. The schema has no record without a score, so that
a result without a headline accuracy is not exported.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import IO, Any

from mmlubench.errors import UserError
from mmlubench.reports.exports.export import Export, Made, line
from mmlubench.reports.exports.logged import Case, LoggedRun
from mmlubench.reports.exports.scored import REPOSITORIES, Scored, our_version, scored
from mmlubench.schema import ANSWERED, Outcome
from mmlubench.stats.score import Score

SCHEMA_VERSION = "0.3.0"
#: Characters that a folder of the data store may not have.
_UNFIT = re.compile(r'[<>:"\\|?*\x00-\x1f/]')


def _files(run: LoggedRun) -> Iterable[Made]:
    found = scored(run)
    told = [one for one in found if one.accuracy is not None]
    if not told:
        why = "; ".join(f"{one.benchmark} {one.label}: {one.summary.why_no_headline}" for one in found)
        raise UserError(f"a record of Every Eval Ever needs a score, and there is none ({why}).")
    for one in told:
        place = f"{_folder(one)}/{one.uuid}"
        yield Made(f"{place}_samples.jsonl", partial(_write_samples, one))
        yield Made(f"{place}.json", partial(_write_aggregate, one, f"{place}_samples.jsonl"))


def _folder(one: Scored) -> str:
    developer, _, model = one.qualified_model.partition("/")
    parts = (one.benchmark, developer, model)
    return "/".join(["data", *(_UNFIT.sub("_", part).rstrip(". ") or "unknown" for part in parts)])


def _write_aggregate(one: Scored, samples: str, file: IO[bytes]) -> None:
    file.write(
        json.dumps(aggregate(one, samples), indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    )


def _write_samples(one: Scored, file: IO[bytes]) -> None:
    for case in one.cases():
        file.write(line(sample(case, one)))


def aggregate(one: Scored, samples: str) -> dict[str, Any]:
    """Return the record of a result, whose samples have that path: the whole benchmark, then its subjects."""
    summary, retrieved = one.summary, str(one.started.timestamp())
    parts = [("", summary.total, summary.standard_error), *_parts(one)]
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": _evaluation_id(one),
        "evaluation_timestamp": one.started.isoformat(),
        "retrieved_timestamp": retrieved,
        "source_metadata": {
            "source_name": "mmlubench",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
            "additional_details": _texts({"run_id": one.run.run_id, "mock": one.summary.mock}),
        },
        "eval_library": {
            "name": "mmlubench",
            "version": our_version() or "unknown",
            "additional_details": _texts({"recipe": one.recipe, "scoring": summary.scoring}),
        },
        "model_info": _model(one),
        "evaluation_results": [_result(one, name, score, error) for name, score, error in parts],
        "detailed_evaluation_results": {"format": "jsonl", "file_path": samples, "total_rows": one.n},
    }


def _evaluation_id(one: Scored) -> str:
    name = one.entry_name or one.qualified_model
    told = "_".join(filter(None, (name, one.own_recipe))).replace("/", "_")
    return f"{one.benchmark}/{told}/{one.started.timestamp()}"


def _parts(one: Scored) -> Iterator[tuple[str, Score, float | None]]:
    for name, score in one.summary.subjects.items():
        if score.accuracy is not None and len(one.summary.subjects) > 1:
            yield name, score, None


def _model(one: Scored) -> dict[str, Any]:
    provider = str(one.spec.get("provider") or one.spec.get("client") or "unknown")
    return {
        "name": one.model,
        "id": one.qualified_model,
        "developer": one.qualified_model.partition("/")[0],
        "inference_platform": provider,
        "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
    }


def _result(one: Scored, subject: str, score: Score, error: float | None) -> dict[str, Any]:
    settings, name = one.manifest.settings, f"{one.benchmark}/{subject}" if subject else one.benchmark
    low, high = score.ci95
    uncertainty: dict[str, Any] = {
        "confidence_interval": {
            "lower": low,
            "upper": high,
            "confidence_level": 0.95,
            "method": "wilson; normal for epochs and for clusters of translations",
        },
        "num_samples": score.answered,
    }
    if error is not None:
        uncertainty["standard_error"] = {"value": error, "method": "analytic"}
    arguments = {name: settings.get(name) for name in ("temperature", "max_tokens")}
    return {
        "evaluation_result_id": name,
        "evaluation_name": name,
        "source_data": {
            "dataset_name": one.benchmark,
            **_source(one),
            "additional_details": _texts(one.manifest.data.get(one.benchmark, {})),
        },
        "metric_config": {
            "evaluation_description": "points per answered question: refusals and replies without a letter have none",
            "metric_id": "accuracy",
            "metric_name": "accuracy",
            "metric_kind": "accuracy",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": score.accuracy,
            "details": _texts({outcome.value: count for outcome, count in score.outcomes.items()}),
            "uncertainty": uncertainty,
        },
        "generation_config": {
            "generation_args": {
                **{key: value for key, value in arguments.items() if value is not None},
                "prompt_template": str(one.manifest.recipe.get("template") or one.recipe),
                "execution_command": shlex.join(one.manifest.command),
            },
            "additional_details": _texts({**one.facts, "doubts": "; ".join(one.doubts)}),
        },
    }


def _source(one: Scored) -> dict[str, Any]:
    repository = REPOSITORIES.get(one.benchmark)
    if repository is None or str(one.manifest.data.get(one.benchmark, {}).get("source")).endswith("sample"):
        return {"source_type": "other"}
    split = "validation" if one.benchmark == "commonsense_qa" else "test"
    return {
        "source_type": "hf_dataset",
        "hf_repo": repository,
        "hf_split": split,
        "samples_number": one.n,
    }


def sample(case: Case, one: Scored) -> dict[str, Any]:
    """Return the record of one case."""
    entry, reasoning = case.entry, case.reasoning()
    epochs = range(max(1, len(entry.letters)))
    texts = [case.text(epoch) for epoch in epochs] if entry.outcome in ANSWERED else []
    usage = entry.usage
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": _evaluation_id(one),
        "model_id": one.qualified_model,
        "evaluation_name": one.benchmark,
        "evaluation_result_id": one.benchmark,
        "sample_id": entry.id,
        "interaction_type": "single_turn",
        "input": {
            "raw": case.prompt or entry.id,
            "reference": [entry.answer],
            "choices": [chr(65 + place) for place in range(entry.choices)],
        },
        "output": {"raw": texts or [""], **({"reasoning_trace": [reasoning]} if reasoning else {})},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": entry.prediction or "",
                "extraction_method": entry.rule or entry.outcome.value,
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": entry.points, "is_correct": entry.outcome is Outcome.CORRECT},
        "token_usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "input_tokens_cache_read": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "performance": {"latency_ms": entry.latency_s * 1_000},
        "error": entry.error or (None if entry.outcome in ANSWERED else entry.outcome.value),
        "metadata": _texts(
            {
                "harness": "mmlubench",
                "outcome": entry.outcome.value,
                "subject": entry.subject,
                "category": entry.category,
                "language": entry.language,
                "mock": one.summary.mock,
            }
        ),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the values as texts, as the schema has all details; those that say nothing are left out."""
    found = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}


EVERY_EVAL_EVER = Export(files=_files)
