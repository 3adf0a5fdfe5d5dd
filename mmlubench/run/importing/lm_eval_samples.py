"""Reads what lm-evaluation-harness wrote with `--log_samples`: results_TIME.json, samples_TASK_TIME.jsonl, or both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, isfinite
from pathlib import Path
from typing import Any

import orjson

from mmlubench.errors import DataError
from mmlubench.inputs import JSON_BYTES, read_bytes
from mmlubench.jsonl import read
from mmlubench.run.importing.sample import Sample, Source, benchmark_of, mapping, text
from mmlubench.schema import ALPHABET

#: The metrics that say whether an answer is right, the first that a sample has counts.
_METRICS = ("exact_match", "acc")
#: Languages of MMMLU in the names of its tasks: mmmlu_de_de_anatomy.
_LANGUAGE = 5


def read_lm_eval(path: Path, benchmark: str = "") -> Source:
    """Read a file of results with the samples beside it, or samples alone. Raises DataError, OSError."""
    files, results = _found(path)
    about, config = mapping(results), mapping(mapping(results).get("config"))
    tasks = [_task(file) for file in files]
    ours = benchmark or benchmark_of(tasks[0])
    if any(benchmark_of(task) not in ("", ours) for task in tasks) and not benchmark:
        files = [file for file in files if benchmark_of(_task(file)) == ours]
    shots = set(mapping(about.get("n-shot")).values())
    date = about.get("date")
    arguments = mapping(config.get("gen_kwargs"))
    return Source(
        harness="lm-eval",
        version=text(about.get("lm_eval_version")),
        task=tasks[0] if len(tasks) == 1 else f"{ours} ({len(tasks)} tasks)",
        benchmark=ours,
        model=text(about.get("model_name")) or _pretrained(config) or path.parent.name.replace("__", "/"),
        created=_moment(date) or _time_of(path),
        files=tuple(map(str, files)),
        samples=(sample for file in files for sample in _samples(file, ours)),
        shots=shots.pop() if len(shots) == 1 and all(isinstance(one, int) for one in shots) else None,
        settings={
            ours_: arguments[name]
            for name, ours_ in (("temperature", "temperature"), ("max_gen_toks", "max_tokens"))
            if isinstance(arguments.get(name), (int, float))
        },
        scoring="text" if _is_generated(files[0]) else "logprob",
        duration_s=_seconds(about.get("total_evaluation_time_seconds")),
    )


def _found(path: Path) -> tuple[list[Path], object]:
    """Return the files of samples, and the content of the file of results; None without one."""
    moment = _time_of(path)
    if path.name.startswith("samples_"):
        beside = path.parent / f"results_{moment}.json"
        return [path], _object(beside) if beside.is_file() else None
    files = sorted(path.parent.glob(f"samples_*_{moment}.jsonl"))
    if not files:
        raise DataError(
            path,
            "there are no samples beside it; run lm-eval with --log_samples, and keep the files together.",
        )
    return files, _object(path)


def _samples(path: Path, benchmark: str) -> Iterator[Sample]:
    seen: dict[object, object] = {}
    task = _task(path)
    for values in read(path):
        if "doc_id" not in values:
            continue
        way = values.get("filter")
        if seen.setdefault(values["doc_id"], way) != way:
            continue  # of several filters of one reply the first counts
        yield _sample(values, task, benchmark)


def _sample(values: Mapping[str, Any], task: str, benchmark: str) -> Sample:
    doc, number = mapping(values.get("doc")), values.get("doc_id")
    choices = doc.get("choices") or doc.get("options") or [doc[letter] for letter in "ABCD" if letter in doc]
    choices = mapping(choices).get("text") or choices
    answer = next(
        (doc[name] for name in ("answer", "Answer", "answerKey") if name in doc), values.get("target")
    )
    language, subject = _where(task, benchmark, doc)
    letter, probabilities, reply = _answered(values)
    points = next((values[name] for name in _METRICS if name in values), None)
    # doc_id counts the rows of the task: of MMLU's that is a subject, while MMLU-Pro has ids of its own.
    own = (
        doc.get("question_id")
        if benchmark == "mmlu_pro"
        else doc.get("id")
        if benchmark == "commonsense_qa"
        else None
    )
    row = (
        number
        if isinstance(number, int) and benchmark in ("mmlu", "mmmlu") and "mmlubench_id" not in doc
        else None
    )
    return Sample(
        key=text(doc.get("mmlubench_id")) or (str(own) if own is not None else f"{task}/{number}"),
        answer=_letter(answer),
        letter=letter,
        points=float(points) if isinstance(points, (int, float)) and 0 <= points <= 1 else None,
        subject=subject,
        language=language,
        row=row,
        question=text(doc.get("question")) or text(doc.get("Question")),
        choices=tuple(text(one) for one in choices) if isinstance(choices, list) else (),
        messages=({"role": "user", "content": _prompt(values)},),
        reply=reply,
        rule=f"lm-eval {text(values.get('filter'))}".strip(),
        probabilities=probabilities,
        order=text(doc.get("order")),
    )


def _answered(values: Mapping[str, Any]) -> tuple[str | None, Mapping[str, float] | None, str]:
    """Return the letter, the probability of each letter if they were compared, and the reply."""
    filtered, said = values.get("filtered_resps"), values.get("resps")
    filtered = filtered if isinstance(filtered, list) else []
    if filtered and isinstance(filtered[0], list):  # [log-probability, is it the greedy one] for each choice
        scores = [_number(one[0]) if one else None for one in filtered if isinstance(one, list)]
        known = {ALPHABET[at]: one for at, one in enumerate(scores[: len(ALPHABET)]) if one is not None}
        if not known:
            return None, None, ""
        best = max(known, key=known.__getitem__)
        top = known[best]
        weights = {letter: exp(one - top) for letter, one in known.items()}
        total = sum(weights.values())
        return best, {letter: weight / total for letter, weight in weights.items()}, ""
    first = said[0] if isinstance(said, list) and said else ""
    reply = text(first[0] if isinstance(first, list) and first else first)
    return _letter(filtered[0] if filtered else "", only=True) or None, None, reply


def _where(task: str, benchmark: str, doc: Mapping[str, Any]) -> tuple[str, str]:
    """Return language and subject of a sample."""
    language = text(doc.get("language"))
    subject = text(doc.get("subject")) or text(doc.get("Subject")) or text(doc.get("category"))
    rest = task.removeprefix(f"{benchmark}_").removesuffix("_generative")
    if benchmark == "mmmlu" and not language:
        language = rest[:_LANGUAGE].upper()
    subject = subject or (rest[_LANGUAGE + 1 :] if benchmark == "mmmlu" else rest)
    return language, subject.replace(" ", "_")


def _letter(value: object, *, only: bool = False) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(ALPHABET):
        return ALPHABET[value]
    found = text(value).strip().strip("().*").upper()
    if found.isdigit() and not only:  # the target of a multiple-choice task is the place of the choice
        return ALPHABET[int(found)] if int(found) < len(ALPHABET) else ""
    return found if len(found) == 1 and found in ALPHABET else ""


def _prompt(values: Mapping[str, Any]) -> str:
    first = mapping(mapping(values.get("arguments")).get("gen_args_0"))
    return text(first.get("arg_0"))


def _is_generated(path: Path) -> bool:
    first: Mapping[str, Any] = next(iter(read(path)), {})
    filtered = first.get("filtered_resps")
    return not (isinstance(filtered, list) and filtered and isinstance(filtered[0], list))


def _task(path: Path) -> str:
    return path.name.removeprefix("samples_").rpartition("_")[0]


def _time_of(path: Path) -> str:
    return path.name.rpartition("_")[2].removesuffix(".jsonl").removesuffix(".json")


def _moment(date: object) -> str:
    # late: only files of results have a date
    from datetime import datetime, timezone

    if not isinstance(date, (int, float)) or not 0 <= date < 10**11:
        return ""
    return datetime.fromtimestamp(date, timezone.utc).isoformat()


def _pretrained(config: Mapping[str, Any]) -> str:
    arguments = config.get("model_args")
    if isinstance(arguments, Mapping):
        return text(arguments.get("pretrained")) or text(arguments.get("model"))
    pairs: Sequence[str] = text(arguments).split(",")
    named = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return named.get("pretrained") or named.get("model") or ""


def _number(value: object) -> float | None:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if isfinite(found) else -1e9


def _seconds(value: object) -> float:
    found = _number(value)
    return found if found is not None and found > 0 else 0.0


def _object(path: Path) -> object:
    try:
        return orjson.loads(read_bytes(path, JSON_BYTES))
    except orjson.JSONDecodeError as error:
        raise DataError(path, f"it is not JSON ({error.msg}).") from None
