"""Reads a log of inspect, `.eval` or `.json`: the MMLU tasks of inspect_evals, and logs that we exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import orjson

from mmlubench.errors import DataError
from mmlubench.inputs import JSON_BYTES, read_bytes
from mmlubench.run.importing.sample import Sample, Source, benchmark_of, mapping, positive, text, whole
from mmlubench.run.importing.zip_members import members, read_member
from mmlubench.schema import ALPHABET, Usage

_VALUES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
#: Why a reply has no letter -> how it ended.
_ENDS = {"max_tokens": "length", "no_response": "length", "content_filter": "refusal", "refusal": "refusal"}


def read_inspect(path: Path, benchmark: str = "") -> Source:
    """Read a log; `benchmark` names ours where the task's name does not. Raises DataError, OSError."""
    names = members(path) if path.suffix == ".eval" else []
    log = {} if names else _object(path, read_bytes(path, JSON_BYTES))
    header = _member(path, "header.json") if "header.json" in names else log
    if names and not header:  # the log of an evaluation that was killed
        header = _member(path, "_journal/start.json") if "_journal/start.json" in names else {}
    about = mapping(header.get("eval"))
    if not about.get("task"):
        raise DataError(path, "it is no log of inspect: it names no task.")
    task, arguments = text(about.get("task")), mapping(about.get("task_args"))
    language = text(arguments.get("language"))
    language = "" if language == "EN_US" else language
    ours = benchmark or text(mapping(about.get("metadata")).get("benchmark")) or benchmark_of(task)
    ours = "mmmlu" if ours == "mmlu" and language and not benchmark else ours
    planned = mapping(mapping(header.get("plan")).get("config"))
    config = {
        **mapping(about.get("model_generate_config")),
        **{k: v for k, v in planned.items() if v is not None},
    }
    stats = mapping(header.get("stats"))
    found = _zipped(path, names) if names else iter(log.get("samples") or ())
    return Source(
        harness="inspect",
        version=text(mapping(about.get("packages")).get("inspect_ai")),
        task=task,
        benchmark=ours,
        model=text(about.get("model")),
        created=text(about.get("created")),
        files=(str(path),),
        samples=(_sample(sample, language) for sample in found if isinstance(sample, Mapping)),
        is_complete=header.get("status") == "success",
        shots=5 if "5_shot" in task else 0 if "0_shot" in task else None,
        settings={
            name: config[name] for name in ("temperature", "max_tokens") if config.get(name) is not None
        },
        duration_s=_between(stats.get("started_at"), stats.get("completed_at")),
    )


def _sample(values: Mapping[str, Any], language: str) -> Sample:
    about, output = mapping(values.get("metadata")), mapping(values.get("output"))
    score = _score(mapping(values.get("scores")))
    asked = values.get("input")
    messages = _messages(values.get("messages")) or _messages(asked)
    question = (
        asked if isinstance(asked, str) else next((m["content"] for m in reversed(_messages(asked))), "")
    )
    choice = mapping(next(iter(output.get("choices") or ()), None))
    message = mapping(choice.get("message"))
    target = values.get("target")
    answer = target[0] if isinstance(target, list) and target else target
    return Sample(
        key=text(str(values.get("id"))),
        answer=_letter(answer) or "",
        letter=_letter(score.get("answer")),
        points=_points(score.get("value")),
        subject=text(about.get("subject")).replace(" ", "_"),
        language=text(about.get("language")) or language,
        question=question,
        choices=tuple(text(one) for one in values.get("choices") or ()),
        messages=tuple(one for one in messages if one["role"] != "assistant"),
        reply=_content(message.get("content")) or text(output.get("completion")),
        reasoning=_thinking(message.get("content")),
        rule=text(mapping(score.get("metadata")).get("rule")) or text(score.get("reason")),
        finish_reason=_finish(score, text(choice.get("stop_reason"))),
        error=text(mapping(values.get("error")).get("message")) or ("" if score else "the log has no score"),
        usage=_usage(mapping(values.get("model_usage"))),
        latency_s=positive(values.get("working_time") or values.get("total_time")),
        served_model=text(output.get("model")),
        order=text(about.get("order")),
    )


def _finish(score: Mapping[str, Any], stop_reason: str) -> str:
    return _ENDS.get(text(score.get("reason")) or stop_reason, "stop")


def _score(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the score to go by: that of `choice` or ours, else the first."""
    named = [scores[name] for name in ("choice", "mmlubench") if name in scores]
    return mapping(next(iter([*named, *scores.values()]), {}))


def _points(value: object) -> float | None:
    if isinstance(value, str):
        return _VALUES.get(value)
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else None


def _letter(value: object) -> str | None:
    found = text(value).strip().strip("().").upper()
    return found if len(found) == 1 and found in ALPHABET else None


def _messages(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list):
        return []
    return [
        {"role": text(one.get("role")) or "user", "content": _content(one.get("content"))}
        for one in value
        if isinstance(one, Mapping)
    ]


def _content(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(
            text(part.get("text")) for part in value if isinstance(part, Mapping) and part.get("text")
        )
    return text(value)


def _thinking(value: object) -> str:
    parts = value if isinstance(value, list) else ()
    return "\n".join(text(part.get("reasoning")) for part in parts if isinstance(part, Mapping)).strip()


def _usage(usage: Mapping[str, Any]) -> Usage:
    total = Usage()
    for one in map(mapping, usage.values()):
        cost = one.get("total_cost")
        total += Usage(
            whole(one.get("input_tokens")),
            whole(one.get("output_tokens")),
            whole(one.get("input_tokens_cache_read")),
            whole(one.get("reasoning_tokens")),
            positive(cost) if cost is not None else None,
            whole(one.get("input_tokens_cache_write")),
        )
    return total


def _zipped(path: Path, names: list[str]) -> Iterator[Mapping[str, Any]]:
    with ZipFile(path) as file, path.open("rb") as raw:
        for name in names:
            if name.startswith("samples/") and name.endswith(".json"):
                yield _object(path, read_member(path, file, raw, name), name)


def _member(path: Path, name: str) -> Mapping[str, Any]:
    with ZipFile(path) as file, path.open("rb") as raw:
        return _object(path, read_member(path, file, raw, name), name)


def _object(path: Path, content: bytes, name: str = "") -> Mapping[str, Any]:
    # late: json reads the NaN of inspect, which is no JSON, and is slower
    import json

    try:
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"its {name or 'content'} is not JSON ({error}).") from None
    if not isinstance(found, Mapping):
        raise DataError(path, f"its {name or 'content'} is no JSON object.")
    return found


def _between(start: object, end: object) -> float:
    try:
        return positive(
            (datetime.fromisoformat(text(end)) - datetime.fromisoformat(text(start))).total_seconds()
        )
    except (ValueError, TypeError):
        return 0.0
