"""A benchmark of one's own is a pytest test: a few lines, with all that pytest offers, and asked ahead of time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmlubench.datasets import NAMES

README = Path(__file__).parents[2] / "README.md"
ROWS = """
import asyncio
import pytest
from mmlubench import Message, Question, Request

def rows(name, count=3):
    ids = [f"{name}/all/{n:04d}" for n in range(count)]
    return [Question(id, name, "all", "all", f"Is it {id}?", ("x", "y"), "A") for id in ids]
"""
ASK = """
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""


@pytest.fixture
def write(folder):
    """A test file that begins with a function `rows` for questions whose right answer is A."""

    def write(*parts):
        (folder.path / "test_mmlu.py").unlink(missing_ok=True)
        folder.write("test_own.py", ROWS + "".join(parts))
        return folder

    return write


def test_the_example_of_the_readme_is_a_benchmark_in_twenty_lines(folder):
    section = README.read_text("utf-8").partition("## A benchmark of your own")[2].partition("\n## ")[0]
    example = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    assert len(example.splitlines()) <= 20
    folder.write("test_capitals.py", example)
    result = folder.run("-k", "capitals", "--model", "mock/B")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["mmlubench: capitals: 1 question from the test's own rows", "=* capitals mock-B =*"]
    )
    assert folder.lines("results")[0]["id"] == "capitals/europe/0000"


def test_ones_own_parameters_multiply_the_cases(write, collected):
    mark = '@pytest.mark.questions("own", rows=rows("own", 2))\n@pytest.mark.parametrize("tone", ["kind", "curt"])'
    folder = write(
        mark, "\nasync def test_own(question, solver, tone):\n    assert tone in ('kind', 'curt')", ASK
    )
    assert sorted(collected("--model", "mock/A")) == [
        f"test_own[mock-A-all-000{row}-{tone}]" for row in (0, 1) for tone in ("curt", "kind")
    ]
    folder.run("--model", "mock/A").assert_outcomes(passed=4)
    # Two answers to one question are not two observations.
    figures = {entry["recipe"]: entry["n"] for entry in folder.json("summary")["results"]}
    assert figures == {"zero_shot, kind": 2, "zero_shot, curt": 2}


def test_fixtures_of_session_and_module_are_made_once_and_shared_ahead_of_time(write):
    folder = write(
        """
made = []

@pytest.fixture(scope="session")
def book():
    made.append("book")
    yield "book"
    made.append("book closed")

@pytest.fixture(scope="module")
def page(book):
    made.append("page")
    yield f"{book} page"
    made.append("page closed")

running = 0
most = 0

@pytest.mark.questions("own", rows=rows("own", 10))
async def test_own(question, solver, page):
    global running, most
    assert page == "book page"
    running += 1
    most = max(most, running)
    await asyncio.sleep(0.01)
    running -= 1
""",
        ASK,
        """
def test_afterwards():
    assert made == ["book", "page"]
    assert most == 10, "all at once"
""",
    )
    result = folder.run("--model", "mock/A")
    result.assert_outcomes(passed=11)
    result.stdout.no_fnmatch_line("*without look-ahead*")


def test_a_fixture_that_is_made_for_each_case_works_without_look_ahead_and_that_is_said_once(write):
    folder = write(
        """
made = []
running = 0

@pytest.fixture
def sheet(tmp_path):
    made.append(tmp_path)
    yield tmp_path
    made.append("closed")

@pytest.mark.questions("own", rows=rows("own", 5))
async def test_own(question, solver, sheet):
    global running
    assert sheet is made[-1] and sheet.is_dir()
    running += 1
    await asyncio.sleep(0.005)
    assert running == 1
    running -= 1
""",
        ASK,
        """
def test_afterwards():
    assert made[1::2] == ["closed"] * 5 and len(set(made)) == 6
""",
    )
    result = folder.run("--model", "mock/A")
    result.assert_outcomes(passed=6)
    said = [line for line in result.outlines if "look-ahead" in line]
    assert said == [
        "mmlubench: test_own asks one case at a time, without look-ahead: it uses sheet, tmp_path, "
        "made again for every case"
    ]
    shared = folder.run_apart("--model", "mock/A", "-n", "2", "-k", "test_own")
    assert [line for line in shared.outlines if "look-ahead" in line] == said


def test_a_fixture_with_parameters_of_its_own_multiplies_the_cases(write):
    folder = write(
        """
@pytest.fixture(params=["short", "long"], scope="module")
def form(request):
    return request.param

@pytest.mark.questions("own", rows=rows("own", 2))
async def test_own(question, solver, form):
    assert form in ("short", "long")
""",
        ASK,
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=4)


def test_a_benchmark_may_be_a_method(write, collected):
    folder = write(
        """
class TestOwn:
    right = "A"

    @pytest.mark.questions("own", rows=rows("own"))
    async def test_it(self, question, solver):
        assert (await solver(question)).letter == self.right
"""
    )
    assert collected("--model", "mock/A")[0] == "TestOwn::test_it[mock-A-all-0000]"
    folder.run("--model", "mock/A").assert_outcomes(passed=3)


def test_a_mark_on_the_class_or_module_holds_for_its_tests(write):
    folder = write(
        """
pytestmark = pytest.mark.questions("own", rows=rows("own"))

async def test_own(question, solver):
""",
        ASK,
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=3)


def test_the_bare_model_can_be_asked_as_often_as_one_likes_and_all_is_logged_with_the_question(write):
    folder = write(
        """
@pytest.mark.questions("own", rows=rows("own", 2))
async def test_own(question, model):
    for text in ("first", "second"):
        reply = await model.generate(Request(question.id, (Message("user", text),)))
    assert reply.text.endswith(question.answer)
"""
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=2)
    asked = [(line["id"], line["messages"][0]["content"]) for line in folder.lines("requests")]
    assert asked == [(f"own/all/000{n}", text) for n in (0, 1) for text in ("first", "second")]
    assert [line["requests"] for line in folder.lines("results")] == [2, 2]


def test_requests_of_cases_that_run_at_once_are_never_mixed_up(write):
    # Each asks three times with pauses in between, so that all are under way together.
    folder = write(
        """
@pytest.mark.questions("own", rows=rows("own", 20))
async def test_own(question, model):
    for turn in range(3):
        await asyncio.sleep(0.001)
        await model.generate(Request(question.id, (Message("user", f"{question.id} {turn}"),)))
"""
    )
    folder.run("--model", "mock/A")
    asked = [(line["id"], line["messages"][0]["content"]) for line in folder.lines("requests")]
    ids = [f"own/all/{n:04d}" for n in range(20)]
    assert asked == [(name, f"{name} {turn}") for name in ids for turn in range(3)]


LOOK_AHEAD = """
@pytest.mark.look_ahead
async def test_talks(model):
    reply = await model.generate(Request("talk", (Message("user", "hello"),)))
    assert "A" in reply.text

@pytest.mark.look_ahead
async def test_fails(model):
    reply = await model.generate(Request("talk", (Message("user", "hello"),)))
    assert reply.text == "B"
"""


def test_a_test_that_is_no_question_runs_once_for_each_model_and_fails_as_any_test(write):
    folder = write(LOOK_AHEAD)
    result = folder.run("--model", "mock/A", "--model", "mock/echo", "-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_talks?mock-A? PASSED*",
            "*::test_talks?mock-echo? FAILED*",
            "*::test_fails?mock-A? FAILED*",
            "*= FAILURES =*",
            "E *assert 'ANSWER: A' == 'B'",
        ]
    )
    result.assert_outcomes(passed=1, failed=3)
    assert len(folder.lines("requests")) == 4
    assert folder.lines("results") == []


def test_a_provider_that_fails_gives_such_a_test_one_line_and_no_traceback(write, start_server):
    server = start_server("--latency-ms", "0", "--error-rate", "1", "--error-codes", "403")
    folder = write(LOOK_AHEAD)
    result = folder.run_apart("--model", server.model, "-k", "talks")
    result.stdout.fnmatch_lines(["*= FAILURES =*", "*an error as ordered*", "=* 1 failed*"])
    result.stdout.no_fnmatch_line("E   *")


# -- what goes wrong when writing one -----------------------------------------------------------------------------

QUESTIONS = '@pytest.mark.questions("own", rows=rows("own"))\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "@pytest.mark.questions\nasync def test_own(question, solver): ...",
            "the mark takes a benchmark's name",
        ),
        (
            "@pytest.mark.questions('own', row=[])\nasync def test_own(question, solver): ...",
            "the mark takes a",
        ),
        (QUESTIONS + "async def test_own(solver): ...", "takes the argument `question`; add it."),
        (QUESTIONS + "async def test_own(question): ...", "takes the argument `solver` or `model`; add one."),
        (QUESTIONS + "def test_own(question, solver): ...", "is awaited; write it `async def`."),
        (
            "@pytest.mark.look_ahead\nasync def test_own(): ...",
            "takes the argument `solver` or `model`; add one.",
        ),
        (
            "@pytest.mark.questions('own', rows=['What?'])\nasync def test_own(question, solver): ...",
            "rows must be mmlubench.Question objects; row 0 is 'What?'.",
        ),
        (
            "@pytest.mark.questions('own', rows=rows('own') * 2)\nasync def test_own(question, solver): ...",
            "two rows have the id 'own/all/0000'; every question needs its own.",
        ),
        (
            "@pytest.mark.questions('own', rows=rows('other'))\nasync def test_own(question, solver): ...",
            "row 0 is of benchmark 'other'; call it 'own' as the mark does.",
        ),
    ],
)
def test_a_mistake_in_the_mark_is_told_in_one_sentence_that_names_the_test(text, said, write):
    told = write(text).refused("--model", "mock/A")
    assert told.startswith("test_own.py::test_own: ")
    assert said in told


def test_a_data_set_that_does_not_exist_is_told_with_those_that_do(write):
    folder = write("@pytest.mark.questions('mmlux')\nasync def test_own(question, solver): ...")
    assert (
        folder.refused("--model", "mock/A")
        == f"There is no data set 'mmlux'; known: {', '.join(NAMES)}. Did you mean 'mmlu'?"
    )


def test_two_tests_may_share_their_questions_but_not_just_the_name(write):
    # Else the second would silently be asked the questions of the first.
    twice = "\nasync def test_{0}(question, solver):\n" + ASK
    mark = "@pytest.mark.questions('own', rows=shared)"
    same = write("shared = rows('own')\n", *(mark + twice.format(name) for name in "ab"))
    same.run("--model", "mock/A").assert_outcomes(passed=6)
    other = write(
        *(f"@pytest.mark.questions('own', rows=rows('own', {n}))" + twice.format(n) for n in (2, 3))
    )
    result = other.run("--model", "mock/A")
    result.stderr.fnmatch_lines(
        ["ERROR: two tests call different questions own; give one of them another name."]
    )
