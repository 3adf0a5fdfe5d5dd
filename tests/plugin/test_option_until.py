"""--until: a run ends once the interval of the accuracy in all questions is narrow enough, and says what it saved."""

from __future__ import annotations

import pytest

from tests.fake_server import FakeServer

FEW_RIGHT = ("A", *["B"] * 19)
QUESTIONS = 1_500


def script(folder, count=QUESTIONS):
    """A benchmark of which a model gets one in twenty right: 95 % lie within 0.02 after 500 to 600 questions."""
    folder.own_benchmark(count=count)
    replies = (FEW_RIGHT * (count // len(FEW_RIGHT) + 1))[:count]
    return "-k", "capitals", "--concurrency", "4", "--model", folder.scripted(*replies)


def skipped(result):
    return result.parseoutcomes().get("skipped", 0)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_rest_is_skipped_and_the_summary_says_so(folder, workers):
    result = folder.run_apart(*script(folder), "--until", "0.02", *workers)
    entry = folder.entry()
    low, high = entry["ci95_benchmark"]
    assert (high - low) / 2 <= 0.02
    assert 500 <= entry["n"] < 1_000  # a hundred more at the most, and what was under way
    assert entry["saved"] == QUESTIONS - entry["n"] == skipped(result)
    assert entry["headline"]
    assert entry["drawn_from"] == QUESTIONS
    assert len(folder.lines("results")) == entry["n"] == entry["requests"]
    assert "cases saved, not asked: precise enough (--until 0.02)" in " ".join(result.stdout.str().split())


def test_what_was_asked_is_a_random_part_and_not_the_first_questions(folder):
    folder.run(*script(folder), "--until", "0.02")
    rows = [int(line["id"].rpartition("/")[2]) for line in folder.lines("results")]
    assert rows != sorted(rows)
    assert max(rows) > QUESTIONS - 50
    assert min(rows) < 50


def test_a_smaller_half_width_goes_on_where_the_run_before_ended(folder):
    folder.own_benchmark(count=QUESTIONS)
    with FakeServer() as server:  # which always says B
        folder.models(own={"model_name": "openai/own", "base_url": server.url})
        options = ("-k", "capitals", "--concurrency", "4", "--model", "own", "--until")
        folder.run(*options, "0.01")
        first = folder.lines("results")
        folder.run(*options, "0.0015")
        asked = [request for request in server.requests if request.method == "POST"]
    entry, second = folder.entry(), folder.lines("results")
    assert [line["id"] for line in second][: len(first)] == [line["id"] for line in first]
    assert entry["stored"] == len(first) < entry["n"] == len(asked)  # nothing is asked again
    assert entry["ci95_benchmark"][1] - entry["ci95_benchmark"][0] <= 0.003


def test_a_benchmark_that_is_too_short_is_asked_in_full(folder):
    result = folder.run(*script(folder, count=120), "--until", "0.4")
    assert folder.entry()["n"] == 120
    assert folder.entry()["saved"] == 0
    assert skipped(result) == 0


def test_each_model_ends_by_itself(folder):
    options = script(folder)
    folder.run(*options, "--model", "mock/A", "--until", "0.02")
    sure, unsure = sorted(folder.json("summary")["results"], key=lambda entry: -entry["accuracy"])
    assert sure["accuracy"] == 1
    assert 500 <= sure["n"] < unsure["n"] + 1
    assert unsure["n"] + unsure["saved"] == QUESTIONS


def test_repeated_questions_are_not_taken_for_all_there_is(folder):
    folder.run(*script(folder), "--until", "0.02", "--epochs", "2")
    entry = folder.entry()
    assert entry["ci95"][1] - entry["ci95"][0] <= 0.04
    assert entry["saved"] > 0


def test_the_same_command_asks_nothing_more_and_gives_the_same(folder):
    folder.own_benchmark(count=QUESTIONS)
    with FakeServer() as server:
        folder.models(own={"model_name": "openai/own", "base_url": server.url})
        options = ("-k", "capitals", "--concurrency", "16", "--model", "own", "--until", "0.01")
        folder.run(*options)
        before = len(server.requests)
        n = folder.entry()["n"]
        folder.run(*options)
        assert (folder.entry()["n"], len(server.requests)) == (n, before)
    assert n <= 516


def test_of_a_limit_it_never_asks_more(folder):
    folder.run(*script(folder), "--until", "0.01", "--limit", "300")
    entry = folder.entry()
    assert any("--until 0.01 was not reached: the interval is ±0.0" in line for line in entry["warnings"])
    assert (entry["n"], entry["saved"], entry["drawn_from"]) == (300, 0, QUESTIONS)


def test_a_gate_judges_the_questions_that_were_asked(folder):
    options = (*script(folder), "--until", "0.02")
    assert folder.run(*options, "--min-accuracy", "0.01").ret == 0
    assert folder.run(*options, "--min-accuracy", "0.2").ret == 1


def test_skipped_cases_are_skipped_in_the_junit_report(folder):
    cases = folder.junit(*script(folder), "--until", "0.02")
    reasons = [
        case.find("skipped").get("message") for case in cases.values() if case.find("skipped") is not None
    ]
    assert len(reasons) == folder.entry()["saved"]
    assert set(reasons) == {"precise enough (--until 0.02)"}


def test_it_is_told_before_anything_is_asked_and_an_estimate_is_the_most(folder):
    options = (*script(folder), "--until", "0.02")
    line = "mmlubench: asked in random order until the 95 % interval of a model is at most 0.02 wide*"
    folder.run(*options).stdout.fnmatch_lines([line])
    folder.run(*options, "--estimate").stdout.fnmatch_lines(["at most: --until or --decide-early may end*"])


@pytest.mark.parametrize("width", ["0", "0.5", "1"])
def test_a_width_that_says_nothing_is_refused(folder, width):
    folder.own_benchmark()
    said = folder.refused("-k", "capitals", "--model", "mock/A", "--until", width)
    assert said == f"--until {width}: give half a width between 0 and 0.5, such as 0.01."


def test_translations_of_a_question_count_once(folder):
    rows = """
import pytest
from mmlubench import Question

ROWS = [
    Question(f"capitals/{language}/europe/{n:04d}", "capitals", "europe", "geography", f"Which is no. {n}?",
             ("Paris", "Rome"), "A" if n % 20 else "B", language)
    for language in ("DE_DE", "FR_FR", "JA_JP") for n in range(1000)
]

@pytest.mark.questions("capitals", rows=ROWS)
async def test_capitals(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer
"""
    folder.write("test_capitals.py", rows)
    folder.run("-k", "capitals", "--concurrency", "4", "--model", "mock/A", "--until", "0.02")
    entry, results = folder.entry(), folder.lines("results")
    assert len({line["id"].rpartition("/")[2] for line in results}) >= 500
    assert 1_500 <= entry["n"] < 3_000  # all languages of a question are asked together
    assert entry["ci95_benchmark"][1] - entry["ci95_benchmark"][0] <= 0.041
