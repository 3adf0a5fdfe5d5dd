"""--min-accuracy: the gate decides the exit status over answers, and over nothing else."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mmlubench.plugin.recording import exit_status


@pytest.fixture
def half_right(folder):
    """A benchmark that its model gets half right, and the options that ask it."""
    folder.own_benchmark()
    return "--model", folder.scripted("A", "B", "A", "B")


def test_without_a_gate_the_exit_status_is_pytests_own(half_right, folder):
    assert folder.run("-k", "capitals", *half_right).ret == pytest.ExitCode.TESTS_FAILED
    folder.scripted("A", "A", "A", "A")
    result = folder.run("-k", "capitals", *half_right)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("gate *")


@pytest.mark.parametrize(("least", "status", "verdict"), [("0.5", 0, "passed"), ("0.51", 1, "failed")])
def test_the_gate_decides_whatever_single_answers_were(least, status, verdict, half_right, folder):
    result = folder.run("-k", "capitals", *half_right, "--min-accuracy", least)
    assert result.ret == status
    sign = ">=" if verdict == "passed" else "<"
    result.stdout.fnmatch_lines(
        [
            f"gate {verdict}: capitals mock-script accuracy 0.5000 {sign} {least} (--min-accuracy)",
            "=* 2 failed, 2 passed in *",
        ]
    )


def test_a_failure_of_an_ordinary_test_is_never_hidden_by_the_gate(half_right, folder):
    folder.write("test_other.py", "def test_other(): assert 0")
    result = folder.run("-k", "capitals or other", *half_right, "--min-accuracy", "0.5")
    result.stdout.fnmatch_lines(["gate passed: *"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_expected_failures_do_not_make_room_for_others(half_right, folder):
    # pytest does not count them as failed: neither may the gate.
    text = (folder.path / "test_capitals.py").read_text()
    folder.write("test_capitals.py", text.replace("@pytest.mark.q", "@pytest.mark.xfail\n@pytest.mark.q"))
    folder.write("test_other.py", "def test_other(): assert 0")
    result = folder.run("-k", "capitals or other", *half_right, "--min-accuracy", "0.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_passing_ordinary_test_changes_nothing(half_right, folder):
    folder.write("test_other.py", "def test_other(): pass")
    assert folder.run("-k", "capitals or other", *half_right, "--min-accuracy", "0.5").ret == 0


def test_every_benchmark_and_model_must_pass(half_right, folder):
    folder.own_benchmark("rivers")
    options = ("-k", "capitals or rivers", *half_right, "--model", "mock/A", "--min-accuracy", "0.5")
    folder.scripted(*"ABAB")
    result = folder.run(*options)
    # The script knows nothing of rivers: errors, so no headline number, so no pass.
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "gate passed: capitals mock-script *",
            "gate passed: capitals mock-A accuracy 1.0000 >= 0.5 (--min-accuracy)",
            "gate failed: rivers mock-script has no headline accuracy: 4 of 4 cases *",
            "gate passed: rivers mock-A *",
        ]
    )


def test_a_gate_of_0_still_wants_a_number(folder):
    folder.own_benchmark()
    result = folder.run("-k", "capitals", "--model", folder.scripted("A"), "--min-accuracy", "0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["gate failed: capitals mock-script has no headline accuracy: *"])


def test_a_selection_that_is_empty_passes_no_gate(folder):
    assert (
        folder.run("-k", "nothing_like_this", "--min-accuracy", "0").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    )


@pytest.mark.parametrize("least", ["65", "-0.1", "nan"])
def test_a_gate_is_a_share_from_0_to_1(least, folder):
    said = folder.refused("--min-accuracy", least)
    assert said == f"--min-accuracy {least}: give a share from 0 to 1, such as 0.65."


def test_a_gate_never_turns_an_interrupted_or_broken_session_into_a_pass():
    session: Any = SimpleNamespace(testsfailed=0, exitstatus=pytest.ExitCode.OK)
    passed: Any = SimpleNamespace(passes=lambda *, failed: True)
    assert exit_status(session, passed) == pytest.ExitCode.OK
    for broken in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
        session.exitstatus = broken
        assert exit_status(session, passed) == broken


# -- a run that did not come to its end ------------------------------------------------------------------------------


@pytest.fixture
def costly(folder):
    """Four right answers at 30 cents each, and the options that ask for them one after another."""
    folder.own_benchmark()
    reply = {"completion": "A", "usage": {"input_tokens": 10, "output_tokens": 1, "cost_usd": 0.3}}
    return "-k", "capitals", "--model", folder.scripted(*[reply] * 4), "--concurrency", "1"


@pytest.mark.parametrize("gate", [("--min-accuracy", "0"), ()], ids=["gate", "no gate"])
def test_what_there_was_no_money_for_is_no_success(gate, costly, folder):
    # All that were asked are right: half of the questions, and the first half, which is no fair sample.
    result = folder.run(*costly, *gate, "--max-cost", "0.7")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    why = "the run stopped at --max-cost after 2 of 4 cases"
    assert (folder.entry()["headline"], folder.entry()["why_no_headline"]) == (False, why)
    assert folder.entry()["accuracy"] == 1.0
    (classic,) = (folder.path / "reports").glob("capitals_*_latest.json")
    assert json.loads(classic.read_text())["overall_score"] is None
    assert "n = 2" not in result.stdout.str()
    if gate:
        result.stdout.fnmatch_lines([f"gate failed: capitals mock-script has no headline accuracy: {why}"])
    assert folder.run(*costly, *gate, "--max-cost", "1.3").ret == pytest.ExitCode.OK
    assert folder.entry()["headline"]


def test_one_model_that_there_was_no_money_for_fails_the_gate_for_all(costly, folder):
    result = folder.run(*costly, "--model", "mock/A", "--max-cost", "0.7", "--min-accuracy", "0.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["gate failed: capitals mock-script *", "gate *: capitals mock-A *"])


@pytest.mark.parametrize("parameter", ["", '@pytest.mark.parametrize("way", ["x"])\n'])
def test_a_run_that_was_ended_early_has_no_headline(parameter, half_right, folder):
    folder.own_benchmark(after='if question.id.endswith("2"): pytest.exit("enough", returncode=0)')
    text = (folder.path / "test_capitals.py").read_text()
    text = text.replace("@pytest.mark.q", f"{parameter}@pytest.mark.q")
    folder.write("test_capitals.py", text.replace("solver):", "solver, way):") if parameter else text)
    result = folder.run("-k", "capitals", *half_right, "--min-accuracy", "0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["gate failed: capitals mock-script has no headline accuracy: the run was stopped after 2 of 4 cases"]
    )


def test_what_a_mark_skips_is_not_missing(half_right, folder):
    # The user left it out, and did so knowingly.
    folder.own_benchmark(before='if question.id.endswith(("1", "3")): pytest.skip("too hard")')
    assert folder.run("-k", "capitals", *half_right, "--min-accuracy", "1").ret == pytest.ExitCode.OK
