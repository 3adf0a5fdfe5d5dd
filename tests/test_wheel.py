"""The wheel, installed alone into a clean environment, in an empty folder: what `pip install mmlubench` brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDEST, NEWEST = 10, 14  # minor versions of Python 3 that are looked for


def _pythons() -> list[str]:
    """The oldest and the newest supported Python of this machine; the present one if there is no other."""
    named = (shutil.which(f"python3.{minor}") for minor in range(OLDEST, NEWEST + 1))
    # pyenv puts commands on the PATH that only say that there is no such version.
    work = [
        path
        for path in named
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    ]
    return list(dict.fromkeys([work[0], work[-1]])) if work else [sys.executable]


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)], check=True
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=_pythons(), ids=lambda path: Path(path).name)
def bin_folder(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment that has the wheel and what it needs."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([request.param, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin/python"), "-m", "pip", "install", "-q", str(wheel)], check=True)
    return venv / "bin"


def call(folder: Path, *command: str | Path) -> str:
    """Run a command in a folder, with warnings as errors; its output."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**env, "PYTHONWARNINGS": "error::DeprecationWarning"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Warning" not in said
    return said


def test_the_packaged_benchmarks_run_from_an_empty_folder(bin_folder: Path, tmp_path: Path) -> None:
    said = call(
        tmp_path,
        *(bin_folder / "pytest", "--pyargs", "mmlubench.benchmarks", "-k", "mmlu"),
        *("--model", "mock", "--min-accuracy", "0.7"),
    )
    assert "MOCK mmlu · mock · zero_shot: accuracy 0.850" in said
    assert "n = 120" in said
    assert list(tmp_path.glob("reports/*/report.html"))  # its styles and scripts are in the wheel
    said = call(
        tmp_path,
        bin_folder / "pytest",
        "--pyargs",
        "mmlubench.benchmarks",
        "-k",
        "dialogues",
        "--model",
        "mock",
    )
    assert "3 passed" in said


def test_a_project_is_started_and_runs(bin_folder: Path, tmp_path: Path) -> None:
    call(tmp_path, bin_folder / "mmlubench", "init")
    for name in ("mmlu", "mmlu_pro", "mmmlu", "commonsense_qa"):
        said = call(
            tmp_path,
            bin_folder / "pytest",
            "benchmarks",
            "-k",
            name,
            "--model",
            "mock",
            "--min-accuracy",
            "0",
        )
        assert f"MOCK {name} · mock" in said


def test_the_command_has_two_ways_to_be_called(bin_folder: Path, tmp_path: Path) -> None:
    assert call(tmp_path, bin_folder / "mmlubench", "--help") == call(
        tmp_path, bin_folder / "python", "-m", "mmlubench", "--help"
    )
