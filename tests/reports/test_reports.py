"""A report is one object in one table; what somebody adds comes out beside ours, and breaks none of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench import registry
from mmlubench.figures import TIMES
from mmlubench.jsonl import pretty
from mmlubench.records import Manifest
from mmlubench.registry import Registry
from mmlubench.reports import report as reports
from mmlubench.reports.report import File, FinishedRun, Report, RunRecords, Screen, Section
from mmlubench.schema import Entry
from mmlubench.stats import Metric, Summary
from mmlubench.stats.metrics import METRICS

GOLDEN = Path(__file__).parent / "golden"
SCREEN = Screen(80, color=False, ascii=False)
ID = "20260102-030405-678-beef"


@pytest.fixture
def run(results: Callable[..., list[Entry]], summary: Callable[..., Summary]) -> RunRecords:
    manifest = Manifest(ID, models={"claude": {"adapter": "my-lora"}}, settings={"limit": 960})
    return RunRecords(manifest, [summary(errors=5)], [results(errors=5)], Path("run"))


def plant(monkeypatch: pytest.MonkeyPatch, table: Registry[Any], thing: object) -> str:
    """One line in the table."""
    monkeypatch.setitem(table.ours, "planted", thing)
    return "planted"


def shown(run: RunRecords, width: int = 80) -> Section:
    """The summary on the screen, whatever other reports show."""
    screen = Screen(width, color=False, ascii=False)
    return next(section for section in reports.sections(run, screen) if section.title == "mmlu claude")


def test_our_reports_write_their_files_and_show_the_summary(run: RunRecords) -> None:
    made, failures = reports.files(run)
    written = {file.name: file for file in made}
    (name, latest) = ("mmlu_claude_20260102-030405-678.json", "mmlu_claude_latest.json")
    assert not written["summary.json"].beside
    assert written[name].beside
    assert written[latest].beside
    assert written[name].text == written[latest].text
    classic = json.loads(written[name].text)
    assert (classic["adapter_name"], classic["limit"], classic["run_id"]) == ("my-lora", 960, ID)
    section = shown(run)
    assert section.errors == [f"5 {TIMES} cannot connect to http://127.0.0.1:9/v1: is it up?"]
    assert failures == []


def cases_as_csv(run: FinishedRun) -> Iterable[File]:
    yield File("cases.csv", "\n".join(f"{case.id},{case.outcome}" for case in run.entries()))


def how_many(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    yield Section("cases", [f"{len(list(run.entries())):,} cases on {screen.width} columns"])


def test_a_planted_report_comes_out_beside_ours(run: RunRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reports.files(run)[0]
    plant(monkeypatch, reports.REPORTS, Report(cases_as_csv, how_many))
    *ours, planted = reports.files(run)[0]
    assert ours == before
    assert planted.text.splitlines()[0] == "mmlu/law_of_the_sea/0000,correct"
    assert list(reports.sections(run, SCREEN))[-1] == Section("cases", ["960 cases on 80 columns"])


def broken(run: FinishedRun, screen: Screen | None = None) -> Iterable[File]:
    raise KeyError("colour")


def test_a_report_that_fails_costs_only_itself(run: RunRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reports.files(run)[0]
    name = plant(monkeypatch, reports.REPORTS, Report(broken, broken))  # type: ignore[arg-type]
    said = f"the report {name} failed (KeyError: 'colour')."
    assert reports.files(run) == (before, [said])
    assert list(reports.sections(run, SCREEN))[-1] == Section(f"report {name}", (), (said,))


def stranger(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    """What a conftest does: `mmlubench.register("report", "theirs", report)`."""
    monkeypatch.setitem(registry._registered["report"], "theirs", report)
    monkeypatch.setattr(reports.REPORTS, "_found", {})


@pytest.mark.parametrize(
    "name",
    [
        "results.jsonl",
        "summary.json",
        "../notes.txt",
        "/tmp/notes.txt",
        "deep/notes.txt",
        "..",
        ".",
        "",
        "a\0b",
    ],
)
def test_a_strangers_report_writes_over_nothing_and_nowhere_else(
    name: str, run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The answers that were paid for would be gone, or a file of the user's.
    before = reports.files(run, ["results.jsonl"])[0]
    stranger(monkeypatch, Report(lambda run: [File("fine.txt", "x"), File(name, "gone")]))
    said = f"it may not write {name!r}: give a name of its own, without a folder"
    failed = f"the report theirs failed (ValueError: {said})."
    assert reports.files(run, ["results.jsonl"]) == (before, [failed])


def test_a_strangers_report_does_not_write_over_one_of_ours_beside_the_runs(
    run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger(monkeypatch, Report(lambda run: [File("mmlu_claude_latest.json", "{}", beside=True)]))
    _, (said,) = reports.files(run)
    assert "it may not write 'mmlu_claude_latest.json'" in said


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("cases.csv", "TypeError: it made 'cases.csv', and a File of a name and a text is needed"),
        (File("cases.csv", b"x"), "and a File of a name and a text is needed"),  # type: ignore[arg-type]
        (File(3, "x"), "and a File of a name and a text is needed"),  # type: ignore[arg-type]
    ],
)
def test_what_a_stranger_makes_in_place_of_a_file_is_its_failure(
    made: File, said: str, run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reports.files(run)[0]
    stranger(monkeypatch, Report(lambda run: [made]))
    files, (failed,) = reports.files(run)
    assert files == before
    assert said in failed


@pytest.mark.parametrize(
    "made",
    ["some text", Section("cases", [3]), Section("cases", ["x"], [None]), Section(None, ["x"])],  # type: ignore[list-item]
    ids=["no section", "lines", "errors", "title"],
)
def test_what_a_stranger_makes_in_place_of_a_section_is_its_failure(
    made: Section, run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The whole table would be lost with it, when pytest comes to write the line.
    before = list(reports.sections(run, SCREEN))
    stranger(monkeypatch, Report(sections=lambda run, screen: [Section("fine", ["x"]), made]))
    *ours, failed = reports.sections(run, SCREEN)
    assert ours == before
    assert failed.title == "report theirs"
    assert "and a Section of a title and lines is needed" in failed.errors[0]


def leaves(run: FinishedRun, screen: Screen | None = None) -> Any:
    sys.exit("no disk")


def test_a_stranger_that_leaves_the_program_costs_only_itself(
    run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reports.files(run)[0]
    stranger(monkeypatch, Report(leaves, leaves))
    said = "the report theirs failed (SystemExit: no disk)."
    assert reports.files(run) == (before, [said])
    assert list(reports.sections(run, SCREEN))[-1] == Section("report theirs", (), (said,))


# -- errors of two recipes -------------------------------------------------------------------------------------------


def test_an_error_stands_under_the_recipe_that_had_it(
    results: Callable[..., list[Entry]], summary: Callable[..., Summary]
) -> None:
    # Two tests ask the same questions of one model, one with a solver of its own: each has its own table.
    usual = results(errors=5)
    own = [replace(one, recipe="own solver", error=one.error and "no route") for one in results(errors=2)]
    summaries = [summary(usual), replace(summary(own), recipe="own solver")]
    run = RunRecords(Manifest(ID), summaries, [usual, own], Path("run"))
    first, second = [s for s in reports.sections(run, SCREEN) if s.title == "mmlu claude"]
    assert first.errors == [f"5 {TIMES} cannot connect to http://127.0.0.1:9/v1: is it up?"]
    assert second.errors == [f"2 {TIMES} no route"]


def endless(run: FinishedRun) -> Iterable[File]:
    yield File("fine.json", pretty({"x": 1}))
    yield File("endless.json", pretty({"x": float("inf")}))


def test_a_report_with_a_number_that_json_lacks_writes_nothing(
    run: RunRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reports.files(run)[0]
    name = plant(monkeypatch, reports.REPORTS, Report(endless))
    made, (said,) = reports.files(run)
    assert made == before
    assert said.startswith(f"the report {name} failed (ValueError: Out of range float values")


@pytest.mark.parametrize(("name", "width"), [("full_80", 80), ("full_160", 160)])
def test_a_screen_stays_as_it_is_where_a_new_metric_has_no_value(
    name: str, width: int, summary: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, METRICS, Metric("new", lambda results: None, lambda value, beside: ["new 0.5"]))
    run = RunRecords(Manifest(), [summary()], [], Path("run"))
    section = shown(run, width)
    assert "\n".join(section.lines) + "\n" == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_a_new_metric_that_has_a_value_is_one_line_more(
    summary: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, METRICS, Metric("new", lambda results: 0.5, lambda value, beside: [f"new {value}"]))
    section = shown(RunRecords(Manifest(), [summary()], [], Path("run")))
    golden = (GOLDEN / "full_80.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in section.lines if line not in golden] == ["new 0.5"]
    assert [line for line in section.lines if line != "new 0.5"] == golden
