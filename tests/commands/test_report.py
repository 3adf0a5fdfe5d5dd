"""`mmlubench report`: one page of one or more runs, whatever state their folders are in."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.reports.page.document import BEGINNING
from mmlubench.schema import Entry, Outcome
from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run
from tests.page.parsed import Page

Report = Callable[..., Page]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Write the page of runs under `tmp_path`, and read it."""

    def written(*names: str) -> Page:
        file = tmp_path / "page.html"
        arguments = ["report", "--run-dir", str(tmp_path), *names, "--html", str(file)]
        ended = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        assert str(file) in ended.output
        return Page(file.read_text())

    return written


def refusal(tmp_path: Path, *arguments: str) -> str:
    ended = CliRunner().invoke(main, ["report", "--run-dir", str(tmp_path), *arguments])
    assert ended.exit_code == 1, ended.output
    return " ".join(ended.output.removeprefix("Error: ").split())


def small(seed: int = 1, model: str = "m", **more: Any) -> list[Entry]:
    return made_entries(seed, 0.6, model=model, sizes=[30, 40], **more)


def change_manifest(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def state_of(page: Page) -> str:
    return " ".join(line for line in page.paragraphs if line.startswith("The run "))


def test_one_run_has_its_page_in_its_folder(tmp_path):
    entries = small()
    folder = write_run(tmp_path / "one", entries)
    write_logs(folder, entries)
    ended = CliRunner().invoke(main, ["report", str(folder)], catch_exceptions=False)
    assert ended.output.startswith(f"{folder / 'report.html'}: 70 cases, ")
    page = Page((folder / "report.html").read_text())
    assert state_of(page) == ""
    (unit,) = page.text_of(0)
    assert "Question mmlu/subject_00/0000" in unit["x"][0]["messages"][0][1]
    assert unit["x"][0]["completion"].endswith(f"Answer: {entries[0].prediction}")


@pytest.mark.parametrize(
    ("process", "said"),
    [({"host": platform.node(), "pid": os.getpid()}, "still goes on"), ({}, "was broken off")],
    ids=["running", "killed"],
)
def test_a_run_without_a_summary_says_why(tmp_path, report, process, said):
    folder = write_run(tmp_path / "one", small())
    (folder / "summary.json").unlink()
    change_manifest(folder, state="running", process=process)
    page = report("one")
    assert said in state_of(page)
    assert any("no headline number" in line for line in page.paragraphs)
    assert page.tables["Cases by outcome"][1][0] == "mmlu · m"


def test_the_command_is_quoted_as_a_shell_wants_it(tmp_path, report):
    folder = write_run(tmp_path / "one", small())
    change_manifest(folder, command=["pytest", "benchmarks", "-k", "mmlu and anatomy"])
    assert any("pytest benchmarks -k 'mmlu and anatomy'" in line for line in report("one").paragraphs)


def test_without_logs_there_are_figures_and_a_list(tmp_path, report):
    write_run(tmp_path / "one", small())
    page = report("one")
    assert page.index["columns"]["text"] == [-1] * 70
    assert list(page.data) == ["index"]


def test_without_responses_there_are_the_prompts(tmp_path, report):
    entries = small()
    folder = write_run(tmp_path / "one", entries)
    write_logs(folder, entries)
    (folder / "responses.jsonl").unlink()
    (unit,) = report("one").text_of(3)
    assert "messages" in unit["x"][0]
    assert "completion" not in unit["x"][0]


def test_a_folder_of_schema_version_1(tmp_path, report):
    folder = write_run(tmp_path / "old", small())
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for key in ("schema_version", "kind", "state"):
        del manifest[key]
    path.write_text(json.dumps(manifest))
    summary = json.loads((folder / "summary.json").read_text()) | {"schema_version": 1}
    del summary["kind"]
    (folder / "summary.json").write_text(json.dumps(summary))
    old = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    for case in old:
        for key in ("language", "order", "letters", "score", "rounds", "choices", "recipe"):
            del case[key]
    (folder / "results.jsonl").write_text("".join(json.dumps(case) + "\n" for case in old))
    page = report("old")
    assert state_of(page) == ""
    assert len(page.index["columns"]["outcome"]) == 70


@pytest.mark.parametrize("count", [0, 1])
def test_a_run_of_one_case_or_none(tmp_path, report, count):
    write_run(tmp_path / "few", small()[:count])
    page = report("few")
    assert len(page.index["columns"]["outcome"]) == count
    assert ("No case was recorded: there is nothing to show yet." in page.paragraphs) == (count == 0)


def test_57_models(tmp_path, report):
    models = [f"model-{k:02}" for k in range(57)]
    entries = [one for k, model in enumerate(models) for one in small(k, model)]
    write_run(tmp_path / "many", entries)
    page = report("many")
    assert len(page.tables["Accuracy of every model"]) == 58
    assert any(line.startswith("models that share a letter cannot be told apart") for line in page.paragraphs)
    assert len(page.index["results"]) == 57


def test_runs_that_share_no_question_stand_side_by_side_and_say_so(tmp_path, report):
    write_run(tmp_path / "one", small())
    others = [replace(entry, id=entry.id.replace("subject", "other")) for entry in small(2)]
    write_run(tmp_path / "two", others)
    page = report("one", "two")
    assert any(line.startswith("Not compared: ") and "in common" in line for line in page.paragraphs)
    assert len(page.tables["Cases by outcome"]) == 3


def test_two_benchmarks_are_not_compared(tmp_path, report):
    write_run(tmp_path / "one", [*small(), *small(benchmark="mmlu_pro")])
    page = report("one")
    assert [row[0] for row in page.tables["Cases by outcome"][1:]] == ["mmlu · m", "mmlu_pro · m"]
    assert not any("compared" in line.lower() for line in page.paragraphs)
    assert set(page.index["columns"]["change"]) == {0}


def test_one_model_of_a_run(tmp_path, report):
    write_run(tmp_path / "one", [*small(1, "a:b"), *small(2, "c")])
    assert [one["name"] for one in report("one:a:b").index["results"]] == ["a:b"]
    assert "has no model x; it has a:b, c" in refusal(tmp_path, "one:x")


def test_the_texts_of_right_answers_may_be_left_out_and_all_texts(tmp_path, report):
    entries = small()
    write_logs(write_run(tmp_path / "one", entries), entries)
    page = report("one", "--texts", "wrong")
    left_out = [number < 0 for number in page.index["columns"]["text"]]
    assert left_out == [entry.outcome is Outcome.CORRECT for entry in entries]
    assert any(
        line.startswith("Prompts and replies of right answers are left out") for line in page.paragraphs
    )
    assert list(report("one", "--texts", "figures").data) == ["index"]


def test_an_error_is_told_even_where_nothing_was_sent(tmp_path, report):
    write_run(tmp_path / "one", small(errors=2))
    page = report("one")
    assert page.text_of(0) == [{"x": [], "error": "cannot connect"}]
    assert page.tables["Cases that are not right, by cause"][-1] == ["error: cannot connect", "2"]


def test_it_refuses_in_one_sentence(tmp_path):
    write_run(tmp_path / "one", small())
    write_run(tmp_path / "two", small(2))
    assert refusal(tmp_path, "one", "two") == (
        "several runs have no folder in common: name the file, --html FILE."
    )
    assert "no such run" in refusal(tmp_path, "three")
    assert "there is no folder" in refusal(tmp_path, "one", "--html", str(tmp_path / "no" / "page.html"))


def test_a_file_that_is_no_page_stays_and_a_page_is_replaced(tmp_path):
    write_run(tmp_path / "one", small())
    theirs, ours = tmp_path / "theirs.html", tmp_path / "ours.html"
    theirs.write_text("<!doctype html><p>of somebody else")
    assert "no page of mmlubench" in refusal(tmp_path, "one", "--html", str(theirs))
    assert theirs.read_text() == "<!doctype html><p>of somebody else"
    ours.write_text(BEGINNING + "old")
    ended = CliRunner().invoke(main, ["report", "--run-dir", str(tmp_path), "one", "--html", str(ours)])
    assert ended.exit_code == 0
    assert len(ours.read_text()) > 10_000
