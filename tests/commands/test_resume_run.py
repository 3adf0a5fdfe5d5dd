"""`mmlubench resume RUN`: what was answered is not asked again, and the ending is pytest's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench import __version__
from mmlubench.commands.resume import shell_status

#: Each of these runs pytest in processes of its own, some of them several times.
pytestmark = pytest.mark.long


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Path]:
    """A run folder whose manifest says this."""

    def make(**facts: object) -> Path:
        folder = tmp_path / "reports" / "20260101"
        folder.mkdir(parents=True)
        usual = {
            "command": ["pytest", "-q", "with space"],
            "cwd": str(tmp_path),
            "packages": {"mmlubench": __version__},
        }
        manifest = {name: value for name, value in {**usual, **facts}.items() if value is not None}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return tmp_path

    return make


# -- from end to end


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_killed_run_goes_on_and_asks_only_what_is_missing(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
    command: Callable[..., Any],
    tmp_path: Path,
) -> None:
    server = start_server("--latency-ms", "100")
    folder = make_folder()
    options = ("--data", "sample", "--concurrency", "4", "--min-accuracy", "0.9", *workers)
    run = start_pytest(folder, "--model", server.model, *options)
    server.wait_for(40)
    run.kill()
    asked = server.stats()["total"]
    assert asked < 120
    # From another folder: the run knows where it was.
    (first,) = (path for path in (folder / "reports").iterdir() if path.is_dir())
    assert "give --trust" in command(tmp_path, "resume", str(first)).stderr
    assert server.stats()["total"] <= asked + 4
    ended = command(tmp_path, "resume", "--trust", str(first))
    assert ended.returncode == 1, ended.stderr  # pytest's own: the gate is not passed
    assert "n = 120" in ended.stdout
    in_flight = 4
    assert 120 <= server.stats()["total"] <= 120 + in_flight
    assert ended.stdout.startswith(
        f"in {folder}: {sys.executable} -m pytest -p no:cacheprovider --model vllm/"
    )
    # Once more: all of it is there now.
    total = server.stats()["total"]
    assert command(folder, "resume", "latest").returncode == 1
    assert server.stats()["total"] == total


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_killed_run_that_asked_all_anew_does_not_begin_anew(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
    command: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "50")
    folder = make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4")
    run_pytest(folder, *options)
    assert server.stats()["total"] == 120
    run = start_pytest(folder, *options, "--refresh", *workers)
    server.wait_for(120 + 40)
    run.kill()
    time.sleep(0.3)  # what was under way
    asked = server.stats()["total"]
    assert asked < 120 + 115
    ended = command(folder, "resume", "latest")
    assert "n = 120" in ended.stdout, ended
    assert " --mmlubench-refresh-since=" in ended.stdout.splitlines()[0]
    assert asked < server.stats()["total"] <= 120 + 120 + 4
    # Resumed once more: since the same moment, and all of it was asked since then.
    total = server.stats()["total"]
    ended = command(folder, "resume", "latest")
    assert ended.stdout.splitlines()[0].count("-refresh-since=") == 1
    assert server.stats()["total"] == total


def test_sigterm_ends_the_resumed_run_as_it_ends_a_run(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    # Or a job that is stopped would leave a pytest behind that goes on spending.
    server = start_server("--latency-ms", "300")
    folder = make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "1")
    assert run_pytest(folder, *options, "--limit", "1").status in (0, 1)
    (run,) = (path for path in (folder / "reports").iterdir() if path.is_dir())
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["command"] = ["pytest", "-p", "no:cacheprovider", *options]
    (run / "manifest.json").write_text(json.dumps(manifest))
    call = [sys.executable, "-c", "from mmlubench.cli import main; main()", "resume", "latest"]
    with subprocess.Popen(
        call, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as process:
        try:
            server.wait_for(3)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode not in (0, 1)
    assert "run folder:" in output
    assert server.stats()["total"] < 20


# -- whose code is executed

#: A conftest.py that tells that it was executed.
EVIL = "from pathlib import Path\nPath(__file__).with_name('executed').touch()\n"


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A project of somebody else, with a run in it; the project at hand is beside it."""
    folder = tmp_path / "stranger"
    run = folder / "reports" / "20260101"
    run.mkdir(parents=True)
    (folder / "conftest.py").write_text(EVIL)
    facts = {"command": ["pytest", "-q"], "cwd": str(folder), "packages": {"mmlubench": __version__}}
    (run / "manifest.json").write_text(json.dumps(facts))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pytest.ini").write_text("[pytest]\n")
    return folder


def test_a_run_of_another_project_executes_nothing_unless_it_is_trusted(
    stranger: Path, refused: Callable[..., str], command: Callable[..., Any]
) -> None:
    mine, run = stranger.with_name("mine"), stranger / "reports" / "20260101"
    sentence = refused(mine, "resume", str(run))
    assert f"wants to run `{sys.executable} -m pytest -q` in {stranger}" in sentence
    assert sentence.endswith("if you trust it, give --trust, or go to that project first.")
    assert not (stranger / "executed").exists()
    command(mine, "resume", "--trust", str(run))
    assert (stranger / "executed").exists()


def test_a_run_folder_that_was_copied_here_may_not_name_another_folder(
    stranger: Path, refused: Callable[..., str]
) -> None:
    mine = stranger.with_name("mine")
    shutil.copytree(stranger / "reports", mine / "reports")
    assert "is not of the project in" in refused(mine, "resume", "latest")
    # Nor through a link, or a folder above that has no mark of a project.
    shutil.rmtree(mine / "reports")
    (mine / "reports").symlink_to(stranger / "reports")
    assert "is not of the project in" in refused(mine, "resume", "latest")
    assert "is not of the project in" in refused(mine / "..", "resume", str(mine / "reports" / "20260101"))
    assert not (stranger / "executed").exists()


def test_a_run_of_this_project_goes_on_from_any_of_its_folders(
    stranger: Path, command: Callable[..., Any]
) -> None:
    (stranger / "pyproject.toml").touch()
    (stranger / "deep" / "er").mkdir(parents=True)
    ended = command(stranger / "deep" / "er", "resume", "../../reports/20260101")
    assert ended.stdout.startswith(f"in {stranger}: "), ended
    assert (stranger / "executed").exists()


# -- what is said


def test_a_refresh_goes_on_since_the_run_began(
    run_of: Callable[..., Path], command: Callable[..., Any]
) -> None:
    # Also where a configuration file asks for it, and the command does not.
    folder = run_of(settings={"refresh": True}, created="2026-01-02T03:04:05.678+00:00")
    first, *_ = command(folder, "resume", "latest").stdout.splitlines()
    assert first.endswith(" -m pytest --mmlubench-refresh-since=1767323045.678 -q 'with space'")


def test_the_command_is_printed_so_that_it_can_be_copied(
    run_of: Callable[..., Path], command: Callable[..., Any]
) -> None:
    folder = run_of()
    ended = command(folder, "resume", "latest")
    first, *_ = ended.stdout.splitlines()
    assert first == f"in {folder}: {sys.executable} -m pytest -q 'with space'"
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "mmlubench" not in ended.stderr


@pytest.mark.parametrize(
    ("then", "said"), [({"mmlubench": "0.0.1"}, "mmlubench 0.0.1"), ({}, "(unknown)"), (None, "(unknown)")]
)
def test_another_version_is_a_warning_and_the_run_goes_on(
    then: object, said: str, run_of: Callable[..., Path], command: Callable[..., Any]
) -> None:
    ended = command(run_of(packages=then), "resume", "latest")
    warning, *_ = ended.stderr.splitlines()
    assert said in warning
    assert f"and this is {__version__}" in warning
    assert ended.stdout.startswith("in ")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"store": "/nowhere/store.sqlite"},
            "the store /nowhere/store.sqlite does not exist any more: all requests",
        ),
        (
            {"settings": {"no_store": True}},
            "the run was started with --no-store: all requests are sent again.",
        ),
    ],
)
def test_it_is_said_before_anything_is_paid_for_twice(
    facts: dict[str, Any], said: str, run_of: Callable[..., Path], command: Callable[..., Any]
) -> None:
    assert said in command(run_of(**facts), "resume", "latest").stderr


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"cwd": "/no/such/place"},
            "/no/such/place, where the run was started, does not exist any more: go to where",
        ),
        (
            {"cwd": None},
            "does not state where the run was started: go to where its benchmarks are now and run: pytest",
        ),
        (
            {"command": None},
            "manifest.json does not state the run's command: start that command again yourself.",
        ),
        ({"command": ["rm", "-rf", "/"]}, "manifest.json does not state the run's command"),
        ({"command": ["pytest", 3]}, "manifest.json does not state the run's command"),
    ],
)
def test_a_run_that_cannot_go_on_is_one_sentence(
    facts: dict[str, Any], said: str, run_of: Callable[..., Path], refused: Callable[..., str]
) -> None:
    sentence = refused(run_of(**facts), "resume", "latest")
    assert said in sentence
    if "cwd" in facts:
        assert sentence.endswith("pytest -q 'with space'")


def test_a_manifest_that_is_none_is_one_sentence(
    run_of: Callable[..., Path], refused: Callable[..., str]
) -> None:
    folder = run_of()
    manifest = folder / "reports" / "20260101" / "manifest.json"
    manifest.write_text('{"command":')
    assert "manifest.json is not JSON (" in refused(folder, "resume", "latest")
    manifest.write_text("[]")
    assert "is not a JSON object" in refused(folder, "resume", "latest")
    with manifest.open("wb") as file:
        file.truncate(1_000_000_000)
    assert "its manifest.json cannot be read (it has 1,000.0 MB, and at most 16 MB are" in refused(
        folder, "resume", "latest"
    )
    manifest.unlink()
    assert refused(folder, "resume", "20260101") == (
        "reports/20260101 is no run folder: its manifest.json cannot be read (No such file or directory)."
    )
    shutil.rmtree(folder / "reports")
    assert "there is no run under reports" in refused(folder, "resume", "latest")


def test_a_pytest_that_was_killed_ends_as_a_shell_tells_it() -> None:
    assert [shell_status(0), shell_status(4), shell_status(-signal.SIGKILL)] == [0, 4, 137]
