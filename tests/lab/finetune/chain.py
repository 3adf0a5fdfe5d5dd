"""The lab from end to end, as a user goes through it: every step is a command of its own."""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.lab.finetune.toys import RECIPE, RIGHT, WRONG

#: The text of an item in each language; the number makes it an item of its own.
TEXTS = {"DE_DE": "Was leuchtet bei {}?", "FR_FR": "Qui luit chez {}?"}
LANGUAGES = [word for language in TEXTS for word in ("--language", language)]


class Chain(NamedTuple):
    """What came of the steps."""

    explored: Mapping[str, Any]
    finetuned: Mapping[str, Any]
    """`finetune.json`."""
    compared: Mapping[str, Any]
    confusion: str
    on_trained: str
    """The output of a run over the questions that were trained on."""


def write_rows(folder: Path, items: int) -> Path:
    """Write rows in the layout of MMMLU, of which a model can learn that the choice "moon" is right."""
    rng, made = random.Random(5), []
    for number in range(items):
        wrong, at = rng.sample(WRONG, 3), rng.randrange(4)
        choices = [*wrong[:at], RIGHT, *wrong[at:]]
        made.append((rng.randrange(10**6), choices, "ABCD"[at], ("nutrition", "philosophy")[number % 2]))
    for language, text in TEXTS.items():
        table = {
            "Question": [text.format(name) for name, *_ in made],
            **{letter: [choices[n] for _, choices, *_ in made] for n, letter in enumerate("ABCD")},
            "Answer": [answer for *_, answer, _ in made],
            "Subject": [subject for *_, subject in made],
        }
        (folder / language).mkdir(parents=True)
        pq.write_table(pa.table(table), folder / language / "test.parquet")
    return folder


def go(home: Path, model: Path, items: int, keys: Mapping[str, Any]) -> Chain:
    """Go through all steps in a folder; `keys` are those of the configuration besides model, data and recipe."""
    rows = write_rows(home / "rows", items)
    explored = _run(home, "mmlubench", "lab", "explore", "mmmlu", f"--data={rows}", *LANGUAGES, "--json")
    asked = [f"--data={rows}", "--allow-partial-data", *LANGUAGES]
    _run(home, "mmlubench", "lab", "split", "mmmlu", *asked, "--fractions", "70-10-20", "--to", "split")
    (home / "toy.yaml").write_text(RECIPE)
    config = {"name": "toy", "model": str(model), "data": "split", "recipe": "toy.yaml", **keys}
    (home / "config.yaml").write_text(yaml.safe_dump(config))
    _run(home, "mmlubench", "lab", "finetune", "config.yaml")
    finetuned = json.loads((home / "outputs/toy/finetune.json").read_text())
    command = shlex.split(finetuned["benchmark"]["in_process"])
    assert command[:2] == ["pytest", "benchmarks"]
    benchmark = ["pytest", "-p", "no:cacheprovider", "--pyargs", "mmlubench.benchmarks", *command[2:]]
    _run(home, *benchmark, statuses=(0, 1))
    (compared,) = json.loads(_run(home, "mmlubench", "compare", "latest", "--json"))["comparisons"]
    confusion = _run(home, "mmlubench", "lab", "confusion", "latest")
    on_trained = _run(home, *benchmark, "--split", "train", "--limit", "8", statuses=(0, 1))
    return Chain(json.loads(explored), finetuned, compared, confusion, on_trained)


def _run(home: Path, *words: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Run a command, which must exit with one of these statuses. Returns its output."""
    env = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=home, env=env, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode in statuses, f"{shlex.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout
