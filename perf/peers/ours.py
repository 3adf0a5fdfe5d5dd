"""A finished run of MMLU as its files have it, with the rows of the data set that it asked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as parquet

Row = dict[str, Any]


class Asked(NamedTuple):
    """One question of the run: what was sent, and what came back."""

    id: str
    row: Row
    """`question`, `subject`, `choices` and `answer`, as the data set has them."""
    prompt: str
    messages: list[dict[str, str]]
    letter: str | None
    outcome: str
    logprobs: dict[str, float]
    """The log-probability of each letter; empty for a run that read replies."""
    reply: str


class Run(NamedTuple):
    """What a peer has to know of a run, and what the run asked."""

    recipe: str
    shots: int
    url: str
    model: str
    examples: dict[str, list[Row]]
    """The rows of the split `dev`, by subject."""
    asked: list[Asked]


def read(folder: Path, data: Path) -> Run:
    """Read the folder of a finished run of one model, and the rows of `data`/mmlu that it asked."""
    manifest = json.loads((folder / "manifest.json").read_text())
    if manifest["state"] != "finished":
        raise SystemExit(f"{folder}: this run is {manifest['state']}; give the folder of a finished one.")
    (spec,) = manifest["models"].values()
    tests, examples = (_by_subject(data / "mmlu" / f"{split}.parquet") for split in ("test", "dev"))
    requests, responses = (_by_id(folder / f"{name}.jsonl") for name in ("requests", "responses"))
    asked = []
    for entry in _lines(folder / "results.jsonl"):
        _, subject, place = entry["id"].split("/")
        sent, back = requests[entry["id"]], responses[entry["id"]]
        one = Asked(
            entry["id"],
            tests[subject][int(place)],
            sent[0].get("prompt", ""),
            sent[0].get("messages", []),
            entry["prediction"],
            entry["outcome"],
            {each["continuation"].strip(): sum(v for _, v in each["logprobs"]) for each in back}
            if sent[0].get("continuation")
            else {},
            back[0].get("completion") or "",
        )
        asked.append(one)
    recipe = manifest["recipe"]
    return Run(recipe["name"], recipe["shots"], spec["base_url"], spec["model_id"], examples, asked)


def _by_subject(file: Path) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in parquet.read_table(file).to_pylist():
        rows[row["subject"]].append(row)
    return rows


def _by_id(file: Path) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in _lines(file):
        lines[line["id"]].append(line)
    return lines


def _lines(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)
