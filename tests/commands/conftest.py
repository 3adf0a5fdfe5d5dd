"""The `mmlubench` command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import FEWER_PLUGINS

Ended = subprocess.CompletedProcess


@pytest.fixture(scope="session")
def command() -> Callable[..., Ended[str]]:
    """Run `mmlubench …` in a folder to its end."""

    def run(folder: Path, *arguments: str, timeout_s: float = 60) -> Ended[str]:
        call = [sys.executable, "-c", "from mmlubench.cli import main; main()", *arguments]
        return subprocess.run(
            call,
            cwd=folder,
            env={**os.environ, "PYTEST_ADDOPTS": FEWER_PLUGINS},
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def refused(command: Callable[..., Ended[str]]) -> Callable[..., str]:
    """The one sentence with which a call is refused."""

    def run(folder: Path, *arguments: str) -> str:
        ended = command(folder, *arguments)
        assert ended.returncode == 1, ended
        assert ended.stdout == ""
        (line,) = ended.stderr.splitlines()
        return line.removeprefix("Error: ")

    return run
