"""A fixture `solver` of one's own is asked in place of ours, wherever pytest lets it be written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mmlubench

README = Path(__file__).parents[2] / "README.md"
HEAD = """
import asyncio
import pytest
from mmlubench import Answer, Message, Question, Request
from mmlubench.grading import read_answer

"""
ROWS = """
ROWS = [Question(f"own/all/{n:04d}", "own", "all", "all", f"Which is no. {n}?", ("x", "y"), "A") for n in range(4)]
"""
BENCHMARK = """
@pytest.mark.questions("own", rows=ROWS)
async def test_own(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""
#: A solver that asks nobody and always gives the same letter.
ALWAYS = """
def always(letter):
    async def solve(question):
        return Answer(letter, "own rule", letter, f"always {letter}")
    return solve
"""
#: One that asks the model under test in words of its own.
ASKING = """
def asking(model, words="own words"):
    async def solve(question):
        return read_answer(question, await model.generate(Request(question.id, (Message("user", words),))))
    return solve
"""
FIXTURE = """
@pytest.fixture{how}
def solver({takes}):
    return {gives}
"""


def fixture(gives: str, takes: str = "", how: str = '(scope="session")') -> str:
    return FIXTURE.format(gives=gives, takes=takes, how=how)


@pytest.fixture
def write(folder):
    """A benchmark of four questions whose right answer is A; `conftest` and `module` are code before it."""

    def write(conftest="", module="", benchmark=BENCHMARK):
        (folder.path / "test_mmlu.py").unlink(missing_ok=True)
        folder.write("conftest.py", HEAD + ALWAYS + ASKING + conftest)
        folder.write("test_own.py", HEAD + ALWAYS + ASKING + ROWS + module + benchmark)
        return folder

    return write


def predictions(folder):
    return [line["prediction"] for line in folder.lines("results")]


def notices(result):
    return [line for line in result.outlines if line.startswith("mmlubench: test_own ")]


# -- where it may be written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conftest", "module", "where"),
    [
        (fixture("always('B')"), "", "conftest.py"),
        ("", fixture("always('B')", how='(scope="module")'), "test_own.py"),
        (fixture("always('A')"), fixture("always('B')", how=""), "test_own.py"),
        (fixture("always('B')", how='(scope="session", name="solver")'), "", "conftest.py"),
        (fixture("always('B')", how='(scope="module", autouse=True)'), "", "conftest.py"),
        (fixture("always('B')", how=""), "", "conftest.py"),
    ],
    ids=["session", "module", "nearest", "by-name", "autouse", "function"],
)
def test_it_is_asked_in_place_of_ours_and_the_figures_go_by_its_name(conftest, module, where, write):
    folder = write(conftest, module)
    result = folder.run()
    assert predictions(folder) == ["B"] * 4
    assert folder.outcomes() == ["wrong"] * 4
    line = folder.lines("results")[0]
    assert (line["model"], line["rule"], line["recipe"]) == ("own", "own rule", f"own solver ({where})")
    entry = folder.entry()
    assert (entry["recipe"], entry["mock"], entry["n"]) == (f"own solver ({where})", False, 4)
    assert folder.json("manifest")["own_recipes"] == [f"own solver ({where})"]
    result.stdout.fnmatch_lines([f"own · own · own solver ({where}): accuracy 0.000*"])
    assert "MOCK" not in folder.run_folder().name


def test_a_class_has_its_own_and_its_neighbours_do_not(write):
    folder = write(
        benchmark="""
class TestRight:
    @pytest.fixture(scope="class")
    @classmethod
    def solver(cls):
        return always("A")

    @pytest.mark.questions("own", rows=ROWS)
    async def test_own(self, question, solver):
        assert (await solver(question)).letter == question.answer

class TestWrong:
    @pytest.fixture
    def solver(self):
        return always("B")

    @pytest.mark.questions("own", rows=ROWS)
    async def test_own(self, question, solver):
        assert (await solver(question)).letter == question.answer
"""
        + BENCHMARK
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=8, failed=4)
    figures = [(e["model"], e["recipe"], e["accuracy"], e["n"]) for e in folder.json("summary")["results"]]
    assert figures == [
        ("own", "own solver (test_own.py::TestRight)", 1.0, 4),
        ("own", "own solver (test_own.py::TestWrong)", 0.0, 4),
        ("mock-A", "zero_shot", 1.0, 4),
    ]
    files = {path.name for path in (folder.path / "reports").glob("*latest.json")}
    assert len(files) == 3  # none has overwritten another
    rows = mmlubench.open_run(folder.run_folder()).to_pandas()
    means = rows.groupby("recipe", observed=True)["points"].mean().to_dict()
    assert means == {
        "own solver (test_own.py::TestRight)": 1.0,
        "own solver (test_own.py::TestWrong)": 0.0,
        "": 1.0,
    }


CLASSES = """
class Base:
    @pytest.fixture(scope="class")
    @classmethod
    def solver(cls):
        return always(cls.letter)

    @pytest.mark.questions("own", rows=ROWS)
    async def test_own(self, question, solver):
        assert (await solver(question)).letter == question.answer

class TestRight(Base):
    letter = "A"

class TestWrong(Base):
    letter = "B"
"""
CLASSES_APART = "".join(
    CLASSES.partition("class TestRight")[0]
    .replace("class Base", f"class {name}")
    .replace("cls.letter", repr(letter))
    for name, letter in (("TestRight", "A"), ("TestWrong", "B"))
)


def figures(folder):
    return {entry["recipe"]: (entry["accuracy"], entry["n"]) for entry in folder.json("summary")["results"]}


def test_classes_that_share_a_fixture_of_the_conftest_have_figures_of_their_own(write):
    shared = """
    @pytest.mark.questions("own", rows=ROWS)
    async def test_own(self, question, solver):
        assert (await solver(question)).letter == question.answer
"""
    folder = write(
        """
@pytest.fixture(scope="class")
def solver(request):
    return always(request.cls.letter)
""",
        benchmark=f"class TestRight:\n    letter = 'A'{shared}\nclass TestWrong:\n    letter = 'B'{shared}",
    )
    folder.run().assert_outcomes(passed=4, failed=4)
    assert figures(folder) == {
        "own solver (conftest.py, TestRight)": (1.0, 4),
        "own solver (conftest.py, TestWrong)": (0.0, 4),
    }


def test_a_solver_of_a_plugin_that_was_loaded_before_ours_is_asked(write, monkeypatch):
    folder = write("")
    folder.write("theirs.py", (folder.path / "conftest.py").read_text() + fixture("always('A')"))
    monkeypatch.syspath_prepend(folder.path)
    folder.run("-p", "theirs").assert_outcomes(passed=4)
    assert folder.entry()["recipe"] == "own solver (theirs.py)"


def test_classes_that_inherit_one_have_figures_of_their_own(write):
    folder = write(benchmark=CLASSES)
    folder.run().assert_outcomes(passed=4, failed=4)
    assert figures(folder) == {
        "own solver (test_own.py::TestRight)": (1.0, 4),
        "own solver (test_own.py::TestWrong)": (0.0, 4),
    }


def test_classes_outside_of_the_root_folder_have_figures_of_their_own(write):
    folder = write(benchmark=CLASSES_APART)
    (folder.path / "elsewhere").mkdir()
    folder.run("--rootdir", "elsewhere").assert_outcomes(passed=4, failed=4)
    assert figures(folder) == {
        "own solver (test_own::TestRight)": (1.0, 4),
        "own solver (test_own::TestWrong)": (0.0, 4),
    }


def test_a_folder_above_has_one_for_all_that_is_below(write):
    folder = write(fixture("always('B')"))
    folder.write("deep/below/test_deep.py", (folder.path / "test_own.py").read_text().replace("own", "deep"))
    folder.write("deep/conftest.py", HEAD + ALWAYS + fixture("always('A')"))
    folder.run("-k", "deep")
    assert folder.entry()["recipe"] == "own solver (deep/conftest.py)"
    assert predictions(folder) == ["A"] * 4


def test_values_of_parametrize_are_solvers_and_each_has_its_own_figures(write):
    folder = write(
        benchmark='@pytest.mark.parametrize("solver", [always("A"), always("B")], ids=["a", "b"])' + BENCHMARK
    )
    folder.run().assert_outcomes(passed=4, failed=4)
    figures = {entry["recipe"]: entry["accuracy"] for entry in folder.json("summary")["results"]}
    assert figures == {
        "own solver (test_own.py::test_own, a)": 1.0,
        "own solver (test_own.py::test_own, b)": 0.0,
    }


@pytest.mark.parametrize(
    ("how", "mark"),
    [
        ('(scope="session", params=["A", "B"])', ""),
        ('(scope="session")', '@pytest.mark.parametrize("solver", ["A", "B"], indirect=True)'),
        ("", '@pytest.mark.parametrize("solver", ["A", "B"], indirect=True)'),
    ],
    ids=["params", "indirect", "function"],
)
def test_a_fixture_with_parameters_makes_cases_and_figures_for_each(how, mark, write, collected):
    folder = write(fixture("always(request.param)", "request", how), benchmark=mark + BENCHMARK)
    ids = collected()
    assert sorted(ids)[:2] == ["test_own[own-all-0000-A]", "test_own[own-all-0000-B]"]
    assert len(ids) == 8
    result = folder.run()
    figures = {entry["recipe"]: entry["accuracy"] for entry in folder.json("summary")["results"]}
    assert figures == {"own solver (conftest.py, A)": 1.0, "own solver (conftest.py, B)": 0.0}
    assert all(entry["headline"] for entry in folder.json("summary")["results"])
    assert ("without look-ahead" in result.stdout.str()) == (how == "")


# -- what it may build on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["session", "package", "module", "class", "function"])
def test_it_may_take_our_model_in_any_scope(scope, write):
    folder = write(fixture("asking(model)", "model", f'(scope="{scope}")'))
    result = folder.run("--model", "mock/A", "--model", "mock/B")
    result.assert_outcomes(passed=4, failed=4)
    results = [(line["model"], line["prediction"], line["requests"]) for line in folder.lines("results")]
    assert results == [("mock-A", "A", 1)] * 4 + [("mock-B", "B", 1)] * 4
    asked = [(line["model"], line["id"], line["messages"][0]["content"]) for line in folder.lines("requests")]
    assert asked == [
        (label, f"own/all/{n:04d}", "own words") for label in ("mock-A", "mock-B") for n in range(4)
    ]
    assert {entry["recipe"] for entry in folder.json("summary")["results"]} == {"own solver (conftest.py)"}
    assert (
        notices(result)[0]
        == "mmlubench: test_own asks the fixture solver (conftest.py) in place of recipe zero_shot"
    )
    # A class is none's own where the test is a function.
    assert len(notices(result)) == 1 + (scope in ("function", "class"))


def test_it_may_take_our_solver_and_ask_it_several_times(write):
    twice = """
@pytest.fixture(scope="session")
def solver(solver):
    async def twice(question):
        first, second = [await solver(question) for _ in range(2)]
        return second if first.letter else first
    return twice
"""
    folder = write(twice)
    result = folder.run("--model", "mock/A", "--recipe", "cot")
    result.assert_outcomes(passed=4)
    assert [line["requests"] for line in folder.lines("results")] == [2] * 4
    assert folder.entry()["recipe"] == "own solver (conftest.py) over cot"
    assert notices(result) == ["mmlubench: test_own asks the fixture solver (conftest.py)"]


def test_another_fixture_may_stand_in_between(write):
    folder = write(
        """
@pytest.fixture(scope="session")
def client(model):
    return model

@pytest.fixture(scope="module")
def solver(client):
    return asking(client)
"""
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=4)
    assert {line["model"] for line in folder.lines("requests")} == {"mock-A"}


def test_a_fixture_of_any_name_may_build_on_ours(write):
    # A test that takes neither `model` nor `solver` by itself.
    folder = write(
        """
@pytest.fixture(scope="session")
def agent(solver):
    return solver
""",
        benchmark=BENCHMARK.replace("solver", "agent"),
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=4)
    assert folder.entry()["recipe"] == "zero_shot"


def test_a_mark_usefixtures_may_stand_beside_it(write):
    folder = write(
        fixture("asking(model)", "model")
        + """
@pytest.fixture(scope="module")
def prepared(solver):
    assert callable(solver)
""",
        benchmark='@pytest.mark.usefixtures("prepared")' + BENCHMARK,
    )
    folder.run("--model", "mock/A").assert_outcomes(passed=4)
    assert folder.entry()["recipe"] == "own solver (conftest.py)"


def test_it_is_asked_ahead_of_time_where_it_is_shared(write):
    slow = """
running = most = 0

@pytest.fixture(scope="{scope}")
def solver():
    async def solve(question):
        global running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return Answer(str(most), "own rule", "", "")
    return solve
"""
    folder = write(slow.format(scope="module"))
    assert not notices(folder.run())[1:]
    assert set(predictions(folder)) == {"4"}  # all at once
    folder = write(slow.format(scope="function"))
    assert notices(folder.run())[1:] == [
        "mmlubench: test_own asks one case at a time, without look-ahead: it uses solver, made again for every case"
    ]
    assert set(predictions(folder)) == {"1"}


def test_it_is_set_up_once_and_torn_down_after_the_last_case(write):
    folder = write(
        """
made = []

@pytest.fixture(scope="module", params=["A", "B"])
def solver(request):
    made.append(request.param)
    yield always(request.param)
    made.append("closed")
""",
        benchmark=BENCHMARK
        + "\ndef test_afterwards():\n    import conftest\n    assert conftest.made == ['A', 'closed', 'B']",
    )
    folder.run("--import-mode=prepend").assert_outcomes(passed=5, failed=4)


def test_what_else_it_offers_is_there_for_the_test(write):
    folder = write(
        """
class Counting:
    calls = 0

    async def __call__(self, question):
        self.calls += 1
        return Answer("A", "own rule", "A", "")

@pytest.fixture(scope="session")
def solver():
    return Counting()
""",
        benchmark=BENCHMARK + "    assert solver.calls >= 1\n",
    )
    folder.run().assert_outcomes(passed=4)


def test_a_test_that_is_no_question_may_have_one(write):
    folder = write(
        fixture("asking(model)", "model"),
        benchmark="""
@pytest.mark.look_ahead
async def test_talks(solver):
    assert (await solver(ROWS[0])).letter == "A"
""",
    )
    folder.run("--model", "mock/A", "--model", "mock/B").assert_outcomes(passed=1, failed=1)


# -- with the rest of pytest and ours ------------------------------------------------------------------------------


@pytest.mark.long
def test_workers_give_the_same_figures_and_tell_the_same(write):
    folder = write(fixture("asking(model)", "model"))
    alone = folder.run("--model", "mock/A", "--model", "mock/B")
    records = [line | {"latency_s": 0} for line in folder.lines("results")]
    shared = folder.run_apart("--model", "mock/A", "--model", "mock/B", "-n", "2")
    assert [line | {"latency_s": 0} for line in folder.lines("results")] == records
    assert folder.json("manifest")["own_recipes"] == ["own solver (conftest.py)"]
    assert notices(shared) == notices(alone)


@pytest.mark.long
def test_workers_ask_one_that_asks_none_of_ours(write):
    folder = write(fixture("always('A')"))
    folder.run_apart("-n", "2").assert_outcomes(passed=4)
    assert folder.entry()["recipe"] == "own solver (conftest.py)"
    assert folder.entry()["model"] == "own"
    assert folder.entry()["headline"]


@pytest.mark.long
def test_a_crash_counts_for_the_solver_that_crashed(write):
    folder = write(
        """
import os

@pytest.fixture(scope="session", params=["rag", "plain"])
def solver(request):
    async def solve(question):
        if request.param == "plain" and question.id.endswith("2"):
            os._exit(1)
        return Answer("A", "own rule", "A", "")
    return solve
"""
    )
    folder.run_apart("-n", "2", "--concurrency", "2")
    errors = {entry["recipe"]: entry["outcomes"]["error"] for entry in folder.json("summary")["results"]}
    assert errors == {"own solver (conftest.py, rag)": 0, "own solver (conftest.py, plain)": 1}
    assert [line["id"] for line in folder.lines("results") if line["outcome"] == "error"] == ["own/all/0002"]


def test_epochs_put_the_question_to_it_as_often(write):
    folder = write(
        """
@pytest.fixture(scope="session")
def solver():
    async def first_printed(question):
        letter = question.letters[question.choices.index("x")]
        return Answer(letter, "own rule", letter, "")
    return first_printed
"""
    )
    folder.run("--epochs", "3", "--shuffle-choices").assert_outcomes(passed=4)
    assert [line["letters"] for line in folder.lines("results")] == [["A"] * 3] * 4
    assert folder.entry()["recipe"] == "own solver (conftest.py), shuffled choices, mean of 3 epochs"


def test_the_solver_that_ours_is_built_into_is_not_repeated_twice(write):
    folder = write(fixture("solver", "solver"))
    folder.run("--model", "mock/A", "--epochs", "3")
    assert [line["requests"] for line in folder.lines("results")] == [3] * 4


def test_an_estimate_says_that_it_cannot_know(write):
    folder = write(fixture("asking(model)", "model"))
    result = folder.run("--model", "mock/A", "--estimate")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["not estimated: 4 cases of tests that ask a model by themselves, as dialogues do"]
    )
    assert not (folder.path / "reports").exists()


def test_an_answer_without_a_letter_has_its_outcome(write):
    folder = write(fixture("asking(model)", "model"))
    folder.run("--model", folder.scripted("A", "no idea", name="x"))  # no reply for these ids
    assert set(folder.outcomes()) == {"error"}
    replies = {
        "own/all/0000": "A",
        "own/all/0001": "I have no idea",
        "own/all/0002": "B",
        "own/all/0003": "A",
    }
    folder.write("replies.json", json.dumps(replies))
    folder.run("--model", "mock-script")
    assert folder.outcomes() == ["correct", "unparsed", "wrong", "correct"]


# -- options that it does not heed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--recipe", "cot"),
            "--recipe has no effect on the own solver (conftest.py), which does not request our `solver`: ",
        ),
        (("--solver", "debate"), "--solver has no effect"),
        (("--shots", "3"), "--shots has no effect"),
        (("--scoring", "logprob"), "--scoring has no effect"),
        (("--temperature", "0.7"), "--temperature has no effect"),
    ],
)
def test_an_option_of_the_solver_that_nobody_heeds_is_refused(options, said, write):
    folder = write(fixture("asking(model)", "model"))
    told = folder.refused("--model", "mock/A", *options)
    assert told.startswith(said)
    assert told.endswith("leave the option out, or take `solver` as an argument of the fixture.")


@pytest.mark.parametrize("option", ["--max-cost", "--request-timeout"])
def test_an_option_of_a_model_that_is_never_asked_is_refused(option, write):
    told = write(fixture("always('A')")).refused(option, "1")
    assert told.startswith(
        f"{option} has no effect on the own solver (conftest.py), which does not request our `model`: "
    )


def test_a_model_that_is_named_and_never_asked_is_refused(write):
    assert write(fixture("always('A')")).refused("--model", "mock/A") == (
        "--model mock/A has no effect on the own solver (conftest.py), which does not request our `model`: "
        "leave the option out, or take `model` as an argument of the fixture."
    )


def test_an_option_that_another_test_heeds_is_let_through(write):
    folder = write(module=fixture("asking(model)", "model", '(scope="module")'))
    folder.own_benchmark()
    folder.run("--model", "mock/A", "--recipe", "cot").assert_outcomes(passed=8)
    recipes = {entry["benchmark"]: entry["recipe"] for entry in folder.json("summary")["results"]}
    assert recipes == {"own": "own solver (test_own.py)", "capitals": "cot"}


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (
            "'a chemical'",
            "the fixture `solver` of conftest.py returns a str ('a chemical'): return a callable",
        ),
        ("lambda question: 'B'", "the solver of conftest.py returned a str ('B'), which is not an Answer: "),
        (
            "lambda question: Answer(None, 'tired', '', '')",
            "the solver of conftest.py returned an Answer without a letter whose rule is 'tired'",
        ),
    ],
)
def test_what_is_no_solver_is_an_error_in_a_sentence_and_never_a_wrong_answer(gives, said, write):
    folder = write(fixture(gives))
    result = folder.run()
    assert folder.outcomes() == ["error"] * 4
    assert said in folder.lines("results")[0]["error"]
    assert "Traceback" not in result.stdout.str()
    assert folder.lines("requests") == []


def test_a_fixture_of_a_plugin_that_happens_to_have_the_name_is_told(write, monkeypatch):
    folder = write()
    folder.write("cars.py", "import pytest\n@pytest.fixture\ndef model():\n    return 'a car'\n")
    monkeypatch.syspath_prepend(str(folder.path))
    result = folder.run("-p", "cars", "--recipe", "cot")
    assert folder.outcomes() == ["error"] * 4
    assert "the fixture `model` of cars.py returns a str ('a car')" in folder.lines("results")[0]["error"]
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "@pytest.fixture\nasync def solver():\n    yield always('A')\n",
            "test_own.py::test_own: the fixture `solver` of conftest.py is async, ",
        ),
        (
            "import pytest_asyncio\n@pytest_asyncio.fixture\nasync def model():\n    return 1\n",
            "test_own.py::test_own: the fixture `model` of conftest.py is async, ",
        ),
        (
            "@pytest.fixture\ndef question():\n    return 'which one?'\n",
            "test_own.py::test_own: the mark questions gives the test its `question`, and conftest.py defines ",
        ),
    ],
    ids=["async-generator", "async-model", "question"],
)
def test_a_fixture_that_cannot_work_is_refused_before_anything_is_asked(code, said, write):
    assert write(code).refused("--model", "mock/A").startswith(said)


def test_a_question_by_parametrize_is_refused(write):
    folder = write(benchmark='@pytest.mark.parametrize("question", [1, 2])' + BENCHMARK)
    assert "gives the test its `question`" in folder.refused("--model", "mock/A")


def test_our_fixtures_outside_of_a_case_say_what_they_are_for(write):
    folder = write(benchmark="def test_plain(model):\n    model.generate(None)\n")
    folder.run().stdout.fnmatch_lines(
        ["E * the fixture `model` can be used only by an `async def` test marked questions or look_ahead, *"]
    )


def test_a_model_that_is_asked_for_behind_the_fixtures_back_is_told(write):
    folder = write(fixture("asking(request.getfixturevalue('model'))", "request"))
    folder.run()
    assert "take `model` as an argument of the fixture" in folder.lines("results")[0]["error"]


def test_a_fixture_that_fails_is_an_error_of_its_cases_with_one_traceback(write):
    folder = write(fixture("1 / 0"))
    result = folder.run()
    assert folder.outcomes() == ["error"] * 4
    assert result.stdout.str().count(">       return 1 / 0") == 1


# -- the examples of the README ------------------------------------------------------------------------------------


def example(section: str) -> str:
    text = README.read_text("utf-8").partition(f"## {section}")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return code


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["alone", "workers"]
)
def test_the_solver_of_the_readme_that_looks_things_up(workers, write):
    folder = write()
    folder.write("conftest.py", example("Your own solver, as a fixture"))
    folder.write("notes.txt", "Nothing here\n\nno. 2? is the letter A")
    folder.run_apart("--model", "mock/A", *workers).assert_outcomes(passed=4)
    said = {line["id"]: line["messages"][0]["content"] for line in folder.lines("requests")}
    assert said["own/all/0002"].startswith("no. 2? is the letter A\n\nWhich is no. 2?\nA. x\nB. y\n")


TOOL_LOOP = """
@pytest.fixture(scope="session")
def solver(model):
    async def with_a_calculator(question):
        said = [Message("user", question.text)]
        while True:
            reply = await model.generate(Request(question.id, tuple(said)))
            call = reply.text.partition("CALCULATE ")[2]
            if not call:
                return read_answer(question, reply)
            said += [Message("assistant", reply.text), Message("user", str(sum(map(int, call.split("+")))))]
    return with_a_calculator
"""


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["alone", "workers"]
)
def test_a_tool_loop_asks_as_often_as_it_needs(workers, write):
    folder = write(TOOL_LOOP)
    replies = ["CALCULATE 1+2", "CALCULATE 3+4", "The answer is A"]
    model = folder.scripted(replies, "A", replies, "B", name="own")
    folder.write("replies.json", (folder.path / "replies.json").read_text().replace("/europe/", "/all/"))
    folder.run_apart("--model", model, *workers)
    assert [line["requests"] for line in folder.lines("results")] == [3, 1, 3, 1]
    assert folder.outcomes() == ["correct", "correct", "correct", "wrong"]
    last = [line for line in folder.lines("requests") if line["id"] == "own/all/0002"][-1]
    assert [message["content"] for message in last["messages"]][2::2] == ["3", "7"]


def test_the_hooks_of_the_readme(write):
    folder = write()
    folder.write("conftest.py", example("Hooks"))
    result = folder.run("--model", "mock/B", "-s")
    result.stdout.fnmatch_lines(
        ["*own/all/0000 B A", f"*{folder.run_folder().name} own mock-B zero_shot 0.0 (0.0, *) 4"],
        consecutive=False,
    )
    assert folder.json("manifest")["user_facts"] == {"notes": "2026-11"}
