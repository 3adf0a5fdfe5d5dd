"""`make`, as a user calls it: what it asks, of whom, and which variables it knows; the model is always a mock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import FEWER_PLUGINS

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="needs make")


class Made:
    """What a call of make came to."""

    def __init__(
        self, *arguments: str, run_dir: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        venv = Path(sys.prefix)
        into = (f"ARGS=-p no:cacheprovider --run-dir {run_dir}",) if run_dir else ()
        clean = {
            n: v
            for n, v in os.environ.items()
            if not n.startswith(("PYTEST", "MAKE", "MFLAGS", "MMLU_", "COLUMNS"))
        }
        # -o: the environment is there, and `make` does not install into it.
        self.done = subprocess.run(
            [
                str(MAKE),
                "--no-print-directory",
                "-o",
                f"{venv}/.installed",
                f"VENV={venv}",
                *into,
                *arguments,
            ],
            cwd=ROOT,
            env={**clean, "PYTEST_ADDOPTS": FEWER_PLUGINS, "PYTHON": sys.executable, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said = self.done.stdout + self.done.stderr


def would(*arguments: str, **env: str) -> str:
    """The command that a call of make would run."""
    made = Made("-n", *arguments, env=env)
    assert made.done.returncode == 0, made.said
    return " ".join(made.done.stdout.replace("\\\n", " ").replace("'", "").split())


def test_the_variables_reach_the_run(tmp_path: Path) -> None:
    made = Made("mmlu-benchmark", "MMLU_LIMIT=7", "ADAPTER_NAME=my-lora", "MODEL_ID=mock/B", run_dir=tmp_path)
    assert made.done.returncode == 0, made.said
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (summary,) = json.loads((folder / "summary.json").read_text())["results"]
    assert (summary["n"], summary["model"]) == (7, "mock-B-my-lora")


def test_a_quick_run_asks_ten_questions(tmp_path: Path) -> None:
    made = Made("mmlu-quick", run_dir=tmp_path)
    assert made.done.returncode == 0, made.said
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert len((folder / "results.jsonl").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    "target", ["smoke", "mmlu-quick", "mmlu-benchmark", "mmlu-adapter", "mmlu-openrouter"]
)
def test_every_target_that_asks_honours_every_variable(target: str) -> None:
    command = would(
        target,
        "MODEL_ID=one",
        "UTILITY_MODELS=two three",
        "ADAPTER_NAME=a",
        "MMLU_LIMIT=77",
        "MIN_ACCURACY=0.5",
        "ARGS=-x",
    )
    for part in (
        "--model one",
        "--model two",
        "--model three",
        "--adapter a",
        "--limit 77",
        "--min-accuracy 0.5",
        "-x",
    ):
        assert f" {part} " in f"{command} ", part


def test_without_variables_the_defaults_are_the_documented_ones() -> None:
    assert "--model mock --min-accuracy 0" in would("mmlu-benchmark")
    assert "--model mock --limit 10 " in would("mmlu-quick")
    assert "--limit 100 " in would("mmlu-openrouter")
    assert "--model qwen-vllm --min-accuracy 0 --adapter my-lora" in would(
        "mmlu-adapter", "ADAPTER_NAME=my-lora"
    )
    assert "--min-accuracy 0.7 --data sample" in would("smoke")


def test_variables_may_come_from_the_environment_and_may_be_empty() -> None:
    assert "--model one --limit 5 " in would("mmlu-quick", MODEL_ID="one", MMLU_LIMIT="5")
    empty = would("mmlu-quick", "MODEL_ID=", "MMLU_LIMIT=", "MIN_ACCURACY=", "ADAPTER_NAME=")
    assert empty.endswith("--model mock --limit 10 --min-accuracy 0")


@pytest.mark.parametrize("given", ["MMLU_LIMT=100", "mmlu_limit=100", "LIMIT=100"])
def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(given: str) -> None:
    made = Made("-n", "mmlu-benchmark", given)
    assert made.done.returncode != 0
    assert f"{given.partition('=')[0]} is no variable of this Makefile; did you mean MMLU_LIMIT?" in made.said


def test_a_misspelt_variable_of_the_environment_is_refused_as_well() -> None:
    made = Made("-n", "mmlu-benchmark", env={"MMLU_LIMT": "100"})
    assert made.done.returncode != 0
    assert "did you mean MMLU_LIMIT?" in made.said


def test_an_adapter_run_without_an_adapter_says_what_is_missing() -> None:
    made = Made("-n", "mmlu-adapter")
    assert made.done.returncode != 0
    assert "ADAPTER_NAME is missing: make mmlu-adapter ADAPTER_NAME=" in made.said


def test_verify_is_the_doctor_of_one_model() -> None:
    command = would("verify", "MODEL_ID=mock", "ADAPTER_NAME=my-lora", "ARGS=--data sample")
    assert command.endswith("-m mmlubench doctor --model mock --adapter my-lora --data sample")
    assert would("verify", "MODEL_ID=mock").endswith("-m mmlubench doctor --model mock")
    made = Made("verify", "MODEL_ID=mock", "ARGS=--data sample")
    assert made.done.returncode == 0, made.said
    assert "it answered" in made.said
    made = Made("-n", "verify")
    assert made.done.returncode != 0
    assert "MODEL_ID is missing: make verify MODEL_ID=" in made.said


def test_a_value_is_one_word_whatever_is_in_it(tmp_path: Path) -> None:
    made = Made("mmlu-quick", "MODEL_ID=no'such;model", run_dir=tmp_path)
    assert made.done.returncode != 0
    assert "no'such;model: no such entry" in made.said
