"""--export: a run in other tools' formats at its end, and the summary of a GitHub job; neither can fail the run."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pytest

MOCK = ("--model", "mock/B", "--limit", "6")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_run_is_exported_in_every_format_that_is_named(workers, folder):
    result = folder.run(*MOCK, *workers, "--export", "inspect", "--export", "ctrf", "--export", "inspect")
    exports = folder.run_folder() / "exports"
    (log,) = (exports / "inspect").iterdir()
    with ZipFile(log) as file:
        assert json.loads(file.read("header.json"))["status"] == "success"
        assert sum(name.startswith("samples/") for name in file.namelist()) == 6
    assert json.loads((exports / "ctrf" / "ctrf-report.json").read_text())["results"]["summary"]["tests"] == 6
    result.stdout.fnmatch_lines(["export inspect: reports/*.eval", "export ctrf: reports/*/ctrf-report.json"])
    assert result.stdout.str().count("export inspect: ") == 1


def test_an_unknown_format_is_told_before_anything_is_asked(folder):
    assert folder.refused(*MOCK, "--export", "pdf").startswith(
        "--export pdf: it must be one of inspect, lm-eval, "
    )
    assert not (folder.path / "reports").exists()


def test_an_export_that_fails_fails_neither_the_run_nor_another_export(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    result = folder.run(
        *MOCK, "--min-accuracy", "0", "--export", "hub", "--export", "wandb", "--export", "csv"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "the export hub failed (UserError: no result of * a mock answered*",
            "the export wandb failed (UserError: *pip install 'mmlubench?wandb?'*",
        ]
    )
    result.stdout.fnmatch_lines(["export csv: reports/*/cases.csv"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_summary_of_a_github_job_gets_the_run_behind_what_is_there(workers, folder, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.write("summary.md", "# Of another step\n")))
    folder.run(*MOCK, *workers)
    folder.run(*MOCK, *workers)
    text = (folder.path / "summary.md").read_text("utf-8")
    assert text.startswith("# Of another step\n")
    assert text.count("## Benchmark") == text.count("**MOCK: ") == 2


def test_a_job_whose_summary_is_full_or_cannot_be_written_runs_all_the_same(folder, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.write("summary.md", "x" * 1024 * 1024)))
    assert folder.run(*MOCK, "--min-accuracy", "0").ret == 0
    assert (folder.path / "summary.md").stat().st_size == 1024 * 1024
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.path / "no" / "such" / "folder"))
    result = folder.run(*MOCK, "--min-accuracy", "0")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["the summary of the job was not written (FileNotFoundError*"])


def test_a_test_run_without_a_benchmark_leaves_the_summary_alone(folder, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder.path / "summary.md"))
    folder.write("test_plain.py", "def test_plain():\n    pass\n")
    folder.run("test_plain.py", "-k", "plain")
    assert not (folder.path / "summary.md").exists()
