"""--log-compression: smaller logs, and everything that reads a run reads them as it reads plain ones."""

from __future__ import annotations

import json

import orjson
import pytest
from click.testing import CliRunner

from mmlubench import open_run
from mmlubench.cli import main
from mmlubench.zstd import frame

ZSTD = ("--log-compression", "zstd")
TIMES = ("latency_s", "queued_s")


def without_times(lines):
    told = [{name: value for name, value in line.items() if name not in TIMES} for line in lines]
    return sorted(
        told, key=lambda line: (line["model"], line["id"], line.get("epoch", 0))
    )  # workers take turns


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


def test_a_compressed_run_is_recorded(folder):
    run, _, responses = log(folder, *ZSTD, under="packed")
    replies = folder.path / "replies.json"
    said = CliRunner().invoke(main, ["record", str(run.path), "--to", str(replies), "--model", "mock"])
    assert said.exit_code == 0, said.output
    recorded = json.loads(replies.read_text())
    assert recorded.keys() == {line["id"] for line in responses if line["model"] == "mock"}


def test_the_log_of_a_run_that_was_killed_is_read_as_far_as_it_goes(make_folder, start_pytest, start_server):
    server, where = start_server("--latency-ms", "100"), make_folder()
    asked = ("--model", server.model, "--data", "sample", "--concurrency", "8", "--epochs", "5")
    running = start_pytest(where, *asked, "--no-store", *ZSTD)
    server.wait_for(300)  # some four seconds, and a second or 64 kB is all that may be lost
    running.kill()
    run = open_run(next(path for path in (where / "reports").iterdir() if path.is_dir()))
    requests, responses = list(run.requests()), list(run.responses())
    assert not run.is_finished
    assert len(requests) >= 100
    assert {line["id"] for line in responses} <= {line["id"] for line in requests}


def test_a_mock_reads_the_log_of_a_compressed_run(folder):
    run, _, _ = log(folder, *ZSTD, under="packed")
    by_mock = [line for line in run.responses() if line["model"] == "mock" and not line.get("epoch")]
    again = folder.write("again.jsonl.zst", "")
    again.write_bytes(frame(b"".join(orjson.dumps(line) + b"\n" for line in by_mock)))
    folder.models(again={"model_name": "mock/again", "provider": "mock", "responses": str(again)})
    folder.run("--model", "again", "--limit", "6", "--models-file", "models.yaml")
    replied = {line["id"]: line["completion"] for line in folder.lines("responses")}
    assert replied == {line["id"]: line["completion"] for line in by_mock}


def test_another_compression_is_refused(folder):
    assert folder.refused("--log-compression", "gzip") == "--log-compression gzip: it must be one of zstd."
