"""A fixture `model` of one's own is asked in place of --model: by our solver, a test itself, or one's own solver."""

from __future__ import annotations

import json

import pytest

HEAD = """
import pytest
from mmlubench import Completion, Message, Question, Request

ROWS = [Question(f"own/all/{n:04d}", "own", "all", "all", f"Which is no. {n}?", ("x", "y"), "A") for n in range(3)]

class Saying:
    name = "saying"

    def __init__(self, text):
        self.text = text

    async def generate(self, request):
        return Completion(self.text, "stop")
"""
BENCHMARK = """
@pytest.mark.questions("own", rows=ROWS)
async def test_own(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""
OWN = """
@pytest.fixture{how}
def model({takes}):
    return {gives}
"""


def fixture(gives, takes="", how='(scope="session")'):
    return OWN.format(gives=gives, takes=takes, how=how)


@pytest.fixture
def write(folder):
    def write(code, benchmark=BENCHMARK):
        (folder.path / "test_mmlu.py").unlink(missing_ok=True)
        folder.write("test_own.py", HEAD + code + benchmark)
        return folder

    return write


@pytest.mark.parametrize("how", ['(scope="session")', '(scope="module")', ""])
def test_our_solver_asks_it_and_its_requests_are_logged(how, write):
    folder = write(fixture("Saying('Answer: B')", how=how))
    result = folder.run("--recipe", "cot")
    assert folder.outcomes() == ["wrong"] * 3
    entry = folder.entry()
    assert (entry["model"], entry["recipe"], entry["mock"]) == ("own", "cot, own model (test_own.py)", False)
    assert not [warning for warning in entry["warnings"] if "served" in warning]
    asked = folder.lines("requests")
    assert [(line["model"], line["id"]) for line in asked] == [("own", f"own/all/000{n}") for n in range(3)]
    assert "Which is no. 0?" in asked[0]["messages"][-1]["content"]
    result.stdout.fnmatch_lines(
        [
            "mmlubench: test_own asks the fixture model (test_own.py) in place of --model; *neither limited nor stored"
        ]
    )
    assert ("without look-ahead" in result.stdout.str()) == (how == "")


def test_one_that_builds_on_ours_asks_each_model_of_the_options(write):
    folder = write(
        """
class Shouting:
    def __init__(self, model):
        self.model = model

    async def generate(self, request):
        reply = await self.model.generate(request)
        return Completion(reply.text.upper(), reply.finish_reason, reply.usage, reply.model)
"""
        + fixture("Shouting(model)", "model")
    )
    folder.run("--model", "mock/A", "--model", "mock/B").assert_outcomes(passed=3, failed=3)
    assert [line["requests"] for line in folder.lines("results")] == [1] * 6  # logged once, by ours
    recipes = {entry["model"]: entry["recipe"] for entry in folder.json("summary")["results"]}
    assert recipes == dict.fromkeys(("mock-A", "mock-B"), "zero_shot, own model (test_own.py)")


def test_agents_ask_it_and_epochs_repeat_it(write):
    folder = write(fixture("Saying('The answer is A')"))
    folder.run("--solver", "debate", "--epochs", "2").assert_outcomes(passed=3)
    assert [line["requests"] for line in folder.lines("results")] == [12] * 3
    assert folder.lines("results")[0]["rounds"] == [["A"] * 3] * 2


def test_a_test_that_talks_to_it_gets_it_with_all_that_it_has(write):
    folder = write(
        fixture("Saying('hello')"),
        """
@pytest.mark.look_ahead
async def test_talks(model):
    reply = await model.generate(Request("talk", (Message("user", "hi"),)))
    assert (reply.text, model.name) == ("hello", "saying")
""",
    )
    folder.run().assert_outcomes(passed=1)
    assert [line["completion"] for line in folder.lines("responses")] == ["hello"]


def test_a_solver_of_ones_own_may_build_on_it(write):
    folder = write(
        fixture("Saying('A')")
        + """
from mmlubench.grading import read_answer

@pytest.fixture(scope="session")
def solver(model):
    async def solve(question):
        return read_answer(question, await model.generate(Request(question.id, (Message("user", "?"),))))
    return solve
"""
    )
    folder.run().assert_outcomes(passed=3)
    assert folder.entry()["recipe"] == "own solver (test_own.py), own model (test_own.py)"


def test_a_solver_of_ones_own_that_does_not_ask_it_leaves_it_alone(write):
    folder = write(
        fixture("1 / 0")
        + """
from mmlubench import Answer

@pytest.fixture(scope="session")
def solver():
    async def solve(question):
        return Answer("A", "own rule", "A", "")
    return solve
"""
    )
    folder.run().assert_outcomes(passed=3)
    assert folder.entry()["recipe"] == "own solver (test_own.py)"


def test_each_parameter_of_it_has_figures_of_its_own(write):
    folder = write(fixture("Saying(request.param)", "request", '(scope="session", params=["A", "B"])'))
    folder.run().assert_outcomes(passed=3, failed=3)
    figures = {entry["recipe"]: entry["accuracy"] for entry in folder.json("summary")["results"]}
    assert figures == {
        "zero_shot, own model (test_own.py, A)": 1.0,
        "zero_shot, own model (test_own.py, B)": 0.0,
    }


def test_what_it_raises_is_an_error_and_never_a_wrong_answer(write):
    folder = write(
        """
from mmlubench import ProviderError

class Broken:
    async def generate(self, request):
        raise ProviderError("no connection")
"""
        + fixture("Broken()")
    )
    folder.run()
    assert folder.outcomes() == ["error"] * 3
    assert [line["error"] for line in folder.lines("responses")] == ["no connection"] * 3


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (
            "'a car'",
            "the fixture `model` of test_own.py returns a str ('a car'): return an object with `async def generate(",
        ),
        ("Text()", "the model of test_own.py returned a str ('B'), which is not a Completion: "),
    ],
)
def test_what_is_no_model_is_told_in_a_sentence(gives, said, write):
    folder = write(
        "class Text:\n    async def generate(self, request):\n        return 'B'\n" + fixture(gives)
    )
    result = folder.run()
    assert folder.outcomes() == ["error"] * 3
    assert said in folder.lines("results")[0]["error"]
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "mock/A"), "--model mock/A has no effect on the own model (test_own.py), which"),
        (
            ("--agent-model", "mock/A", "--solver", "debate"),
            "--agent-model has no effect with the own model",
        ),
        (("--scoring", "logprob"), "--scoring logprob needs a server whose abilities are known"),
        (("--max-cost", "1"), "--max-cost has no effect on the own model (test_own.py), which"),
        (("--adapter", "mine"), "--adapter has no effect"),
    ],
)
def test_an_option_that_has_no_meaning_with_it_is_refused(options, said, write):
    assert write(fixture("Saying('A')")).refused(*options).startswith(said)


@pytest.mark.long
def test_workers_ask_it_too(write):
    folder = write(fixture("Saying('Answer: A')"))
    folder.run_apart("-n", "2").assert_outcomes(passed=3)
    assert "MOCK" not in folder.run_folder().name
    assert folder.json("manifest")["run_id"] == folder.run_folder().name
    assert folder.entry()["recipe"] == "zero_shot, own model (test_own.py)"
    assert len(folder.lines("requests")) == 3


def test_the_manifest_names_no_model_that_was_not_asked(write):
    folder = write(fixture("Saying('Answer: A')"))
    folder.run()
    assert folder.json("manifest")["models"] == {}


def test_debates_of_each_have_a_file_of_their_own(write):
    folder = write(fixture("Saying(request.param)", "request", '(scope="session", params=["A", "B"])'))
    folder.run("--solver", "debate", "--agents", "2")
    debates = [json.loads(path.read_text()) for path in sorted(folder.run_folder().glob("debate_*.json"))]
    assert [len(debate) for debate in debates] == [3, 3]
    assert debates[0] != debates[1]
