"""Run folders written without a run: made-up answers of made-up models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from mmlubench.records import Manifest
from mmlubench.reports.summary import summary_json
from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize

#: 57 subjects in four categories, with the sizes of MMLU's: 14,042 in all.
SIZES = [
    *(100, 135, 152, 100, 265, 144, 100, 100, 100, 173, 102, 100, 235, 114, 145, 378, 126, 100, 310),
    *(203, 100, 165, 198, 193, 390, 270, 238, 151, 545, 216, 204, 237, 223, 131, 121, 108, 163, 112),
    *(103, 234, 100, 783, 346, 895, 306, 311, 324, 282, 1534, 272, 612, 110, 245, 201, 100, 166, 171),
]
CATEGORIES = ("humanities", "other", "social_sciences", "stem")


def made_entries(
    seed: int,
    skill: float,
    *,
    model: str,
    sizes: Sequence[int] = SIZES,
    drift: Mapping[str, float] | None = None,
    errors: int = 0,
    languages: Sequence[str] = ("",),
    epochs: int = 1,
    benchmark: str = "mmlu",
) -> list[Entry]:
    """Answers that are right with a probability: `skill`, more or less for hard questions and for some subjects.

    The same question is as hard for every model, so that models are right together.
    """
    hard, chance = Random(0), Random(seed)
    made: list[Entry] = []
    for number, size in enumerate(sizes):
        subject, category = f"subject_{number:02}", CATEGORIES[number % 4]
        for row in range(size):
            ease, key = hard.choice([-0.5, 0.2, 0.3]), hard.choice("ABCD")
            for language in languages:
                likely = min(1.0, max(0.0, skill + ease + (drift or {}).get(subject, 0.0)))
                letters = tuple(
                    key if chance.random() < likely else chance.choice([c for c in "ABCD" if c != key])
                    for _ in range(epochs)
                )
                within = f"{language}/" if language else ""
                points = letters.count(key) / epochs
                outcome = Outcome.CORRECT if points > 0.5 else Outcome.WRONG
                made.append(
                    Entry(
                        id=f"{benchmark}/{within}{subject}/{row:04}", benchmark=benchmark, subject=subject,
                        category=category, model=model, outcome=outcome, answer=key, prediction=letters[0],
                        rule="answer_cue", latency_s=0.1, usage=Usage(), requests=1, language=language,
                        letters=letters if epochs > 1 else (), score=points if epochs > 1 else None,
                    )
                )  # fmt: skip
    return [
        replace(entry, outcome=Outcome.ERROR, prediction=None, error="cannot connect")
        if at < errors
        else entry
        for at, entry in enumerate(made)
    ]


def write_run(
    folder: Path,
    entries: Iterable[Entry],
    *,
    recipe: str = "zero_shot",
    mock: bool = False,
    desc: str = "",
    data: Mapping[str, Any] | None = None,
    model_id: str = "",
    extraction: str = "default",
    shots: int = 0,
) -> Path:
    """Write what `mmlubench compare` reads of a run; the name of the folder is the id of the run."""
    entries = list(entries)
    blocks: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        blocks.setdefault((entry.benchmark, entry.model), []).append(entry)
    client = "mock" if mock else "openai"
    manifest = Manifest(
        run_id=folder.name,
        created="2026-11-28T10:00:00.000+00:00",
        state="finished",
        models={
            model: {"label": model, "client": client, "model_id": model_id or model} for _, model in blocks
        },
        settings={"desc": desc or None},
        recipe={"name": recipe, "version": "1", "sha256": "a" * 64, "shots": shots},
        facts={"extraction": extraction, "solver": "single"},
        data={
            benchmark: data
            or {"source": "hub", "revision": "c30699e", "sha256": "b" * 64, "questions": 14_042}
            for benchmark, _ in blocks
        },
    )
    summaries = [
        replace(summarize(block), benchmark=benchmark, model=model, recipe=recipe, mock=mock)
        for (benchmark, model), block in blocks.items()
    ]
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    (folder / "summary.json").write_text(json.dumps(summary_json(manifest, summaries)))
    (folder / "results.jsonl").write_text("".join(json.dumps(entry.to_dict()) + "\n" for entry in entries))
    return folder
