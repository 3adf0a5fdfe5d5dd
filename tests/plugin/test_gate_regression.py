"""--baseline and --max-regression: a run passes if it is ruled out that it is worse by more than that."""

from __future__ import annotations

import pytest


def asked(folder, right, of=2000):
    """Let the model get so many right, and return the options that ask it."""
    folder.own_benchmark(count=of)
    return "-k", "capitals", "--model", folder.scripted(*("A" * right), *("B" * (of - right)))


@pytest.fixture
def before(folder):
    """A run of 2,000 questions, 1,400 of them right."""
    folder.run(*asked(folder, 1400))
    return folder.run_folder().name


GATE = ("--baseline", "latest", "--max-regression", "0.01")


@pytest.mark.parametrize(
    ("right", "status", "verdict"),
    [
        (
            1400,
            0,
            "gate passed: capitals mock-script is not worse by more than 0.01: difference +0.0000 on 2,000 *",
        ),
        (
            1395,
            0,
            "gate passed: capitals mock-script is not worse by more than 0.01: difference -0.0025 on 2,000 *",
        ),
        (1383, 1, "gate failed: that capitals mock-script is worse by more than 0.01 is not ruled out: *"),
        (
            1300,
            1,
            "gate failed: capitals mock-script is worse by more than 0.01: difference -0.0500 on 2,000 *",
        ),
    ],
)
def test_a_regression_is_ruled_out_or_not(right, status, verdict, before, folder):
    result = folder.run(*asked(folder, right), *GATE)
    assert result.ret == status
    result.stdout.fnmatch_lines(
        [
            f"=* capitals mock-script: against {before} =*",
            "baseline: mock-script * 2,000 * 0.700 *",
            "difference (second ? first): *",
            verdict,
        ]
    )
    result.stdout.fnmatch_lines([f"*(--max-regression 0.01, baseline {before})*"])


def test_workers_come_to_the_same_verdict(before, folder):
    result = folder.run_apart(*asked(folder, 1395), *GATE, "-n", "2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["gate passed: * difference -0.0025 on 2,000 common questions, *"])


def test_few_equal_answers_rule_nothing_out(folder):
    folder.run(*asked(folder, 30, of=40))
    result = folder.run(*asked(folder, 30, of=40), *GATE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["gate failed: * is not ruled out: *; of equal models, about * questions show it"]
    )


def test_both_gates_must_pass(before, folder):
    options = asked(folder, 1400)
    assert folder.run(*options, *GATE, "--min-accuracy", "0.69").ret == 0
    assert folder.run(*options, *GATE, "--min-accuracy", "0.71").ret == 1


def test_only_the_common_questions_count(before, folder):
    folder.own_benchmark(count=1500)
    result = folder.run("-k", "capitals", "--model", "mock-script", *GATE)
    result.stdout.fnmatch_lines(["*left out: 500 questions that not all of them have.", "gate passed: *"])
    assert result.ret == 0


def test_a_run_that_was_broken_off_is_no_latest_baseline(before, folder):
    options = asked(folder, 1400)
    folder.run(*options, "-x")
    result = folder.run(*options, *GATE)
    result.stdout.fnmatch_lines([f"*baseline {before})*"])


def test_without_a_gate_the_comparison_is_shown_and_decides_nothing(before, folder):
    result = folder.run(*asked(folder, 1300), "--baseline", before)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"=* against {before} =*"])
    result.stdout.no_fnmatch_line("gate *")


def test_published_scores_of_an_unknown_benchmark_are_a_sentence(folder):
    result = folder.run(*asked(folder, 4, of=4), "--baseline", "published")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["no published score of capitals is known here."])


def test_a_baseline_that_is_not_there_is_refused_before_anything_is_asked(folder):
    options = asked(folder, 4, of=4)
    assert folder.refused(*options, "--baseline", "nightly") == (
        "nightly: no such run; give a run folder, the id of a run under reports, or latest."
    )
    assert folder.refused(*options, "--baseline", "latest") == (
        "baseline latest: there is no finished run with a headline accuracy under reports besides; name one."
    )


def test_a_baseline_of_another_model_is_that_of_the_benchmark(before, folder):
    folder.own_benchmark(count=2000)
    result = folder.run("-k", "capitals", "--model", "mock/A", *GATE)
    result.stdout.fnmatch_lines(
        ["gate passed: capitals mock-A is not worse by more than 0.01: difference +0.3000 *"]
    )
    assert result.ret == 0
