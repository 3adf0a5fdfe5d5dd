"""A benchmark of the user's own as a YAML: collected as a test file is, and every mistake is one sentence."""

from __future__ import annotations

import pytest

ROWS = """Question,A,B,C,D,Right,Topic
Capital of Portugal?,Porto,Lisbon,Faro,Braga,B,europe
Of Peru?,Lima,Cusco,Quito,Ica,A,america
"""
YAML = """
name: capitals
description: Capitals of the world.
file: rows/capitals.csv
columns:
  question: Question
  choices: [A, B, C, D]
  answer: Right
  subject: Topic
"""


@pytest.fixture
def described(folder):
    def write(yaml=YAML, rows=ROWS):
        folder.write("rows/capitals.csv", rows)
        folder.write("capitals.benchmark.yaml", yaml)
        return folder

    return write


def test_it_is_asked_and_graded_like_any_other(described):
    folder = described()
    result = folder.run("-k", "capitals", "--model", "mock/A", "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["capitals.benchmark.yaml::test_capitals[[]mock-A-america-0000[]] CORRECT*"])
    assert {line["id"]: line["outcome"] for line in folder.lines("results")} == {
        "capitals/america/0000": "correct",
        "capitals/europe/0000": "wrong",
    }
    assert folder.entry()["benchmark"] == "capitals"
    assert len(folder.json("manifest")["data"]["capitals"]["sha256"]) == 64


def test_the_data_of_a_benchmark_that_is_not_asked_are_not_loaded(described):
    folder = described()
    folder.write("animals.benchmark.yaml", YAML.replace("capitals", "animals"))
    folder.write("rows/animals.csv", "nothing")
    assert "animals.csv: column 'Question' is missing" in folder.refused("-k", "animals", "--model", "mock/A")
    result = folder.run("-k", "capitals", "--model", "mock/A")
    result.assert_outcomes(passed=1, failed=1)
    assert "animals" not in result.stdout.str()


def test_its_rows_are_selected_by_subject_limit_and_keyword(described, collected):
    described()
    assert collected("-k", "capitals", "--subject", "europe") == ["test_capitals[mock-europe-0000]"]
    assert collected("-k", "capitals and america") == ["test_capitals[mock-america-0000]"]
    assert len(collected("-k", "capitals", "--limit", "1")) == 1


def test_it_cannot_pass_for_a_benchmark_of_ours(described):
    result = described(YAML.replace("name: capitals", "name: mmlu")).run("capitals.benchmark.yaml")
    result.stdout.fnmatch_lines(
        ["*capitals.benchmark.yaml: name mmlu belongs to a benchmark of mmlubench; give yours*"]
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_other_benchmarks_do_not_read_it(described, collected):
    described(rows="nonsense")
    assert len(collected("-k", "mmlu")) == 120


def test_workers_ask_it_too(described):
    folder = described()
    folder.run_apart("-k", "capitals", "--model", "mock/A", "-n", "2").assert_outcomes(passed=1, failed=1)


def test_a_yaml_of_another_name_is_left_alone(folder, collected):
    # Other plugins collect test_*.yaml; ours must not complain about them.
    folder.write("test_api.yaml", "stages: []")
    folder.write("config.yaml", "{{ no yaml")
    assert len(collected()) == 120


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("answer: Right", "answer: Wrong", "column 'Wrong' is missing"),
        ("[A, B, C, D]", "[A, B, C, E]", "column 'E' is missing"),
        ("columns:", "colums:", "colums"),
        ("capitals.csv", "capitols.csv", "capitols.csv"),
        ("name: capitals", "name: my capitals", "name"),
    ],
)
def test_a_yaml_that_cannot_be_used_is_told_in_a_sentence(described, old, new, told):
    result = described(YAML.replace(old, new)).run("-k", "capitals", "--model", "mock/A")
    said = [line for line in (*result.outlines, *result.errlines) if told in line]
    assert said, result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("Question,A,B,C,D,Right,Topic\n", "no rows"),
        (ROWS.replace("Braga,B", "Braga,E"), "answer"),
    ],
)
def test_rows_that_cannot_be_used_are_told_with_their_file(described, rows, told):
    said = described(rows=rows).refused("-k", "capitals", "--model", "mock/A")
    assert "capitals.csv" in said
    assert told in said


NUMBERED = "Question,A,B,C,D,Right,Topic\n" + "".join(
    f"Is it {n}?,w,x,y,z,{n % 3 + 1},europe\n" for n in range(9)
)
FIRST = "Question,A,B,C,D,Right,Topic\n" + "".join(f"Is it {n}?,yes,x,y,z,A,europe\n" for n in range(40))


def test_what_looks_wrong_is_said_before_and_with_the_figures(described):
    folder = described(rows=NUMBERED)
    result = folder.run("-k", "capitals", "--model", "mock/A")
    result.stdout.fnmatch_lines(
        ["mmlubench: capitals: 9 questions from *; warning: answers are numbers, read as *"]
    )
    assert "say `index_base: 1` if they are counted from 1" in folder.entry()["notice"]


def test_a_key_that_never_moves_is_warned_of_and_shuffle_moves_it(described):
    folder = described(rows=FIRST)
    folder.run("-k", "capitals", "--model", "mock/A")
    assert "A is the right letter of all 40 questions" in folder.entry()["notice"]
    assert folder.entry()["accuracy"] == 1.0
    folder = described(YAML + "shuffle: true\n", FIRST)
    outcomes = []
    for more in ((), ("-n", "2")):
        folder.run_apart("-k", "capitals", "--model", "mock/A", *more)
        lines = folder.lines("results")
        assert all(line["order"]["ABCD".index(line["answer"])] == "A" for line in lines)
        outcomes.append({line["id"]: (line["outcome"], line["order"]) for line in lines})
    assert outcomes[0] == outcomes[1]
    assert 0.1 < folder.entry()["accuracy"] < 0.45
    assert "shuffled" in folder.entry()["notice"]


def test_rows_of_a_test_are_doubted_too(folder):
    folder.write(
        "test_own.py",
        "import pytest\n"
        "from mmlubench import Question\n"
        "ROWS = [Question(f'own/s/{n}', 'own', 's', 's', f'{n}?', ('a', 'b'), 'A') for n in range(5)]\n"
        "@pytest.mark.questions('own', rows=ROWS)\n"
        "async def test_own(question, solver):\n"
        "    assert (await solver(question)).letter == question.answer\n",
    )
    folder.run("-k", "own", "--model", "mock/A")
    assert "A is the right letter of all 5 questions" in folder.entry()["notice"]
