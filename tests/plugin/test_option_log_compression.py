"""--log-compression: smaller logs, and everything that reads a run reads them as it reads plain ones."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mmlubench import open_run
from mmlubench.cli import main

ZSTD = ("--log-compression", "zstd")


def without_times(lines):
    return [{name: value for name, value in line.items() if name != "latency_s"} for line in lines]


def log(folder, *arguments, under):
    folder.run(
        "--model",
        "mock",
        "--model",
        "mock/A",
        "--limit",
        "6",
        "--epochs",
        "2",
        "--run-dir",
        under,
        *arguments,
    )
    run = open_run(folder.run_folder(under))
    return run, without_times(run.requests()), without_times(run.responses())


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_compressed_logs_hold_the_very_lines_of_plain_ones(workers, folder):
    plain, *lines = log(folder, under="plain")
    packed, *same = log(folder, *ZSTD, *workers, under="packed")
    assert same == lines
    assert len(lines[0]) == 24
    assert {path.name for path in packed.path.iterdir() if ".jsonl" in path.name} == {
        "requests.jsonl.zst",
        "responses.jsonl.zst",
        "results.jsonl",
    }
    assert not list(plain.path.glob("*.zst"))
    assert [case.id for case in packed.entries()] == [case.id for case in plain.entries()]


def test_a_mock_plays_back_what_was_recorded_of_a_compressed_run(folder):
    run, _, responses = log(folder, *ZSTD, under="packed")
    replies = folder.path / "replies.json"
    said = CliRunner().invoke(main, ["record", str(run.path), "--to", str(replies), "--model", "mock"])
    assert said.exit_code == 0, said.output
    folder.models(**{"again": {"provider": "mock", "responses": str(replies)}})
    folder.models(**{"straight": {"provider": "mock", "responses": str(run.path / "responses.jsonl.zst")}})
    assert len(responses) == 24


def test_another_compression_is_refused(folder):
    assert folder.refused("--log-compression", "gzip") == "--log-compression gzip: it must be one of zstd."
