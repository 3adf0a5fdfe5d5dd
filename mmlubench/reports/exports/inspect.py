"""Logs of inspect, `.eval`: a zip of the header, of each sample, and of the summaries that its viewer lists.

Version 2 of the format, read with inspect-ai 0.3: `EvalLog` and what it is made of in inspect_ai/log/_log.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from mmlubench.jsonl import encoded
from mmlubench.records import FINISHED
from mmlubench.reports.exports.export import Export, Made
from mmlubench.reports.exports.logged import Case, LoggedRun, messages_of
from mmlubench.reports.exports.scored import Scored, our_version, scored
from mmlubench.schema import ANSWERED, Entry, Outcome, Usage

_SCORER = "mmlubench"
_REASONS = {
    Outcome.UNPARSED: "invalid_response_format",
    Outcome.TRUNCATED: "no_response",
    Outcome.REFUSED: "refusal",
}
#: A summary holds no longer texts, as inspect writes it.
_SHORT = 1_000


def _files(run: LoggedRun) -> Iterable[Made]:
    for one in scored(run):
        moment = one.started.isoformat(timespec="seconds").replace(":", "-")
        name = f"{moment}_{one.stem.replace('_', '-')}_{one.uuid.replace('-', '')[:22]}.eval"
        yield Made(name, partial(_write, one))


def _write(one: Scored, file: IO[bytes]) -> None:
    summaries: list[dict[str, Any]] = []
    ids: dict[str, None] = {}
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as log:
        log.comment = b"mmlubench"
        for case in one.cases():
            ids[case.entry.id] = None
            for sample in samples(case, one):
                _add(log, f"samples/{sample['id']}_epoch_{sample['epoch']}.json", sample)
                summaries.append(_short(sample))
        _add(log, "summaries.json", summaries)
        _add(log, "header.json", header(one, list(ids)))


def _add(log: ZipFile, name: str, value: object) -> None:
    info = ZipInfo(name)  # without the time of day, a second export is the same file
    info.compress_type = ZIP_DEFLATED
    log.writestr(info, encoded(value))


def header(one: Scored, ids: list[str]) -> dict[str, Any]:
    """Return everything of a log but its samples."""
    summary, manifest, created = one.summary, one.manifest, one.started.isoformat()
    ended = one.started + timedelta(seconds=summary.duration_s)
    settings, cases = manifest.settings, manifest.data.get(one.benchmark, {})
    config = {"temperature": settings.get("temperature"), "max_tokens": settings.get("max_tokens")}
    name = f"{one.benchmark}_{one.recipe}" if one.recipe else one.benchmark
    return {
        "version": 2,
        "status": "success" if one.run.state == FINISHED else "cancelled",
        "eval": {
            "created": created,
            "run_id": one.run.run_id,
            "eval_id": one.uuid,
            "task_id": one.uuid,
            "task": name,
            "task_version": str(manifest.recipe.get("version") or 0),
            "dataset": {
                "name": one.benchmark,
                "location": str(cases.get("source") or ""),
                "samples": len(ids),
                "sample_ids": ids,
            },
            "model": one.qualified_model,
            "model_generate_config": {key: value for key, value in config.items() if value is not None},
            "config": {"epochs": one.epochs, "limit": settings.get("limit")},
            "packages": {"mmlubench": our_version()},
            "metadata": one.facts,
        },
        "results": {
            "total_samples": summary.n * one.epochs,
            "completed_samples": summary.answered * one.epochs,
            "scores": _scores(one),
        },
        "stats": {
            "started_at": created,
            "completed_at": ended.isoformat(),
            "model_usage": {one.qualified_model: _usage(summary.usage)},
        },
    }


def _scores(one: Scored) -> list[dict[str, Any]]:
    """Return the metrics, by inspect's names; none without a headline, which the metadata explain."""
    if one.accuracy is None:
        return []
    values = {"accuracy": one.accuracy, "stderr": one.summary.standard_error}
    metrics = {
        name: {"name": name, "value": value, "params": {}}
        for name, value in values.items()
        if value is not None
    }
    return [{"name": _SCORER, "scorer": _SCORER, "params": {}, "metrics": metrics}]


def samples(case: Case, one: Scored) -> Iterator[dict[str, Any]]:
    """Yield a sample for each epoch of a case; none for a case that was skipped: the header counts them."""
    if case.entry.outcome is Outcome.SKIPPED:
        return
    letters = case.entry.letters if len(case.entry.letters) > 1 else (case.entry.prediction,)
    for epoch, letter in enumerate(letters):
        yield _sample(case, one, epoch, letter, alone=len(letters) == 1)


def _sample(case: Case, one: Scored, epoch: int, letter: str | None, *, alone: bool) -> dict[str, Any]:
    entry, messages = case.entry, _messages(case, epoch)
    answered = entry.outcome in ANSWERED
    usage = {"model_usage": {one.qualified_model: _usage(entry.usage)}} if epoch == 0 else {}
    reply = case.reply(epoch)
    message = {"role": "assistant", "content": case.text(epoch), "source": "generate"}
    score = _score(entry, letter, case.text(epoch), alone=alone)
    sample: dict[str, Any] = {
        "id": entry.id,
        "epoch": epoch + 1,
        "input": case.messages or entry.id,
        "target": entry.answer,
        "messages": messages,
        "output": {
            "model": entry.served_model or one.model,
            "choices": [{"message": message, "stop_reason": _stop_reason(reply)}] if reply else [],
        },
        "scores": {_SCORER: score} if answered else {},
        "metadata": _metadata(entry),
        "total_time": entry.latency_s,
        **usage,
    }
    if not answered:
        told = entry.error or entry.outcome.value
        sample["error"] = {"message": told, "traceback": told, "traceback_ansi": told}
    return sample


def _score(entry: Entry, letter: str | None, text: str, *, alone: bool) -> dict[str, Any]:
    is_right = entry.outcome is Outcome.CORRECT if alone else letter == entry.answer
    fraction = entry.score if alone and entry.score not in (None, 0.0, 1.0) else None
    score: dict[str, Any] = {
        "value": fraction if fraction is not None else "C" if is_right else "I",
        "answer": letter,
        "explanation": text,
        "metadata": {"rule": entry.rule, "outcome": entry.outcome.value},
    }
    if letter is None and entry.outcome in _REASONS:
        score["reason"] = _REASONS[entry.outcome]
    return score


def _metadata(entry: Entry) -> dict[str, Any]:
    known = {
        "subject": entry.subject,
        "category": entry.category,
        "language": entry.language,
        "choices": entry.choices,
        "outcome": entry.outcome.value,
        "probabilities": dict(entry.probabilities) if entry.probabilities else None,
        "order": entry.order,
        "letters": list(entry.letters),
        "rounds": [list(letters) for letters in entry.rounds],
    }
    return {name: value for name, value in known.items() if value}


def _messages(case: Case, epoch: int) -> list[dict[str, Any]]:
    """Return the conversation; of several agents, all in the order of their replies, and nothing twice."""
    found: list[dict[str, Any]] = []
    before: dict[str, list[dict[str, str]]] = {}
    for request, reply in case.exchanges:
        if reply.get("epoch", 0) != epoch:
            continue
        who, asked = str(reply.get("model") or ""), messages_of(request)
        known = before.get(who, [])
        found += asked[len(known) :] if known == asked[: len(known)] else asked
        said = {"role": "assistant", "content": str(reply.get("completion") or "")}
        found.append({**said, "source": "generate", "model": who})
        before[who] = [*asked, said]
    return found or list(case.messages)


def _stop_reason(reply: Mapping[str, Any]) -> str:
    finish = str(reply.get("finish_reason") or "")
    return {"stop": "stop", "length": "max_tokens", "refusal": "content_filter"}.get(finish, "unknown")


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens_cache_read": usage.cached_tokens,
        "input_tokens_cache_write": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_cost": usage.cost_usd,
    }


def _short(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of a sample for the list of the viewer."""
    asked = sample["input"]
    text = asked if isinstance(asked, str) else "\n\n".join(message["content"] for message in asked)
    scores = {
        name: {**score, "explanation": score["explanation"][:_SHORT]}
        for name, score in sample["scores"].items()
    }
    found = {name: sample[name] for name in ("id", "epoch", "target", "metadata", "total_time")}
    found |= {"model_usage": sample.get("model_usage", {}), "message_count": len(sample["messages"])}
    found |= {"input": text[-_SHORT:], "scores": scores, "completed": True}
    return found | ({"error": sample["error"]["message"]} if "error" in sample else {})


INSPECT = Export(files=_files)
