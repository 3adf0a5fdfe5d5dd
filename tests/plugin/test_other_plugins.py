"""Cases in a row take a short way through pytest: other plugins see all that they ask for all the same."""

from __future__ import annotations

import pytest

from mmlubench.plugin.fast_path import FastPath

LISTENER = """
import pytest

def pytest_{hook}
    print("seen:", {shown})
"""
REPORTER = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        print("seen:", call.excinfo and call.excinfo.typename, report.outcome, report.longrepr)
    return report
"""
REPLIES = ("Answer: A", "Answer: B", "Answer: A", "Answer: A")
whole = FastPath.run
CALLS = ("passed", "failed", "passed", "passed")


@pytest.fixture
def run(folder):
    """Runs a benchmark of four questions, the second answered wrong, with a conftest.py; returns the result."""
    folder.own_benchmark(count=4)
    options = ("--model", folder.scripted(*REPLIES), "-k", "capitals")

    def run(conftest, *more, apart=False):
        folder.write("conftest.py", conftest)
        return (folder.run_apart if apart else folder.run)(*options, *more)

    return run


@pytest.mark.parametrize(
    "hook",
    [
        "runtest_protocol(item, nextitem)",
        "runtest_setup(item)",
        "runtest_call(item)",
        "runtest_teardown(item)",
    ],
)
def test_a_hook_around_the_phases_of_a_test_sees_every_case(hook, run, folder):
    result = run(LISTENER.format(hook=f"{hook}:", shown="item.nodeid"), "-s")
    assert result.stdout.str().count("seen: test_capitals.py::test_capitals[") == 4
    assert folder.outcomes() == ["correct", "wrong", "correct", "correct"]


def test_a_hook_that_makes_reports_is_shown_how_each_case_ended(run, folder):
    result = run(REPORTER, "-s")
    said = [line.rpartition("seen: ")[2] for line in result.stdout.lines if "seen: " in line]
    wrong = "AssertionError failed answered B (rule: answer_cue), right is A"
    assert said == ["None passed None", wrong, "None passed None", "None passed None"]
    assert folder.outcomes() == ["correct", "wrong", "correct", "correct"]


TOLD_OF_REPORTS = """
def pytest_runtest_logreport(report):
    print("seen:", report.when, report.outcome)
"""


def test_who_is_told_of_reports_gets_all_that_pytest_sends(run):
    # A report of tests that counts a test when it is torn down said "2 tests, all passed".
    result = run(TOLD_OF_REPORTS, "-s")
    said = [line.rpartition("seen: ")[2] for line in result.stdout.lines if "seen: " in line]
    assert said == [line for o in CALLS for line in ("setup passed", f"call {o}", "teardown passed")]


@pytest.mark.parametrize("listens", [False, True])
def test_the_short_way_is_open_where_nobody_listens(listens, run, monkeypatch):
    ways = []
    monkeypatch.setattr(
        "mmlubench.plugin.session.FastPath.run",
        lambda self, case: ways.append(case.name) or whole(self, case),
    )
    run(TOLD_OF_REPORTS if listens else "")
    assert len(ways) == (0 if listens else 2)  # the first and the last case set up and tear down the module


HEARS_WORKERS = """
import os

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Listener())

class Listener:
    def pytest_runtest_logreport(self, report):
        with open("heard.txt", "a") as file:
            file.write(f"{report.when} {report.outcome}\\n")
"""


def test_a_listener_that_only_the_controller_has_hears_all_that_workers_send(run, folder):
    run(HEARS_WORKERS, "-n", "2", apart=True)
    heard = (folder.path / "heard.txt").read_text().splitlines()
    assert sorted(heard) == sorted(["setup passed", "teardown passed"] * 4 + [f"call {o}" for o in CALLS])


COUNTS = """
import pytest

@pytest.hookimpl({when})
def pytest_terminal_summary(terminalreporter):
    counts = {{name: len(reports) for name, reports in terminalreporter.stats.items() if name}}
    terminalreporter.write_line(f"counted: {{counts}}")
"""


@pytest.mark.parametrize("when", ["", "tryfirst=True", "trylast=True"])
def test_who_counts_tests_at_the_end_finds_wrong_answers_among_the_failed_ones(when, run):
    result = run(COUNTS.format(when=when))
    result.stdout.fnmatch_lines(["counted: {'passed': 3, 'failed': 1}", "*1 failed, 3 passed in*"])
    assert "short test summary" not in result.stdout.str()
    assert "= FAILURES =" not in result.stdout.str()


@pytest.mark.parametrize("hook", ["runtest_logstart(nodeid)", "runtest_logfinish(nodeid)"])
def test_a_hook_that_follows_the_run_is_told_of_each_case(hook, run):
    result = run(LISTENER.format(hook=f"{hook}:", shown="nodeid"), "-s")
    assert result.stdout.str().count("seen: test_capitals.py::test_capitals[") == 4


def test_a_loop_of_another_plugin_is_left_to_it(run, folder):
    own = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    for item, nextitem in zip(session.items[:2], session.items[1:]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
    return True
"""
    run(own)
    assert len(folder.outcomes()) == 2


WARNS = """
import warnings

import pytest
from mmlubench.grading import read_answer
from mmlubench import Message, Request

@pytest.fixture(scope="session")
def solver(model):
    async def ask(question):
        warnings.warn("the same each time")
        reply = await model.generate(Request(question.id, (Message("user", question.text),)))
        return read_answer(question, reply)

    return ask
"""


def test_each_warning_of_a_case_is_told(run, folder):
    result = run(WARNS, "--concurrency", "1", "-W", "default")
    result.stdout.fnmatch_lines(
        [
            *(f"test_capitals.py::test_capitals?mock-script-europe-000{n}?" for n in range(4)),
            "*UserWarning: the same each time*",
        ],
        consecutive=True,
    )
    assert len(folder.outcomes()) == 4


def test_a_warning_that_is_to_be_an_error_is_the_error_of_its_case(run, folder):
    result = run(WARNS, "-W", "error")
    assert folder.outcomes() == ["error"] * 4
    result.stdout.fnmatch_lines(["*UserWarning: the same each time*"])


@pytest.mark.parametrize("without", ["", "faulthandler", "tmpdir", "logging"])
def test_a_warning_that_is_ignored_stays_so_whatever_part_of_pytest_is_left_out(without, run, folder):
    result = run(WARNS, "-W", "ignore:the same", *(["-p", f"no:{without}"] if without else []))
    assert "the same each time" not in result.stdout.str()
    assert folder.outcomes() == ["correct", "wrong", "correct", "correct"]


def test_without_the_recorder_of_warnings_they_are_written_as_they_come(run, folder):
    result = run(WARNS, "-p", "no:warnings", "-s", apart=True)
    assert "UserWarning: the same each time" in result.stderr.str()
    assert folder.outcomes() == ["correct", "wrong", "correct", "correct"]


@pytest.mark.parametrize("hook", ["", "def pytest_runtest_call(item): pass\n"], ids=["short", "whole"])
@pytest.mark.parametrize("ending", ["-x", "--maxfail=1"])
def test_the_run_ends_at_the_first_wrong_answer(ending, hook, run, folder):
    result = run(hook, ending)
    assert folder.outcomes() == ["correct", "wrong"]
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_other_tests_among_cases_are_run_by_pytest_in_their_turn(run, folder):
    folder.write(
        "test_after.py", "import warnings\n\ndef test_after(tmp_path):\n    warnings.warn('of the other')\n"
    )
    result = run("", "-k", "capitals or after", "-v", "-W", "default")
    said = [line.partition(" ")[0] for line in result.stdout.lines if line.startswith("test_")]
    assert said[0] == "test_after.py::test_after"
    assert sum("::test_capitals[" in line for line in said) == 4
    result.stdout.fnmatch_lines(["test_after.py::test_after", "*UserWarning: of the other*"])


def test_a_right_answer_that_was_strictly_expected_to_be_wrong_has_failed(run, folder):
    marks = "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
    marks += "    for item in items:\n        item.add_marker(pytest.mark.xfail(strict=True))\n"
    result = run(marks)
    result.stdout.fnmatch_lines(["*XPASS(strict)*", "*3 failed, 1 xfailed*"])
    assert folder.outcomes() == ["correct", "wrong", "correct", "correct"]
