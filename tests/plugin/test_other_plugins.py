"""Cases in a row take a short way through pytest: other plugins see all that they ask for all the same."""

from __future__ import annotations

import pytest

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
