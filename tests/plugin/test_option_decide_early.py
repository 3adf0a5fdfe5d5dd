"""--decide-early: a gate that is clear after few questions ends the run, rightly, without flattering the accuracy."""

from __future__ import annotations

import pytest


def asked(folder, right, of=1_000):
    """A benchmark of which a model gets so many of each thousand right, in no order."""
    folder.own_benchmark(count=of)
    replies = ["A" if n * 7919 % 1_000 < right else "B" for n in range(of)]
    return "-k", "capitals", "--concurrency", "4", "--model", folder.scripted(*replies)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize(("right", "status", "word"), [(850, 0, "passed"), (450, 1, "failed")])
def test_a_distant_gate_is_decided_after_few_questions(folder, right, status, word, workers):
    options = (*asked(folder, right), "--min-accuracy", "0.65", "--decide-early", *workers)
    result = folder.run_apart(*options)
    entry = folder.entry()
    assert result.ret == status
    assert entry["n"] < 400
    assert entry["saved"] == 1_000 - entry["n"]
    result.stdout.fnmatch_lines(
        [f"gate {word}: * 0.65 * in all 1,000 questions, with 95 % confidence, after {entry['n']} of them*"]
    )
    low, high = entry["ci95_benchmark"]
    assert low < right / 1_000 < high
    assert high - low > entry["ci95"][1] - entry["ci95"][0]  # it holds although the end was chosen
    assert any("the asking ended as soon as the gate was decided" in line for line in entry["warnings"])


def test_a_gate_that_only_all_questions_decide(folder):
    result = folder.run(*asked(folder, 650), "--min-accuracy", "0.65", "--decide-early")
    assert result.ret == 0
    assert folder.entry()["n"] + folder.entry()["saved"] == 1_000
    result.stdout.fnmatch_lines(["gate passed: capitals mock-script accuracy >= 0.65 *"])


def test_a_sample_that_does_not_decide_is_no_verdict(folder):
    result = folder.run(*asked(folder, 660), "--limit", "60", "--min-accuracy", "0.65", "--decide-early")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["gate undecided: * of 60 questions does not tell, with 95 % confidence, * all 1,000 *"]
    )


def test_a_gate_of_few_questions_is_decided_by_all_of_them(folder):
    folder.own_benchmark(count=3)
    result = folder.run("-k", "capitals", "--model", "mock/A", "--min-accuracy", "0.66", "--decide-early")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["gate passed: * 1.0000; no fewer than all questions decided it"])


def test_the_interval_does_not_contradict_the_verdict(folder):
    folder.run(*asked(folder, 850), "--concurrency", "64", "--min-accuracy", "0.75", "--decide-early")
    assert folder.entry()["ci95_benchmark"][0] >= 0.75


def test_more_confidence_takes_more_questions(folder):
    options = (*asked(folder, 850), "--min-accuracy", "0.65", "--decide-early")
    folder.run(*options)
    usual = folder.entry()["n"]
    folder.run(*options, "--gate-confidence", "0.999").stdout.fnmatch_lines(
        ["gate passed: *with 99.9 % confidence*"]
    )
    assert folder.entry()["n"] > usual


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--decide-early decides the gate of --min-accuracy X: give both, or none."),
        (
            ("--min-accuracy", "0.5", "--until", "0.01"),
            "--decide-early and --until both say when enough was asked: give one of them.",
        ),
        (
            ("--min-accuracy", "0.5", "--epochs", "3"),
            "--decide-early counts right and wrong answers, and --epochs 3 makes scores of them: leave one of them "
            "out, or give --until X.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(folder, options, said):
    folder.own_benchmark()
    assert folder.refused("-k", "capitals", "--model", "mock/A", "--decide-early", *options) == said
