"""Plugins that write reports of tests: they count as many right and wrong answers as the run has."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree

import pandas
import pytest

from tests.other_plugins.conftest import CASES, FAILED, RIGHT, Run

HTML = "pytest_html.plugin pytest_html.fixtures pytest_metadata.plugin"
#: Each report: the plugin, its arguments, and a function that counts the passed and the failed tests in it.
Count = Callable[[Run], tuple[int, int]]


def html(run: Run) -> tuple[int, int]:
    found = dict(re.findall(r'class="(passed|failed)">([0-9]+) ', run.text("r.html")))
    return int(found["passed"]), int(found["failed"])


def report_log(run: Run) -> tuple[int, int]:
    reports = [json.loads(line) for line in run.text("r.jsonl").splitlines()]
    tests = [report for report in reports if report["$report_type"] == "TestReport"]
    assert Counter(report["when"] for report in tests) == dict.fromkeys(("setup", "call", "teardown"), CASES)
    return of(report["outcome"] for report in tests if report["when"] == "call")


def nunit(run: Run) -> tuple[int, int]:
    top = ElementTree.fromstring(run.text("r.xml"))
    return int(top.attrib["passed"]), int(top.attrib["failed"])


def in_csv(run: Run) -> tuple[int, int]:
    return of(row["status"] for row in csv.DictReader(run.text("r.csv").splitlines()))


def in_json(run: Run) -> tuple[int, int]:
    summary = json.loads(run.text("r.json"))["summary"]
    return summary["passed"], summary["failed"]


def ctrf(run: Run) -> tuple[int, int]:
    summary = json.loads(run.text("r.json"))["results"]["summary"]
    return summary["passed"], summary["failed"]


def allure(run: Run) -> tuple[int, int]:
    return of(json.loads(file.read_text())["status"] for file in run.folder.glob("allure/*-result.json"))


def teamcity(run: Run) -> tuple[int, int]:
    ended, failed = run.output.count("##teamcity[testFinished"), run.output.count("##teamcity[testFailed")
    return ended - failed, failed


def github(run: Run) -> tuple[int, int]:
    return RIGHT, run.output.count("::error ")


def markdown(run: Run) -> tuple[int, int]:
    total = re.search(r"TOTAL *\| *(\d+) *\| *(\d+)", run.text("r.md"))
    assert total
    return int(total[1]), int(total[2])


def spreadsheet(run: Run) -> tuple[int, int]:
    return of(pandas.read_excel(run.folder / "r.xlsx")["result"])


def screen(run: Run) -> tuple[int, int]:
    passed, failed = re.findall(r"(\d+) passed", run.output), re.findall(r"(\d+) failed", run.output)
    return int(passed[-1]), int(failed[-1])


def of(outcomes: object) -> tuple[int, int]:
    counts = Counter(str(outcome).lower() for outcome in outcomes)  # type: ignore[attr-defined]
    return counts["passed"], counts["failed"]


REPORTS = [
    (HTML, ["--html=r.html", "--self-contained-html"], html),
    ("pytest_reportlog.plugin", ["--report-log=r.jsonl"], report_log),
    ("pytest_nunit.plugin", ["--nunit-xml=r.xml"], nunit),
    ("pytest_csv._plugin", ["--csv=r.csv"], in_csv),
    (
        "pytest_jsonreport.plugin pytest_metadata.plugin",
        ["--json-report", "--json-report-file=r.json"],
        in_json,
    ),
    ("ctrf.main", ["--ctrf=r.json"], ctrf),
    ("allure_pytest.plugin", ["--alluredir=allure"], allure),
    ("teamcity.pytest_plugin", ["--teamcity"], teamcity),
    ("pytest_github_actions_annotate_failures.plugin", [], github),
    ("pytest_md_report.plugin", ["--md-report", "--md-report-output=r.md"], markdown),
    ("pytest_excel.pytest_excel", ["--excelreport=r.xlsx"], spreadsheet),
    ("pytest_sugar", ["--force-sugar"], screen),
    ("pytest_instafail", ["--instafail"], screen),
    ("pytest_pretty", ["-s"], screen),
    ("pytest_spec.plugin", ["--spec"], screen),
    ("pytest_rich.plugin", ["--rich"], screen),
]


@pytest.mark.parametrize(("plugin", "arguments", "count"), REPORTS, ids=[plugin for plugin, *_ in REPORTS])
def test_a_report_counts_what_the_run_counts(
    plugin: str, arguments: list[str], count: Count, beside: Callable[..., Run]
) -> None:
    run = beside(plugin, *arguments, GITHUB_ACTIONS="true", PYTHONIOENCODING="utf-8")
    assert run.status == 1, run.output
    assert (run.entry()["n"], run.entry()["outcomes"]["correct"]) == (CASES, RIGHT)
    assert count(run) == (RIGHT, FAILED)


@pytest.mark.parametrize(
    ("plugin", "arguments", "count"), [REPORTS[0], REPORTS[2], REPORTS[4]], ids=["html", "nunit", "json"]
)
def test_a_report_of_several_workers_counts_the_same(
    plugin: str, arguments: list[str], count: Count, beside: Callable[..., Run]
) -> None:
    run = beside(f"{plugin} xdist", *arguments, "-n", "2")
    assert count(run) == (RIGHT, FAILED), run.output
