"""Results and samples of lm-evaluation-harness: one file of figures, and one of samples for each of its tasks.

The keys are those that version 0.4 writes (lm_eval/loggers/evaluation_tracker.py). Cases without a reply have no
sample; the key `mmlubench` of the results counts them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from hashlib import sha256
from math import inf, log
from typing import IO, Any

from mmlubench.reports.exports.export import Export, Made, line
from mmlubench.reports.exports.lm_eval_tasks import Task, group_of, task_of
from mmlubench.reports.exports.logged import Case, LoggedRun
from mmlubench.reports.exports.scored import REPOSITORIES, Scored, our_version, scored
from mmlubench.schema import ANSWERED, Entry, Scoring
from mmlubench.stats import summarize


def _files(run: LoggedRun) -> Iterable[Made]:
    found = scored(run)
    names = Counter(one.name for one in found)
    for one in found:
        collected = _Collected(one)
        # A file of figures is called by its time alone, so that each result needs a folder of its own.
        is_alone = names[one.name] == 1
        folder = _sanitized(one.name) if is_alone else f"{_sanitized(one.name)}__{one.stem}"
        moment = one.started.isoformat(timespec="microseconds").partition("+")[0].replace(":", "-")
        for task in collected.tasks:
            yield Made(f"{folder}/samples_{task.name}_{moment}.jsonl", partial(collected.write_samples, task))
        yield Made(f"{folder}/results_{moment}.json", collected.write_results)


class _Collected:
    """One result, task by task."""

    def __init__(self, one: Scored) -> None:
        self.one = one
        self.tasks: dict[Task, list[Entry]] = {}
        self.hashes: dict[str, str] = {}
        self._samples: dict[Task, list[bytes]] = {}
        is_scored = one.summary.scoring != Scoring.TEXT.value
        for case in one.cases():
            task = task_of(case.entry, is_scored=is_scored)
            self.tasks.setdefault(task, []).append(case.entry)
            if case.entry.outcome in ANSWERED:
                samples = self._samples.setdefault(task, [])
                samples.append(line(sample(case, task, len(samples))))

    def write_samples(self, task: Task, file: IO[bytes]) -> None:
        """Write the samples of a task, and note their hash for the results, which are written last."""
        samples = self._samples.pop(task, [])
        told = [json.loads(one) for one in samples]
        hashes = (one["doc_hash"] + one["prompt_hash"] + one["target_hash"] for one in told)
        self.hashes[task.name] = _hash("".join(hashes))
        file.write(b"".join(samples) or line({"mmlubench": "no case of this task has a reply"}))

    def write_results(self, file: IO[bytes]) -> None:
        """Write the figures of all tasks and groups."""
        text = json.dumps(results(self.one, self.tasks, self.hashes), indent=2, ensure_ascii=False)
        file.write(text.encode("utf-8", "replace"))


def sample(case: Case, task: Task, number: int) -> dict[str, Any]:
    """Return the sample of an answered case, the `number`-th of its task."""
    entry = case.entry
    doc = {
        "mmlubench_id": entry.id,
        "subject": entry.subject,
        "category": entry.category,
        "language": entry.language,
        "answer": entry.answer,
        "order": entry.order,
    }
    prompt = case.prompt or entry.id
    scores = dict(entry.probabilities or {}) if task.is_multiple_choice else {}
    if scores:
        best = max(scores, key=scores.__getitem__)
        asked = [(prompt, f" {letter}") for letter in scores]
        said = [[str(log(p) if p > 0 else -inf), str(letter == best)] for letter, p in scores.items()]
        replies: list[Any] = [[one] for one in said]
        filtered: list[Any] = said
    else:
        asked = [(prompt, "")]
        replies = [[case.text(epoch) for epoch in range(max(1, len(entry.letters)))]]
        filtered = [letter or "[invalid]" for letter in (entry.letters or (entry.prediction,))]
    return {
        "doc_id": number,
        "doc": doc,
        "target": entry.answer,
        "arguments": {
            f"gen_args_{place}": {"arg_0": text, "arg_1": more} for place, (text, more) in enumerate(asked)
        },
        "resps": replies,
        "filtered_resps": filtered,
        "filter": task.filter,
        "metrics": [task.metric],
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(entry.answer),
        task.metric: entry.points,
    }


def results(one: Scored, tasks: Mapping[Task, list[Entry]], hashes: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return the content of the results file: figures without a headline are left out, and `mmlubench` says why."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        for group in group_of(task):
            groups.setdefault(group, []).append(task)
    entries = {
        **{task.name: found for task, found in tasks.items()},
        **{
            name: [entry for task in members for entry in tasks[task]]
            for name, members in groups.items()
            if name not in {task.name for task in tasks}
        },
    }
    first = next(iter(tasks))
    shots, summary = one.manifest.recipe.get("shots") or 0, one.summary
    rows = {name: _row(name, found, first, one) for name, found in entries.items()}
    began = one.started.timestamp()
    return {
        "results": rows,
        **({"groups": {name: rows[name] for name in groups if name in rows}} if groups else {}),
        "group_subtasks": {
            **{name: [task.name for task in members] for name, members in groups.items()},
            **{task.name: [] for task in tasks},
        },
        "configs": {task.name: _config(task, one, shots) for task in tasks},
        "versions": dict.fromkeys(entries, str(one.manifest.recipe.get("version") or 0)),
        "n-shot": {task.name: shots for task in tasks},
        "higher_is_better": {key: {first.metric: True} for key in entries},
        "n-samples": {
            task.name: {
                "original": len(found),
                "effective": sum(entry.outcome in ANSWERED for entry in found),
            }
            for task, found in tasks.items()
        },
        "config": {
            "model": str(one.spec.get("provider") or one.spec.get("client") or ""),
            "model_args": f"pretrained={one.model}",
            "limit": one.manifest.settings.get("limit"),
            "gen_kwargs": {
                name: one.manifest.settings.get(name)
                for name in ("temperature", "max_tokens")
                if one.manifest.settings.get(name) is not None
            },
        },
        "git_hash": one.manifest.git_commit,
        "date": began,
        "model_source": str(one.spec.get("provider") or ""),
        "model_name": one.name,
        "model_name_sanitized": _sanitized(one.name),
        "lm_eval_version": f"mmlubench {our_version()}",
        "task_hashes": dict(hashes),
        "start_time": began,
        "end_time": (one.started + timedelta(seconds=summary.duration_s)).timestamp(),
        "total_evaluation_time_seconds": str(summary.duration_s),
        "mmlubench": one.facts,
    }


def _row(name: str, entries: list[Entry], task: Task, one: Scored) -> dict[str, Any]:
    figures = summarize(entries)
    row: dict[str, Any] = {"alias": name, "sample_len": figures.answered}
    if one.accuracy is not None and figures.accuracy is not None:
        row[f"{task.metric},{task.filter}"] = figures.accuracy
        error = figures.standard_error
        row[f"{task.metric}_stderr,{task.filter}"] = "N/A" if error is None else error
    return row


def _config(task: Task, one: Scored, shots: int) -> dict[str, Any]:
    return {
        "task": task.name,
        "dataset_path": REPOSITORIES.get(one.benchmark, one.benchmark),
        "dataset_name": task.subject,
        "test_split": "validation" if one.benchmark == "commonsense_qa" else "test",
        "output_type": "multiple_choice" if task.is_multiple_choice else "generate_until",
        "num_fewshot": shots,
        "metric_list": [{"metric": task.metric, "aggregation": "mean", "higher_is_better": True}],
        "doc_to_text": str(one.manifest.recipe.get("template") or one.recipe),
        "doc_to_target": "{{answer}}",
        "repeats": one.epochs,
        "metadata": {"recipe": one.recipe, "mock": one.summary.mock},
    }


def _sanitized(name: str) -> str:
    """Return a name as lm-eval makes that of a folder (`sanitize_model_name`)."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", name)


def _hash(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


LM_EVAL = Export(files=_files)
