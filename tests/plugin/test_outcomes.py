"""Every case ends as exactly one of seven outcomes, and every place that tells of it tells the same."""

from __future__ import annotations

import json

import pytest

REPLIES = (
    "Answer: A",
    "Answer: B",
    "That is hard to say.",
    {"completion": "Let me think about", "finish_reason": "length"},
    {"completion": "I will not answer that.", "finish_reason": "refusal"},
    None,
    "Answer: A",
)
OUTCOMES = ["correct", "wrong", "unparsed", "truncated", "refused", "error", "skipped"]
SKIP_THE_LAST = 'if question.id.endswith("6"):\n    pytest.skip("not this one")'


@pytest.fixture
def seven(folder):
    """A benchmark of seven questions that end in seven ways, and the options that ask it."""
    folder.own_benchmark(count=7, before=SKIP_THE_LAST)
    return "--model", folder.scripted(*REPLIES), "-k", "capitals"


def test_all_seven_end_up_in_results_jsonl_in_order(seven, folder):
    folder.run(*seven)
    assert folder.outcomes() == OUTCOMES
    results = folder.lines("results")
    assert [line["prediction"] for line in results] == ["A", "B", None, None, None, None, None]
    assert [line["rule"] for line in results[2:]] == ["unparsed", "truncated", "refused", "", ""]
    assert [bool(line["error"]) for line in results] == [False] * 5 + [True, False]


def test_each_has_a_character_of_its_own(seven, folder):
    result = folder.run(*seven)
    result.stdout.fnmatch_lines(["test_capitals.py .wutrEs *"])


def test_verbose_gives_each_one_line_that_says_why(seven, folder):
    result = folder.run(*seven, "-v")
    case = "test_capitals.py::test_capitals?mock-script-europe-000"
    result.stdout.fnmatch_lines(
        [
            f"{case}0? CORRECT*",
            f"{case}1? WRONG (answered B (rule: answer_cue), right is A)*",
            f"{case}2? UNPARSED (no letter in the reply: 'That is hard to say.' (right is A))*",
            f"{case}3? TRUNCATED (cut off after * before any letter; right is A*raise --max-tokens*",
            f"{case}4? REFUSED (refused by the provider (refusal); right is A)*",
            f"{case}5? ERROR (mock-script: replies.json has no reply for 'capitals/europe/0005'; *)*",
            f"{case}6? SKIPPED (*)*",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize("verbosity", ["-q", "-v", "-vv", "--tb=long", "-rA"])
def test_no_wrong_answer_is_ever_shown_as_a_traceback(verbosity, seven, folder):
    result = folder.run(*seven, verbosity)
    for noise in ("*FAILURES*", "*= ERRORS =*", "*assert answer.letter*", "E   *", "*AssertionError*"):
        result.stdout.no_fnmatch_line(noise)


def test_pytests_closing_line_counts_them_as_pytest_does(seven, folder):
    result = folder.run(*seven)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["=* 4 failed, 1 passed, 1 skipped, 1 error in *"])


def test_the_summary_counts_every_outcome_and_leaves_errors_and_skips_out_of_the_accuracy(seven, folder):
    result = folder.run(*seven)
    entry = folder.entry()
    assert entry["outcomes"] == dict.fromkeys(OUTCOMES, 1)
    assert (entry["n"], entry["answered"], entry["correct"], entry["accuracy"]) == (7, 5, 1, 0.2)
    text = " ".join(result.stdout.str().split())
    assert "correct 1 · wrong 1 · unparsed 1 · truncated 1 · refused 1 · error 1 · skipped 1" in text


def test_the_reason_of_an_error_is_told_with_what_to_do(seven, folder):
    result = folder.run(*seven)
    result.stdout.fnmatch_lines(
        [
            "1 \N{MULTIPLICATION SIGN} mock-script: replies.json has no reply for 'capitals/europe/0005'; add one,*"
        ]
    )


# -- errors and the headline --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("errors", "headline"), [(1, True), (2, False)])
def test_above_one_percent_of_errors_there_is_no_headline_number(errors, headline, folder):
    folder.own_benchmark(count=100)
    model = folder.scripted(*[None] * errors, *["A"] * (100 - errors))
    result = folder.run("--model", model, "-k", "capitals")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    entry = folder.entry()
    assert entry["headline"] is headline
    assert entry["accuracy"] == 1.0  # of what was answered; but it is not put up as the result
    text = " ".join(result.stdout.str().split())
    assert ("zero_shot: accuracy 1.000" in text) is headline
    assert ("no headline number: 2 of 100 cases (2.0 %) ended in errors" in text) is not headline
    latest = json.loads((folder.path / "reports" / "capitals_mock-script_latest.json").read_text())
    assert latest["overall_score"] == (1.0 if headline else None)


def test_a_server_that_refuses_is_an_error_and_never_a_wrong_answer(folder, start_server):
    server = start_server("--latency-ms", "0", "--error-rate", "1", "--error-codes", "403")
    result = folder.run_apart("--model", server.model, "--data", "sample", "--limit", "3")
    assert folder.outcomes() == ["error"] * 3
    result.stdout.fnmatch_lines(
        ["test_mmlu.py EEE*", "3 \N{MULTIPLICATION SIGN} *an error as ordered*", "=* 3 errors in *"]
    )
    for noise in ("*Traceback*", "*= ERRORS =*", "*= FAILURES =*"):
        result.stdout.no_fnmatch_line(noise)


# -- the test's own code ------------------------------------------------------------------------------------------


def test_a_mistake_in_the_tests_own_code_is_an_error_with_its_traceback(folder):
    folder.own_benchmark(after='{}["a mistake"]')
    result = folder.run("--model", "mock/A", "-k", "capitals")
    result.stdout.fnmatch_lines(
        [
            "test_capitals.py EEEE*",
            "*= ERRORS =*",
            "*ERROR at call of test_capitals?mock-A-europe-0000?*",
            ">*{}??a mistake??",
            "E * KeyError: 'a mistake'",
            "ERROR test_capitals.py::test_capitals?mock-A-europe-0000? - KeyError: *",
            "4 \N{MULTIPLICATION SIGN} KeyError: 'a mistake'",
            "=* 4 errors in *",
        ]
    )
    assert folder.outcomes() == ["error"] * 4
    assert folder.entry()["headline"] is False


def test_a_thousand_times_the_same_mistake_is_shown_once(folder):
    folder.own_benchmark(count=30, after="{}[question.id]")
    result = folder.run("--model", "mock/A", "-k", "capitals")
    assert (
        result.stdout.str().count(">       {}[question.id]") + result.stdout.str().count("ERROR at call of")
        <= 2
    )
    result.stdout.fnmatch_lines(["=* 30 errors in *"])


@pytest.mark.parametrize(
    ("after", "reply", "outcome"),
    [
        ('pytest.fail("not good enough")', "A", "wrong"),
        ('pytest.fail("not good enough")', "no idea", "unparsed"),
        ('pytest.skip("too easy")', "A", "skipped"),
        ('raise ValueError("odd")', "A", "error"),
        ("return", "B", "correct"),  # a test that asserts nothing passes, as everywhere in pytest
    ],
)
def test_what_the_body_does_decides(after, reply, outcome, folder):
    folder.own_benchmark(count=2, after=after)
    folder.run("--model", folder.scripted(reply, reply), "-k", "capitals")
    assert folder.outcomes() == [outcome] * 2


def test_a_case_that_cancels_itself_is_an_error_with_its_requests_logged(folder):
    # Its own mistake; what it asked was asked all the same, and it must not vanish from the results.
    folder.own_benchmark(count=2, after='import asyncio; raise asyncio.CancelledError("by itself")')
    folder.run("-k", "capitals", "--model", folder.scripted("A", "A"))
    assert folder.outcomes() == ["error", "error"]
    assert [line["error"] for line in folder.lines("results")] == ["CancelledError: by itself"] * 2
    assert len(folder.lines("requests")) == 2


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["alone", "workers"]
)
def test_a_case_that_leaves_the_program_is_an_error_and_all_others_are_graded(workers, folder):
    # As a tool that it calls may do. What was asked is paid for, and the other cases go on.
    folder.own_benchmark(count=4, after='if question.id.endswith("1"): import sys; sys.exit("no disk")')
    run = folder.run_apart if workers else folder.run
    result = run("-k", "capitals", "--model", folder.scripted("A", "A", "A", "B"), *workers)
    assert folder.outcomes() == ["correct", "error", "correct", "wrong"]
    assert folder.lines("results")[1]["error"] == "SystemExit: no disk"
    assert len(folder.lines("requests")) == 4
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in result.stdout.str()


def test_an_assertion_before_anything_was_asked_is_told_in_its_own_words(folder):
    folder.own_benchmark(count=1, before='assert question.subject == "asia", "wrong continent"')
    result = folder.run("--model", "mock/A", "-k", "capitals", "-v")
    result.stdout.fnmatch_lines(["*0000? WRONG (wrong continent)*"])
    assert folder.lines("results")[0]["prediction"] is None


# -- fixtures and marks -------------------------------------------------------------------------------------------

FIXTURE = """
import pytest
@pytest.fixture(scope="{scope}", autouse=True)
def needed(request):
    {does}
"""


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize(
    ("does", "outcome"),
    [
        ('pytest.skip("no disk")', "skipped"),
        ('raise OSError("no disk")', "error"),
        ('assert 0, "no disk"', "error"),  # a fixture's assertion says nothing about the answer
    ],
)
def test_a_fixture_that_fails_makes_no_case_vanish_and_none_wrong(scope, does, outcome, folder, start_server):
    server = start_server("--latency-ms", "0")
    folder.write("conftest.py", FIXTURE.format(scope=scope, does=does))
    result = folder.run("--model", server.model, "--data", "sample", "--limit", "3")
    assert folder.outcomes() == [outcome] * 3
    assert folder.entry()["headline"] is False
    assert server.stats()["total"] == 0
    if outcome == "error":
        assert result.stdout.str().count("ERROR at setup of") == 1
        result.stdout.fnmatch_lines(["3 \N{MULTIPLICATION SIGN} *no disk*", "=* 3 errors in *"])
        result.stdout.no_fnmatch_line("*mmlubench?plugin*")  # the user's own lines are enough


@pytest.mark.parametrize(
    "mark",
    [
        'pytest.mark.skip(reason="never")',
        'pytest.mark.skipif(True, reason="never")',
        'pytest.mark.xfail(run=False, reason="never")',
    ],
)
def test_what_a_mark_skips_is_not_asked_and_not_paid_for(mark, folder, start_server):
    # A case at the end that is asked keeps the look-ahead going.
    server = start_server("--latency-ms", "0")
    text = (folder.path / "test_mmlu.py").read_text().replace("@pytest.mark.q", f"@{mark}\n@pytest.mark.q")
    folder.write("test_mmlu.py", text)
    folder.own_benchmark("zz_last", count=2)
    folder.run_apart("--model", server.model, "--data", "sample", "--limit", "4", "--concurrency", "2")
    assert sorted(folder.outcomes()[:4]) == ["skipped"] * 4
    assert server.stats()["total"] == 2


def test_an_expected_failure_counts_as_wrong_here_and_as_xfailed_for_pytest(folder):
    text = folder.own_benchmark().read_text()
    marked = text.replace("@pytest.mark.q", '@pytest.mark.xfail(reason="hard")\n@pytest.mark.q')
    folder.write("test_capitals.py", marked)
    result = folder.run("--model", "mock/B", "-k", "capitals")
    assert folder.outcomes() == ["wrong"] * 4
    result.stdout.fnmatch_lines(["test_capitals.py xxxx*", "=* 4 xfailed in *"])
    assert result.ret == 0


def test_a_failure_that_the_test_itself_expects_is_xfailed(folder):
    # pytest.xfail in the body of a test, also where cases run in a row.
    text = folder.own_benchmark().read_text()
    folder.write("test_capitals.py", text.replace("    assert ", '    pytest.xfail("hard")\n    assert '))
    result = folder.run("--model", "mock/B", "-k", "capitals")
    result.stdout.fnmatch_lines(["test_capitals.py xxxx*", "=* 4 xfailed in *"])
    assert result.ret == 0
