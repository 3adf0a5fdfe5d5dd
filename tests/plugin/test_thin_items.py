"""Cases are thin, and nobody notices: hooks and plugins find in items and reports all that pytest has in them."""

from __future__ import annotations

import json
import pickle

import pytest

from mmlubench.plugin.cases import Case
from mmlubench.plugin.thin_item import ThinItem
from mmlubench.plugin.thin_report import ThinReport

LOOKS_INTO_ITEMS = """
import json, pathlib, pytest

KEY = pytest.StashKey[str]()

def pytest_collection_modifyitems(items):
    seen = []
    for item in items:
        assert isinstance(item, pytest.Function)
        seen.append({
            "name": item.name, "nodeid": item.nodeid, "originalname": item.originalname,
            "markers": [mark.name for mark in item.iter_markers()], "own": [mark.name for mark in item.own_markers],
            "closest": item.get_closest_marker("questions").args[0], "keywords": sorted(item.keywords),
            "extra": sorted(item.listextrakeywords()), "fixtures": list(item.fixturenames),
            "function": item.function.__name__, "obj": item.obj.__name__, "callspec": hasattr(item, "callspec"),
            "unknown": hasattr(item, "of_nobody"), "chain": item.listnames(), "module": item.module.__name__,
            "funcargs": item.funcargs, "location": list(item.location), "properties": item.user_properties,
        })
        item.stash[KEY] = item.name
        item.user_properties.append(("place", len(seen)))
    pathlib.Path("seen.json").write_text(json.dumps(seen))

def pytest_runtest_logfinish(nodeid): ...

@pytest.hookimpl(trylast=True)
def pytest_runtest_makereport(item, call):
    assert item.stash[KEY] == item.name
"""


def test_a_conftest_finds_in_an_item_what_pytest_stores_in_one(folder):
    folder.write("conftest.py", LOOKS_INTO_ITEMS)
    result = folder.run("--model", "mock/A", "--limit", "2", "--junitxml", "out.xml")
    assert result.ret in (0, 1)
    first, _ = json.loads((folder.path / "seen.json").read_text())
    assert first["nodeid"] == f"test_mmlu.py::{first['name']}"
    assert first["name"].startswith("test_mmlu[mock-A-")
    assert first["chain"][-1] == first["name"]
    assert (first["originalname"], first["function"], first["obj"]) == ("test_mmlu",) * 3
    assert first["markers"] == first["own"] == ["parametrize", "questions"] or "questions" in first["own"]
    assert first["closest"] == "mmlu"
    assert {"questions", "test_mmlu.py"} <= set(first["keywords"])
    assert "mmlu" in first["extra"]
    assert {"question", "solver"} <= set(first["fixtures"])
    assert (first["callspec"], first["unknown"], first["funcargs"]) == (False, False, {})
    assert (first["location"][0], first["location"][2]) == ("test_mmlu.py", first["name"])
    assert 'name="place" value="1"' in (folder.path / "out.xml").read_text()


def test_marks_names_and_keywords_that_a_hook_sets_count(folder):
    folder.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.skip(reason='not this one'))\n"
        "    items[1].name = 'test_renamed'\n"
        "    items[2].add_marker('chosen')\n"
        "    assert [item.get_closest_marker('skip') is not None for item in items[:3]] == [True, False, False]\n"
        "    assert 'chosen' in items[2].keywords and 'chosen' not in items[1].keywords\n"
        "    assert items[1].name == 'test_renamed' and 'renamed' not in items[1].nodeid\n",
    )
    result = folder.run(
        "--model", "mock/A", "--limit", "3", "-rs", "--strict-markers", "-o", "markers=chosen"
    )
    assert "not this one" in result.stdout.str()
    assert sorted(entry["outcome"] for entry in folder.lines("results"))[0] != "error"
    assert [entry["outcome"] for entry in folder.lines("results")].count("skipped") == 1


def test_cases_stay_thin_where_nobody_looks(folder, monkeypatch):
    filled = []
    fill = ThinItem.fill
    monkeypatch.setattr(Case, "fill", lambda case: filled.append(case.name) or fill(case), raising=True)
    folder.run("--model", "mock/A", "--limit", "20")
    assert len(set(filled)) == 2  # the first and the last, which set up and tear down the module


class Report:
    """Keeps the reports of a run, as a plugin of pytest would."""

    def __init__(self):
        self.calls = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.calls.append(report)


@pytest.fixture
def reports(pytester, folder):
    plugin = Report()
    pytester.inline_run("--model", "mock/A", "--limit", "12", plugins=[plugin])
    return plugin.calls


def test_a_report_has_all_that_a_report_of_pytest_has(reports):
    assert {type(report) for report in reports[1:-1]} == {ThinReport}
    report = next(report for report in reports if report.failed)
    plain = report.whole()
    assert type(plain) is pytest.TestReport
    for name, value in vars(plain).items():
        if name != "_id":
            assert getattr(report, name) == value, name
    assert (report.nodeid, report.fspath, report.head_line) == (plain.nodeid, plain.fspath, plain.head_line)
    assert (report.passed, report.failed, report.longreprtext) == (False, True, plain.longreprtext)
    assert report.count_towards_summary
    assert repr(report) == repr(plain)
    assert not hasattr(report, "wasxfail")
    assert report._to_json() == plain._to_json()
    assert vars(pickle.loads(pickle.dumps(plain))).keys() == vars(pickle.loads(pickle.dumps(report))).keys()


def test_a_plugin_may_change_a_report(reports):
    report, other = reports[1], reports[2]
    report.sections.append(("log", "text"))
    report.user_properties.append(("seen", 1))
    report.of_a_plugin, report.nodeid = [1], "renamed.py::test[x]"
    assert (report.sections, report.user_properties) == ([("log", "text")], [("seen", 1)])
    assert (other.sections, other.user_properties) == ([], [])
    plain = report.whole()
    assert (plain.sections, plain.of_a_plugin, plain.nodeid) == (
        [("log", "text")],
        [1],
        "renamed.py::test[x]",
    )
    assert getattr(report, "id", "renamed.py::test[x]") == getattr(plain, "id", "renamed.py::test[x]")


def test_a_plugin_that_reads_all_of_a_report_finds_all_of_it(reports):
    # Some write `vars(report)` into files.
    report = reports[1]
    report.of_a_plugin = 1
    assert vars(report).keys() >= vars(report.whole()).keys() | {"when", "outcome", "longrepr", "of_a_plugin"}
    assert (vars(report)["outcome"], vars(report)["duration"]) == (report.outcome, report.duration)


def test_a_plugin_may_change_all_of_a_report(reports):
    report = reports[1]
    report.nodeid, report.location, report.keywords = "a.py::b", ("a.py", 1, "b"), {"c": 1}
    plain = report.whole()
    assert (plain.nodeid, plain.location, plain.keywords) == ("a.py::b", ("a.py", 1, "b"), {"c": 1})


def test_durations_and_the_summary_of_passed_tests_name_the_cases(folder):
    result = folder.run("--model", "mock/A", "--limit", "20", "--durations", "3", "-vv", "-rA")
    result.stdout.re_match_lines([r".*s call +test_mmlu.py::test_mmlu\[mock-A-.*"])
    result.stdout.re_match_lines([r"CORRECT test_mmlu.py::test_mmlu\[mock-A-.*"])
