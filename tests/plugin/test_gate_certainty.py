"""--gate-confidence: a gate that wants certainty, and says how many more questions would bring it."""

from __future__ import annotations

import pytest


def asked(folder, right, of=100):
    """A benchmark of which a model gets so many right, and the options that ask it."""
    folder.own_benchmark(count=of)
    return "-k", "capitals", "--model", folder.scripted(*("A" * right), *("B" * (of - right)))


@pytest.mark.parametrize(
    ("least", "status", "line"),
    [
        (
            "0.6",
            0,
            "gate passed: capitals mock-script accuracy 0.7000, one-sided 95 % bound 0.6202 (*accuracy 0.6)",
        ),
        (
            "0.8",
            1,
            "gate failed: capitals mock-script accuracy 0.7000, one-sided 95 % bound 0.7693 (*accuracy 0.8)",
        ),
        (
            "0.65",
            1,
            "gate undecided: capitals mock-script accuracy 0.7000, one-sided 95 % bounds 0.6202 and 0.7693 "
            "(--min-accuracy 0.65): about 147 more questions (--gate-confidence)",
        ),
        ("0.7", 1, "gate undecided: *: no number of questions would decide it (--gate-confidence)"),
    ],
)
def test_a_gate_passes_fails_or_says_what_it_lacks(least, status, line, folder):
    options = asked(folder, right=70)
    result = folder.run(*options, "--min-accuracy", least, "--gate-confidence", "0.95")
    assert result.ret == status
    result.stdout.fnmatch_lines([line])


def test_as_many_questions_as_it_asks_for_decide_it(folder):
    # 147 more of the same accuracy: 173 of 247 are right.
    options = asked(folder, right=173, of=247)
    result = folder.run(*options, "--min-accuracy", "0.65", "--gate-confidence", "0.95")
    result.stdout.fnmatch_lines(["gate passed: * accuracy 0.7004, one-sided 95 % bound 0.65*"])
    assert result.ret == 0


def test_scores_of_epochs_have_the_bound_of_their_spread(folder):
    options = asked(folder, right=70)
    more = ("--epochs", "2", "--temperature", "1", "--min-accuracy", "0.6", "--gate-confidence", "0.95")
    folder.run(*options, *more).stdout.fnmatch_lines(
        ["gate passed: * accuracy 0.7000, one-sided 95 % bound 0.62*"]
    )


def test_undecided_is_a_failed_gate_in_the_junit_report(folder):
    options = asked(folder, right=70)
    result = folder.run(
        *options, "--min-accuracy", "0.65", "--gate-confidence", "0.95", "--junitxml", "junit.xml"
    )
    assert result.ret == 1
    assert (
        'name="gate" time="0.000"><failure message="gate undecided: '
        in (folder.path / "junit.xml").read_text()
    )
