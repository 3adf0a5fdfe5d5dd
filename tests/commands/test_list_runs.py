"""`mmlubench runs`: what there is, what it is called, and how far it came."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from mmlubench.figures import interval

Ended = subprocess.CompletedProcess
LABEL = "nightly 夜间的评估 \x1b[31m" + "x" * 90


@pytest.fixture(scope="module")
def folder(make_folder: Callable[..., Path], run_pytest: Callable[..., Any]) -> Path:
    """Two finished runs and one that `-x` ended, oldest first."""
    made = make_folder()
    (made / "models.yaml").write_text(
        "模型: {model_name: mock/x, rule: B}\nslow: {model_name: mock/A, latency_s: 1}\n"
    )
    run_pytest(made, "--model", "mock", "--desc", LABEL)
    run_pytest(made, "--model", "模型", "--model", "mock/A", "--limit", "57")
    run_pytest(made, "--model", "mock/A", "-x", "--desc", "stopped early")
    return made


@pytest.fixture(scope="module")
def listed(folder: Path, command: Callable[..., Ended[str]]) -> Callable[..., list[dict[str, Any]]]:
    def listed(*options: str) -> list[dict[str, Any]]:
        done = command(folder, "runs", "--json", *options)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    return listed


def test_the_newest_comes_first_with_label_state_and_figures(
    listed: Callable[..., list[dict[str, Any]]],
) -> None:
    stopped, several, nightly = listed()
    assert [run["state"] for run in (stopped, several, nightly)] == ["broken off", "finished", "finished"]
    assert (stopped["desc"], several["desc"], nightly["desc"]) == ("stopped early", "", LABEL)
    assert stopped["results"][0]["why_no_headline"].startswith("the run was stopped after")
    assert [(one["model"], one["n"]) for one in several["results"]] == [("模型-MOCK", 57), ("mock-A", 57)]
    (one,) = nightly["results"]
    assert (one["benchmark"], one["n"], one["accuracy"], one["headline"]) == ("mmlu", 120, 0.85, True)
    assert one["ci95"][0] < 0.85 < one["ci95"][1]


def test_it_fits_on_a_screen_of_80_columns(folder: Path, command: Callable[..., Ended[str]]) -> None:
    done = command(folder, "runs")
    lines = done.stdout.splitlines()
    assert max(map(cell_len, lines)) == 80  # the long label is cut
    assert "\x1b" not in done.stdout
    assert lines[0].endswith("  broken off  stopped early")
    assert f"  mmlu · mock                         n = 120      0.850 ({interval((0.775, 0.903))})" in lines
    assert "    no accuracy: the run was stopped after" in done.stdout


def test_a_label_stands_in_manifest_summary_and_at_the_end_of_the_run(
    folder: Path, run_pytest: Callable[..., Any], listed: Callable[..., list[dict[str, Any]]]
) -> None:
    ran = run_pytest(folder, "--model", "mock", "--limit", "5", "--desc", "mine", "--run-dir", "other")
    (run,) = (path for path in (folder / "other").iterdir() if path.is_dir())
    assert f"run folder: other/{run.name} (mine)" in ran.output
    assert json.loads((run / "summary.json").read_text())["manifest"]["settings"]["desc"] == "mine"
    assert json.loads((run / "manifest.json").read_text())["settings"]["desc"] == "mine"
    assert [one["run_id"] for one in listed("--run-dir", "other")] == [run.name]


def test_a_run_under_way_is_running_and_a_killed_one_is_broken_off(
    folder: Path, start_pytest: Callable[..., Any], listed: Callable[..., list[dict[str, Any]]]
) -> None:
    running = start_pytest(folder, "--model", "slow", "--concurrency", "2", "--run-dir", "killed")
    end = time.monotonic() + 30
    while not (runs := listed("--run-dir", "killed")) and time.monotonic() < end:
        time.sleep(0.1)
    assert [(run["state"], run["models"], run["results"]) for run in runs] == [("running", ["slow-MOCK"], [])]
    running.kill()
    assert [run["state"] for run in listed("--run-dir", "killed")] == ["broken off"]


def test_a_run_of_another_host_is_not_taken_for_a_process_of_this_one(
    folder: Path, listed: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    source = next(path for path in sorted((folder / "reports").iterdir()) if path.is_dir())
    shutil.copytree(source, tmp_path / "run")
    (tmp_path / "run/summary.json").unlink()
    values = json.loads((tmp_path / "run/manifest.json").read_text())
    for host, pid, state in (
        (platform.node(), 1, "running"),
        ("elsewhere", 1, "broken off"),
        (platform.node(), 10**30, "broken off"),
        (platform.node(), "1", "broken off"),
    ):
        about = {**values, "state": "running", "process": {"host": host, "pid": pid}}
        (tmp_path / "run/manifest.json").write_text(json.dumps(about))
        (run,) = listed("--run-dir", str(tmp_path))
        assert (run["state"], run["cases"]) == (state, 120)
    # A manifest of an older version says nothing about its state.
    older = {name: value for name, value in values.items() if name not in ("state", "process")}
    (tmp_path / "run/manifest.json").write_text(json.dumps(older))
    assert [run["state"] for run in listed("--run-dir", str(tmp_path))] == ["broken off"]


def test_a_run_that_cannot_be_read_does_not_hide_the_others(
    folder: Path, command: Callable[..., Ended[str]], tmp_path: Path
) -> None:
    source = next(path for path in sorted((folder / "reports").iterdir()) if path.is_dir())
    for name in ("20260101-a", "20260102-b"):
        shutil.copytree(source, tmp_path / name)
    (tmp_path / "20260102-b/manifest.json").write_text("{")
    first, second, *_ = command(folder, "runs", "--run-dir", str(tmp_path)).stdout.splitlines()
    assert first.startswith("20260102-b  cannot be read: ")
    assert "finished" in second


def test_without_runs_it_says_where_it_looked(tmp_path: Path, command: Callable[..., Ended[str]]) -> None:
    assert (
        command(tmp_path, "runs").stdout
        == "There is no run under reports; name another folder with --run-dir DIR.\n"
    )
    assert json.loads(command(tmp_path, "runs", "--json").stdout) == []
