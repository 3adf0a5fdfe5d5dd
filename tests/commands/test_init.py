"""`mmlubench init`: a project that works as it stands, and no file of the user's that is replaced."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmlubench.datasets.names import NAMES, PACKAGED
from mmlubench.models.names.listing import list_models

Ended = subprocess.CompletedProcess
WORKFLOW = ".github/workflows/benchmarks.yml"


def test_a_new_project_runs_as_it_stands(
    tmp_path: Path, command: Callable[..., Ended[str]], run_pytest: Callable[..., Any]
) -> None:
    done = command(tmp_path, "init")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Try it: pytest benchmarks -k mmlu --model mock"
    ran = run_pytest(tmp_path, "benchmarks", "-k", "mmlu", "--model", "mock", "--min-accuracy", "0.7")
    assert ran.status == 0, ran.output
    assert "Warning" not in ran.output


def test_it_has_a_test_of_every_benchmark_and_what_else_it_names(
    tmp_path: Path, command: Callable[..., Ended[str]]
) -> None:
    done = command(tmp_path, "init", "new/project")
    project = tmp_path / "new/project"
    tests = {path.name for path in (project / "benchmarks").iterdir()}
    assert tests == {
        *(f"test_{name}.py" for name in (*NAMES, "dialogues") if name not in PACKAGED),
        *(f"{name}.benchmark.yaml" for name in PACKAGED),
    }
    written = {path.relative_to(tmp_path).as_posix() for path in project.rglob("*") if path.is_file()}
    assert set(done.stdout.splitlines()[:-1]) == written
    assert done.stdout.endswith("Try it: cd new/project && pytest benchmarks -k mmlu --model mock\n")


def test_its_models_are_models(tmp_path: Path, command: Callable[..., Ended[str]]) -> None:
    command(tmp_path, "init")
    rows = list_models(models_file=str(tmp_path / "models.yaml"), env={})
    assert [row.name for row in rows][:3] == ["hosted", "local", "mock"]
    # The lines that a user may uncomment are valid as well.
    text = (tmp_path / "models.yaml").read_text()
    (tmp_path / "models.yaml").write_text(re.sub(r"    # (\w+:)", r"    \1", text))
    rows = list_models(models_file=str(tmp_path / "models.yaml"), env={})
    assert {row.name: row.price for row in rows}["hosted"] == "0.1 / 0.5"


def test_its_workflow_runs_what_a_run_understands(
    tmp_path: Path, command: Callable[..., Ended[str]], run_pytest: Callable[..., Any]
) -> None:
    command(tmp_path, "init")
    jobs = yaml.safe_load((tmp_path / WORKFLOW).read_text())["jobs"]
    calls = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    runs = [call for call in calls if call.startswith("pytest ")]
    assert len(runs) == 2
    for call in runs:
        words = call.replace('"$MODEL"', "mock").replace('"$LIMIT"', "20").split()[1:]
        ran = run_pytest(tmp_path, *words)
        assert ran.status == 0, ran.output


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path, command: Callable[..., Ended[str]]) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/test_mmlu.py").write_text("mine")
    (tmp_path / "models.yaml").symlink_to(
        tmp_path / "elsewhere.yaml"
    )  # leads nowhere, and is still the user's
    done = command(tmp_path, "init")
    assert done.returncode == 0
    assert "benchmarks/test_mmlu.py: it exists, and is left as it is\n" in done.stdout
    assert (tmp_path / "benchmarks/test_mmlu.py").read_text() == "mine"
    assert not (tmp_path / "elsewhere.yaml").exists()
    assert (tmp_path / WORKFLOW).is_file()


def test_what_cannot_be_written_is_one_sentence(
    tmp_path: Path, command: Callable[..., Ended[str]], refused: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("")
    assert (
        refused(tmp_path, "init", "file")
        == "file/benchmarks cannot be made (Not a directory); give another folder."
    )
    (tmp_path / "benchmarks").write_text("")
    assert refused(tmp_path, "init") == "benchmarks cannot be made (File exists); give another folder."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_sentence(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    tmp_path.chmod(0o500)
    assert "Permission denied" in refused(tmp_path, "init")
