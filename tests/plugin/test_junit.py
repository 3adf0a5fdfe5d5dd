"""The JUnit report agrees with the exit status, and has the figures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

REPLIES = ("Answer: A", "Answer: B", "Answer: A", "Answer: A")


class Suite:
    """What a CI reads in a JUnit report."""

    def __init__(self, path):
        (self.element,) = ET.parse(path).iter("testsuite")
        self.counts = {
            name: int(self.element.get(name)) for name in ("tests", "failures", "errors", "skipped")
        }
        self.properties = {p.get("name"): p.get("value") for p in self.element.find("properties")}
        self.cases = {case.get("name"): case for case in self.element.iter("testcase")}

    def told(self, tag):
        return [case.find(tag) for case in self.cases.values() if case.find(tag) is not None]


@pytest.fixture
def suite(folder):
    folder.own_benchmark(count=4)
    model = folder.scripted(*REPLIES)

    def run(*arguments):
        result = folder.run("-k", "capitals", "--model", model, "--junitxml=out.xml", *arguments)
        return result.ret, Suite(folder.path / "out.xml")

    return run


def test_with_a_gate_that_passes_a_wrong_answer_is_no_failure_but_visible(suite):
    status, found = suite("--min-accuracy", "0.5")
    assert status == 0
    assert found.counts == {"tests": 4, "failures": 0, "errors": 0, "skipped": 0}
    assert [told.text for told in found.told("system-out")] == [
        "wrong: answered B (rule: answer_cue), right is A"
    ]
    who = "mmlubench.capitals.mock-script.zero_shot."
    assert found.properties == {
        who + "n": "4",
        who + "accuracy": "0.75",
        who + "ci95": "0.3006-0.9544",
        who + "mock": "true",
        "mmlubench.gate": "gate passed: capitals mock-script accuracy 0.7500 >= 0.5 (--min-accuracy)",
    }


def test_a_gate_that_fails_is_a_failure_of_its_own(suite):
    status, found = suite("--min-accuracy", "0.9")
    assert status == 1
    assert found.counts == {"tests": 5, "failures": 2, "errors": 0, "skipped": 0}
    said = "gate failed: capitals mock-script accuracy 0.7500 < 0.9 (--min-accuracy)"
    assert found.cases["gate"].find("failure").get("message") == said


def test_a_shard_whose_answers_are_for_the_merge_to_judge_has_no_failures(suite):
    status, found = suite("--num-shards", "1", "--shard-id", "0", "--min-accuracy", "0.9")
    assert status == 0
    assert found.counts == {"tests": 4, "failures": 0, "errors": 0, "skipped": 0}
    assert len(found.told("system-out")) == 1


def test_without_a_gate_a_wrong_answer_is_a_failure(suite):
    status, found = suite()
    assert status == 1
    assert found.counts == {"tests": 4, "failures": 1, "errors": 0, "skipped": 0}


def test_an_unanswered_question_is_skipped_where_the_gate_passes(folder):
    folder.own_benchmark(count=4)
    model = folder.scripted("Answer: A", None, "Answer: A", "Answer: A")
    gate = ("--min-accuracy", "0.5", "--max-error-rate", "0.5")
    result = folder.run("-k", "capitals", "--model", model, "--junitxml=out.xml", *gate)
    assert (result.ret, folder.outcomes()[1]) == (0, "error")
    found = Suite(folder.path / "out.xml")
    assert found.counts == {"tests": 4, "failures": 0, "errors": 0, "skipped": 1}
    (skipped,) = found.told("skipped")
    assert "0001" in skipped.get("message")


def test_a_failure_of_another_test_stays_one(suite, folder):
    folder.write("test_other.py", "def test_capitals_of_others(): assert 1 == 2\n")
    status, found = suite("--min-accuracy", "0.5")
    assert status == 1
    assert found.counts["failures"] == 2
    assert found.cases["test_capitals_of_others"].find("failure") is not None
