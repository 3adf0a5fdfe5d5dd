"""Three runs recorded by an earlier version give the same files today: results, summary, debate and what was asked."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Ran

RECORDED = ROOT / "tests" / "recorded_runs"
#: What no two runs have in common: times.
TIMES = ("latency_s", "latency", "duration_s")


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in TIMES}


def debates_of(run: Path) -> list[dict[str, Any]]:
    """The debate files of a run, without the folder in which the package is installed."""
    texts = (file.read_text() for file in sorted(run.glob("debate_*.json")))
    return [json.loads(re.sub(r'"[^"]*/(mmlubench/prompts/)', r'"\1', text)) for text in texts]


def asked(requests: list[dict[str, Any]]) -> str:
    """A digest of everything that a model was asked, in whatever order it was asked."""
    said = ("id", "model", "attempt", "epoch", "turn", "messages", "parameters_asked", "parameters_sent")
    lines = sorted(json.dumps([line.get(name) for name in said], sort_keys=True) for line in requests)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("name", ["plain", "workers", "debate"])
def test_a_recorded_run_gives_the_same_figures(
    name: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Ran]
) -> None:
    recorded = RECORDED / name
    golden = json.loads((recorded / "golden.json").read_text())
    folder = make_folder()
    benchmark = golden["options"][0]
    ran = run_pytest(
        folder,
        str(ROOT / "benchmarks" / f"test_{benchmark}.py"),
        *("-k", *golden["options"]),
        *("--model", "recorded", "--models-file", str(recorded / "models.yaml")),
    )
    assert ran.status == golden["status"], ran.output
    # A new field is welcome; one that is gone or different is not.
    results = ran.lines("results")
    assert [line["id"] for line in results] == [line["id"] for line in golden["results"]]
    for now, then in zip(results, golden["results"], strict=True):
        assert without_times(now).items() >= then.items()
    assert without_times(ran.entry).items() >= golden["summary"].items()
    assert asked(ran.lines("requests")) == golden["asked"]
    debates = debates_of(ran.run_folders[0])
    assert [list(debate) for debate in debates] == [list(debate) for debate in golden["debates"]]
    for debate, then in zip(debates, golden["debates"], strict=True):
        assert all(debate[name].items() >= entry.items() for name, entry in then.items())


def make(recorded: Path, run: Path, options: str, status: int) -> None:
    """Write `golden.json` from a run folder; called by hand when a change of figures is meant."""
    lines = {
        stream: [json.loads(line) for line in (run / f"{stream}.jsonl").read_text().splitlines()]
        for stream in ("requests", "results")
    }
    (entry,) = json.loads((run / "summary.json").read_text())["results"]
    golden = {
        "options": shlex.split(options),
        "status": status,
        "asked": asked(lines["requests"]),
        "summary": without_times(entry),
        "results": [without_times(line) for line in lines["results"]],
        "debates": debates_of(run),
    }
    text = json.dumps(golden, ensure_ascii=False, indent=0) + "\n"
    (recorded / "golden.json").write_text(text)
