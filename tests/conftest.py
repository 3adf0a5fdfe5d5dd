"""Whole runs: pytest in a process of its own, a local model server to ask, and what the run left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A shell lets what it starts in the background ignore Ctrl-C, and tests of Ctrl-C start processes that inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes depends on what else the machine does, and says nothing of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROOT = Path(__file__).parents[1]
INI = "asyncio_default_fixture_loop_scope = function\nfilterwarnings = error"
#: Plugins of our development tools, which no user's environment has: hypothesis alone takes longer than a small run.
FEWER_PLUGINS = "-p no:hypothesispytest -p no:respx -p no:pytest_httpx2"
LATENCY_SERVER = ROOT / "perf" / "fixed_latency_server.py"


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error in our tests; not in the ini, where it would break plugins of those who run benchmarks."""
    config.addinivalue_line("filterwarnings", "error")
    os.environ.pop("GITHUB_STEP_SUMMARY", None)  # the runs of our tests are no news of the job that tests us


@dataclass
class Ran:
    """A pytest run that has ended."""

    status: int
    output: str
    folder: Path

    @property
    def run_folders(self) -> list[Path]:
        return sorted(path for path in (self.folder / "reports").glob("*") if path.is_dir())

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The records of one JSONL file of the only run in this folder."""
        (run,) = self.run_folders
        return [json.loads(line) for line in (run / f"{name}.jsonl").read_text().splitlines()]

    @property
    def entry(self) -> dict[str, Any]:
        """The only benchmark and model of `summary.json`."""
        (run,) = self.run_folders
        (entry,) = json.loads((run / "summary.json").read_text())["results"]
        return dict(entry)

    def outcomes(self) -> dict[str, str]:
        """Outcome by question id."""
        return {record["id"]: record["outcome"] for record in self.lines("results")}


class Running:
    """A pytest run under way, in a process group of its own as a terminal would make it."""

    def __init__(self, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        quiet = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COLUMNS"))
        }
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**quiet, "PYTEST_ADDOPTS": FEWER_PLUGINS, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def interrupt(self, *, group: bool) -> None:
        """Ctrl-C reaches the whole group; `kill -INT` only the one process."""
        if group:
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.send_signal(signal.SIGINT)

    def wait(self, timeout_s: float) -> Ran:
        try:
            output, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"pytest did not end within {timeout_s} s:\n{self.process.communicate()[0]}")
        return Ran(self.process.returncode, output, self.folder)

    def kill(self) -> None:
        """Also xdist workers that were left over."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Server:
    """`perf/fixed_latency_server.py` on a free port."""

    options: tuple[str, ...]
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, str(LATENCY_SERVER), "--port", "0", "--max-seconds", "120", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.model = f"vllm/fake@http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/stats")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def wait_for(self, requests: int, timeout_s: float = 30) -> None:
        """Until so many requests were made."""
        end = time.monotonic() + timeout_s
        while self.stats()["total"] < requests:
            assert time.monotonic() < end, f"{requests} requests were not made within {timeout_s} s"
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder with the real benchmarks/test_mmlu.py, further files by name, and its own ini."""

    def make(ini: str = INI, **files: str) -> Path:
        folder = tmp_path_factory.mktemp("run")
        (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
        shutil.copy(ROOT / "benchmarks" / "test_mmlu.py", folder)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        return folder

    return make


@pytest.fixture(scope="session")
def run_pytest() -> Callable[..., Ran]:
    """Run pytest in a folder to its end."""

    def run(folder: Path, *options: str, timeout_s: float = 60, **env: str) -> Ran:
        return Running(folder, *options, env=env).wait(timeout_s)

    return run


@pytest.fixture(scope="module")
def start_pytest() -> Iterator[Callable[..., Running]]:
    """Start pytest in a folder, to be interrupted or awaited."""
    runs: list[Running] = []

    def start(folder: Path, *options: str, **env: str) -> Running:
        runs.append(Running(folder, *options, env=env))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()
        if run.process.stdout:
            run.process.stdout.close()


@pytest.fixture(scope="module")
def start_server() -> Iterator[Callable[..., Server]]:
    """Start a server that answers every request after the same delay."""
    servers: list[Server] = []

    def start(*options: str) -> Server:
        servers.append(Server(options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set, or a skip that says how to get it."""

    def folder(name: str, file: str = "test.parquet") -> Path:
        found = Path(os.environ.get("MMLUBENCH_DATA", "nowhere"), name)
        if not (found / file).is_file():
            pytest.skip(f"needs the real {name}: set MMLUBENCH_DATA to a folder that holds {name}/{file}")
        return found

    return folder
