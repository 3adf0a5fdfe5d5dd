"""A case is one observation, however often other plugins run it."""

from __future__ import annotations

import pytest

#: What pytest-rerunfailures does, without its options: each failed test is run and reported once more.
RERUNS = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for attempt in range(2):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        again = attempt == 0 and any(report.failed for report in reports)
        for report in reports:
            if again and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            return True
"""
#: What flaky does: nobody is told of the first run.
SILENT_RERUNS = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
#: What pytest-retry does: the test is run again while its first report is made, which then tells of the last run.
RETRIES = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when == "call":
        report.outcome = "retried"
        item.ihook.pytest_runtest_logreport(report=report)
        again = pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_call(item=item), when="call")
        last = pytest.TestReport.from_item_and_call(item, again)
        report.outcome, report.longrepr = last.outcome, last.longrepr
    return report

def pytest_report_teststatus(report):
    return ("retried", "R", "RETRIED") if report.outcome == "retried" else None
"""
#: The second row is answered wrong at first, and then right; the third is always answered wrong.
SECOND_TRY = """
import pytest
from mmlubench import Answer, Message, Request
from mmlubench.grading import read_answer

@pytest.fixture(scope="session")
def solver(model):
    asked = {}

    async def ask(question):
        asked[question.id] = asked.get(question.id, 0) + 1
        reply = await model.generate(Request(question.id, (Message("user", question.text),)))
        row, times = question.id[-1], asked[question.id]
        text = "Answer: B" if row == "2" or (row == "1" and times == 1) else "Answer: A"
        return read_answer(question, type(reply)(text, "stop"))

    return ask
"""


@pytest.mark.parametrize("plugin", [RERUNS, SILENT_RERUNS, RETRIES], ids=["reruns", "silent", "retries"])
def test_of_a_case_that_is_run_again_the_last_answer_counts_and_all_requests(plugin, folder):
    folder.own_benchmark(count=4)
    folder.write("conftest.py", plugin + SECOND_TRY)
    result = folder.run("--model", "mock/A", "-k", "capitals")
    assert folder.outcomes() == ["correct", "correct", "wrong", "correct"]
    assert [line["requests"] for line in folder.lines("results")] == [1, 2, 2, 1]
    assert len(folder.lines("requests")) == len(folder.lines("responses")) == 6
    entry = folder.entry()
    assert (entry["n"], entry["accuracy"], entry["outcomes"]["wrong"]) == (4, 0.75, 1)
    assert "2 cases ran more than once, and the last answer counts" in entry["notice"]
    result.stdout.fnmatch_lines(["*cases ran more than once*", "*1 failed, 3 passed*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_hook_that_follows_cases_is_told_of_each_once(folder):
    folder.own_benchmark(count=4)
    told = "def pytest_mmlubench_case_finished(entry):\n    print('told:', entry.id[-1], entry.outcome)\n"
    folder.write("conftest.py", RERUNS + SECOND_TRY + told)
    result = folder.run("--model", "mock/A", "-k", "capitals", "-s")
    said = [line.rpartition("told: ")[2] for line in result.stdout.lines if "told: " in line]
    assert said == ["0 correct", "1 correct", "2 wrong", "3 correct"]


@pytest.mark.parametrize(
    "repeats",
    [
        # as pytest-repeat and pytest-flakefinder do it
        "def pytest_generate_tests(metafunc):\n"
        "    metafunc.fixturenames.append('step')\n"
        "    metafunc.parametrize('step', range(2), indirect=True)\n\n"
        "import pytest\n@pytest.fixture\ndef step(): ...\n",
        "def pytest_collection_modifyitems(items):\n    items += items[:2]\n",
    ],
    ids=["parameters", "items"],
)
def test_what_asks_a_question_twice_is_refused(repeats, folder):
    folder.own_benchmark(count=2)
    folder.write("conftest.py", repeats)
    said = folder.refused("--model", "mock/A", "-k", "capitals")
    assert "answers to one question are one observation" in said
    assert "--epochs N" in said
    assert "test_capitals.py::test_capitals[" in said


def test_in_the_automatic_mode_of_anyio_every_question_is_asked_once(folder):
    folder.own_benchmark(count=3)
    result = folder.run("--model", "mock/A", "-k", "capitals", "-o", "anyio_mode=auto")
    assert folder.outcomes() == ["correct"] * 3
    result.stdout.fnmatch_lines(["*3 passed*"])


SHARED = """
import pytest
from mmlubench import Question

ROWS = [Question(f"own/x/{n}", "own", "x", "x", f"Which is no. {n}?", ("Paris", "Rome"), "A") for n in range(3)]

@pytest.fixture(params=["short", "long"])
def form(request):
    return request.param

@pytest.mark.questions("own", rows=ROWS)
async def test_first(question, solver):
    assert (await solver(question)).letter == question.answer

@pytest.mark.questions("own", rows=ROWS)
async def test_second(question, solver, form):
    assert (await solver(question)).letter == question.answer
"""


def test_tests_and_parameters_that_share_questions_have_figures_of_their_own(folder):
    folder.write("test_own.py", SHARED)
    result = folder.run("--model", "mock/A", "-k", "own")
    result.assert_outcomes(passed=9)
    figures = {entry["recipe"]: entry["n"] for entry in folder.json("summary")["results"]}
    assert figures == {"zero_shot": 3, "zero_shot, short": 3, "zero_shot, long": 3}
    folder.write("test_own.py", SHARED.replace("solver, form", "solver"))
    folder.run("--model", "mock/A", "-k", "own").assert_outcomes(passed=6)
    figures = {entry["recipe"]: entry["n"] for entry in folder.json("summary")["results"]}
    assert figures == {"zero_shot, test_first": 3, "zero_shot, test_second": 3}
