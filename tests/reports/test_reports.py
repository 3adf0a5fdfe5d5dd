"""A report is one object in one table; what somebody adds comes out beside ours, and breaks none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

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
