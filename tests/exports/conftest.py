"""Run folders to export: every outcome, hostile texts, several models, epochs, agents, log-probabilities, a mock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.records import Manifest
from mmlubench.reports.summary import summary_json
from mmlubench.run.archive import RunArchive
from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize
from mmlubench.stats.thresholds import Thresholds

#: What models and data may say: formulas, HTML, terminal codes, NUL, a right-to-left mark, ends of lines, and more.
HOSTILE = (
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "  =1",
    "<script>alert(1)</script> | `x` **b** [l](http://x) @somebody #1 ![i](http://x)",
    "\x1b[31mred\x1b[0m \x00 \x07 \u202e \u2028 \u2029 \x85 end",
    '"quoted", comma\nsecond line\r\nthird', "模型 🤖 é",
    "\ud83d half a pair",
)  # fmt: skip
OUTCOMES = (*Outcome, *[Outcome.CORRECT] * 6, Outcome.WRONG)
REPLY = "The answer is: {}"


def made_entry(number: int, outcome: Outcome, model: str = "gpt", **more: Any) -> Entry:
    subject = ("anatomy", "professional_law", "astronomy")[number % 3]
    silent = outcome in (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.ERROR, Outcome.SKIPPED)
    prediction = None if silent else "B" if outcome is Outcome.CORRECT else "C"
    usage = Usage(100, 10, 4, 2, 0.001)
    entry = Entry(
        id=f"mmlu/{subject}/{number // 3:04}", benchmark="mmlu", subject=subject, category="other", model=model,
        outcome=outcome, answer="B", prediction=prediction, rule="" if outcome is Outcome.ERROR else "answer_cue",
        latency_s=0.25, usage=usage, requests=1, served_model="gpt-x-2026",
        error="401: \x1b[1m<b>no</b> key" if outcome is Outcome.ERROR else "",
    )  # fmt: skip
    return replace(entry, **more)


def lines_of(entry: Entry, hostile: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the logs say of a case: a request, and a reply for each epoch."""
    if entry.outcome is Outcome.SKIPPED:
        return [], []
    requests, responses = [], []
    for epoch in range(max(1, len(entry.letters))):
        who: dict[str, Any] = {
            "id": entry.id,
            "attempt": 1,
            "model": entry.model,
            **({"epoch": epoch} if epoch else {}),
        }
        messages = [
            {"role": "system", "content": "s"},
            {"role": "user", "content": f"Q {entry.id} {hostile}"},
        ]
        requests.append({"kind": "benchmark", **who, "messages": messages})
        letter = entry.letters[epoch] if entry.letters else entry.prediction
        said: dict[str, Any] = {
            "completion": f"{REPLY.format(letter)} {hostile}",
            "finish_reason": "stop",
            "reasoning": "so",
        }
        said |= {"served_model": "gpt-x-2026", "usage": entry.usage.to_dict()}
        failed: dict[str, Any] = {"error": entry.error, "status": 401}
        responses.append({**who, **(failed if entry.outcome is Outcome.ERROR else said)})
    return requests, responses


def write_run(
    folder: Path,
    entries: Iterable[Entry],
    *,
    mock: bool = False,
    state: str = "finished",
    scoring: str = "text",
    settings: Mapping[str, Any] | None = None,
    logs: bool = True,
    strict: bool = False,
    model_id: str = "",
) -> RunArchive:
    """Write a run folder; `strict` with the usual thresholds, else with a headline whatever failed.

    `model_id` is what the servers of all models call theirs.
    """
    entries = list(entries)
    labels = list(dict.fromkeys(entry.model for entry in entries))
    manifest = Manifest(
        run_id=folder.name,
        created="2026-11-28T10:00:00.000+00:00",
        command=("pytest", "benchmarks"),
        state=state,
        models={
            label: {
                "label": label,
                "client": "mock" if mock else "openai",
                "provider": "mock" if mock else "openai",
                "model_id": model_id or f"gpt-x-{label}",
            }
            for label in labels
        },
        settings={"temperature": 0.0, "desc": "<b>nightly</b> | @team", **(settings or {})},
        recipe={
            "name": "zero_shot",
            "version": "1",
            "sha256": "a" * 64,
            "shots": 0,
            "template": "{{ question }}",
        },
        data={"mmlu": {"source": "hub cais/mmlu@c30699e8", "revision": "c30699e8" * 5, "sha256": "b" * 64}},
        facts={"extraction": "default", "solver": "single"},
    )
    thresholds = Thresholds() if strict else Thresholds(1.0, 1.0, 0.0)
    blocks: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        blocks.setdefault((entry.benchmark, entry.model, entry.recipe or "zero_shot"), []).append(entry)
    summaries = [
        replace(
            summarize(block, thresholds), benchmark=benchmark, model=label, recipe=recipe, mock=mock,
            scoring=scoring, duration_s=2.5,
        )
        for (benchmark, label, recipe), block in blocks.items()
    ]  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    if state == "finished":
        (folder / "summary.json").write_text(json.dumps(summary_json(manifest, summaries)))
    rows = [lines_of(entry, HOSTILE[place % len(HOSTILE)]) for place, entry in enumerate(entries)]
    files = {"results": [entry.to_dict() for entry in entries]}
    if logs:
        files |= {
            "requests": [line for asked, _ in rows for line in asked],
            "responses": [line for _, replied in rows for line in replied],
        }
    for name, lines in files.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text.replace("\ud83d", "?"), "utf-8")
    return RunArchive(folder)


@pytest.fixture
def run(tmp_path: Path) -> RunArchive:
    """A run of one model with every outcome and every hostile text."""
    return write_run(tmp_path / "20261128-100000-000-aaaa", map(made_entry, range(len(OUTCOMES)), OUTCOMES))


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., RunArchive]:
    """Write another run, of these outcomes or entries."""

    def make(entries: Iterable[Entry] = (), **how: Any) -> RunArchive:
        return write_run(tmp_path / "20261128-110000-000-bbbb", entries, **how)

    return make
