"""Writes a file of another harness as a run folder, with the log of what was asked and replied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mmlubench import datasets
from mmlubench.errors import DataError, UserError
from mmlubench.figures import several
from mmlubench.inputs import sha256
from mmlubench.jsonl import encoded
from mmlubench.records import BENCHMARK, BROKEN_OFF, FINISHED, Manifest
from mmlubench.reports.summary import summary_json
from mmlubench.run.folder import RunFolder
from mmlubench.run.importing.ids import UNKNOWN, Found, Ids
from mmlubench.run.importing.inspect_log import read_inspect
from mmlubench.run.importing.lm_eval_samples import read_lm_eval
from mmlubench.run.importing.sample import Sample, Source
from mmlubench.schema import Entry, Outcome, Usage, majority
from mmlubench.stats import Summary, Thresholds, summarize

#: The other harness has decided which reply has a letter, and what a reply without one counts: its score is told.
_ITS_OWN = Thresholds(max_unparsed_rate=1.0)


@dataclass(frozen=True)
class Imported:
    """A run folder that was made of another harness's file."""

    path: Path
    summary: Summary
    ways: Mapping[str, int]
    """How many questions were found in which way."""

    @property
    def lost(self) -> int:
        """How many questions are none of ours, as far as is known."""
        return self.ways.get(UNKNOWN, 0)


def import_run(
    path: Path, parent: Path, *, data: str | None = None, benchmark: str = "", label: str = ""
) -> Imported:
    """Make a run folder under `parent` of a log of inspect, or of results or samples of lm-eval.

    `data` is the data set to find questions in, as for `--data`; `benchmark` names ours where the task's name does not;
    `label` is what the run calls the model, by default as the file does. Raises UserError.
    """
    source = _source(path, benchmark)
    questions = datasets.load(source.benchmark, data, allow_partial=True, examples=False) if data else None
    ids = Ids(source.benchmark, questions.questions if questions else ())
    label = label or source.model or "unknown"
    try:
        cases = _cases(source, ids)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    if not cases:
        raise DataError(path, "it has no sample.")
    entries = [_entry(found, samples, source, label) for found, samples in cases]
    folder = RunFolder(str(parent), mock=_is_mock(source))
    for order, ((found, samples), entry) in enumerate(zip(cases, entries, strict=True)):
        folder.append(order, _lines(found, samples, entry, label))
    folder.close()
    manifest = _manifest(folder.run_id, source, label, ids, data)
    if questions is not None:
        manifest = _with_data(manifest, source, questions)
    summary = _summary(entries, source, label, ids)
    folder.write_json("manifest.json", manifest.to_dict())
    folder.write_json("summary.json", summary_json(manifest, [summary]))
    return Imported(folder.path, summary, dict(ids.ways))


def _source(path: Path, benchmark: str) -> Source:
    try:
        if path.is_dir():
            found = sorted(path.glob("results_*.json"))
            if not found:
                raise UserError(f"{path} is a folder without results_*.json of lm-eval: name a file.")
            path = found[-1]
        is_lm_eval = path.name.startswith(("results_", "samples_"))
        source = read_lm_eval(path, benchmark) if is_lm_eval else read_inspect(path, benchmark)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    if source.benchmark not in datasets.NAMES:
        raise UserError(
            f"{path} is of the task {source.task}, which is none of ours by its name: say with --benchmark which of "
            f"{', '.join(datasets.NAMES)} it asks."
        )
    return source


def _cases(source: Source, ids: Ids) -> list[tuple[Found, list[Sample]]]:
    """Return the samples of each question, in the order of ids."""
    found: dict[str, tuple[Found, list[Sample]]] = {}
    for sample in source.samples:
        question = ids.find(sample)
        found.setdefault(question.id, (question, []))[1].append(sample)
    return [found[name] for name in sorted(found)]


def _entry(found: Found, samples: Sequence[Sample], source: Source, label: str) -> Entry:
    scored = [one for one in samples if one.points is not None]
    letters = tuple(one.letter for one in scored)
    points = [one.points or 0.0 for one in scored]
    score = sum(points) / len(points) if points else None
    usage = Usage()
    for one in samples:
        usage += one.usage
    letter = majority(letters)
    first = scored[0] if scored else samples[0]
    is_repeated = len(scored) > 1
    return Entry(
        id=found.id,
        benchmark=source.benchmark,
        subject=found.subject,
        category=found.category,
        model=label,
        outcome=_outcome(score, letter, first),
        answer=found.answer,
        prediction=letter,
        rule=first.rule,
        latency_s=round(sum(one.latency_s for one in samples), 4),
        usage=usage,
        requests=len(samples),
        served_model=first.served_model,
        error=first.error if score is None else "",
        choices=found.choices,
        language=found.language,
        probabilities=first.probabilities,
        letters=letters if is_repeated else (),
        score=score if is_repeated or score not in (None, 0.0, 1.0) else None,
        order=first.order,
    )


def _outcome(score: float | None, letter: str | None, sample: Sample) -> Outcome:
    if score is None:
        return Outcome.ERROR
    if score > 0.5:
        return Outcome.CORRECT
    if letter is not None:
        return Outcome.WRONG
    kinds = {"length": Outcome.TRUNCATED, "refusal": Outcome.REFUSED}
    return kinds.get(sample.finish_reason, Outcome.UNPARSED)


def _lines(found: Found, samples: Iterable[Sample], entry: Entry, label: str) -> dict[str, bytes]:
    requests, responses = [], []
    for epoch, sample in enumerate(samples):
        who: dict[str, Any] = {"id": found.id, "attempt": 1, "model": label}
        who |= {"epoch": epoch} if epoch else {}
        asked = {"messages": sample.messages, "parameters_asked": {}, "parameters_sent": {}}
        requests.append(encoded({"kind": BENCHMARK, **who, **asked}))
        said: dict[str, Any] = {
            "completion": sample.reply,
            "finish_reason": sample.finish_reason,
            "usage": sample.usage.to_dict(),
            "latency_s": sample.latency_s,
            "served_model": sample.served_model,
        }
        if sample.reasoning:
            said["reasoning"] = sample.reasoning
        responses.append(encoded({**who, **({"error": sample.error} if sample.points is None else said)}))
    return {
        "requests": b"".join(one + b"\n" for one in requests),
        "responses": b"".join(one + b"\n" for one in responses),
        "results": encoded(entry.to_dict()) + b"\n",
    }


def _manifest(run_id: str, source: Source, label: str, ids: Ids, data: str | None) -> Manifest:
    provider, _, _ = source.model.partition("/")
    client = "mock" if _is_mock(source) else "imported"
    return Manifest(
        run_id=run_id,
        created=_created(source),
        command=("mmlubench", "import", *source.files[:1]),
        cwd=str(Path.cwd()),
        state=FINISHED if source.is_complete else BROKEN_OFF,
        settings={"desc": f"imported from {source.harness}: {source.task}", **source.settings},
        models={
            label: {"label": label, "client": client, "provider": provider, "model_id": source.model or label}
        },
        recipe={"name": _recipe(source), "version": source.version, "shots": source.shots},
        data={source.benchmark: {"source": f"imported from {source.harness}"}},
        packages={source.harness: source.version},
        facts={
            "solver": source.harness,
            "extraction": source.harness,
            "imported": {
                "harness": source.harness,
                "version": source.version,
                "task": source.task,
                "files": {name: sha256(Path(name)) for name in source.files},
                "found_by": dict(ids.ways),
                "data": data,
            },
        },
    )


def _with_data(manifest: Manifest, source: Source, data: datasets.DataSet) -> Manifest:
    known = {"source": data.source, "revision": data.revision, "sha256": data.sha256}
    found = {**manifest.data[source.benchmark], "found_in": known}
    return replace(manifest, data={source.benchmark: found})


def _recipe(source: Source) -> str:
    task = source.task.rpartition("/")[2]
    return f"{source.harness} {task}"


def _summary(entries: Sequence[Entry], source: Source, label: str, ids: Ids) -> Summary:
    unfinished = "" if source.is_complete else f"the evaluation of {source.harness} did not end"
    lost = ids.ways[UNKNOWN]
    notice = f"imported from {source.harness} {source.version}".strip()
    if lost:
        notice += f"; {several(lost, 'question')} not found among ours: only other imports can have the same"
    return replace(
        summarize(entries, _ITS_OWN, unfinished=unfinished, again=f"run {source.harness} again"),
        benchmark=source.benchmark,
        model=label,
        recipe=_recipe(source),
        scoring=source.scoring,
        mock=_is_mock(source),
        notice=notice,
        duration_s=source.duration_s,
    )


def _is_mock(source: Source) -> bool:
    return "mock" in source.model.lower()


def _created(source: Source) -> str:
    with suppress(ValueError):
        found = datetime.fromisoformat(source.created.replace("Z", "+00:00"))
        return (found if found.tzinfo else found.astimezone()).isoformat()
    return ""
