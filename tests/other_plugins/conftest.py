"""Runs beside other people's pytest plugins, which `make test-plugins` installs in an environment of their own.

Each run is a pytest of its own, with no plugins but pytest's, ours and those that are named: the embedded sample of
MMLU, answered by the mock, with 102 right answers of 120.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("pytest_rerunfailures") is None:  # not the environment of `make test-plugins`
    collect_ignore_glob = ["*"]

ROOT = Path(__file__).parents[2]
RIGHT, FAILED, CASES = 102, 18, 120
OURS = ("mmlubench.plugin", "asyncio")


class Run:
    """A pytest run that has ended: its exit status, what it printed, and what it left in its folder."""

    def __init__(self, folder: Path, done: subprocess.CompletedProcess[bytes]) -> None:
        self.folder = folder
        self.status = done.returncode
        self.output = (done.stdout + done.stderr).decode("utf-8", "replace")

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The records of results, requests or responses."""
        (file,) = self.folder.glob(f"reports/*/{name}.jsonl")
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]

    def entry(self) -> dict[str, Any]:
        """The only entry of summary.json."""
        (file,) = self.folder.glob("reports/*/summary.json")
        (entry,) = json.loads(file.read_text("utf-8"))["results"]
        return dict(entry)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


@pytest.fixture
def beside(tmp_path: Path) -> Callable[..., Run]:
    """Runs the sample beside the plugins of these modules (none: all that are installed), with some arguments."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    shutil.copy(ROOT / "benchmarks" / "test_mmlu.py", tmp_path)

    def run(modules: str, *arguments: str, **env: str) -> Run:
        shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        named = [part for module in (*OURS, *modules.split()) for part in ("-p", module)]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(named if modules else ())]
        quiet = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COLUMNS", "GITHUB"))}
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if modules else {}
        done = subprocess.run(
            [*command, "--model", "mock", *arguments],
            cwd=tmp_path,
            env={**quiet, **alone, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=100,
        )
        return Run(tmp_path, done)

    return run
