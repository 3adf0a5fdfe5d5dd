"""The JUnit report (`--junitxml`) says what the exit status says: a gate that passes has no failures beside it.

A CI reads a `<failure>` as a broken test, but with `--min-accuracy` some answers may be wrong. So if the gate passes,
each wrong answer is told in the `<system-out>` of its test case, and each unanswered question is `<skipped>`; if it
fails, it is a failed test case of its own. The figures are properties of the suite, which every dialect of JUnit has.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pytest

from mmlubench.plugin.private_pytest import JunitFile
from mmlubench.run.ledger import Ledger
from mmlubench.schema import Outcome
from mmlubench.stats.summary import Summary


class Junit:
    """What the report says of one run. `file` is pytest's own writer of the report."""

    def __init__(self, file: JunitFile) -> None:
        self._file = file
        self._failed: list[tuple[Any, str, str]] = []
        """The test case of each case that failed, its outcome, and a sentence about it."""

    def note(self, report: pytest.TestReport) -> None:
        """Note a case that is about to be written as a failure."""
        outcome = getattr(report, "mmlubench", None)
        if outcome is not None and report.failed:
            self._failed.append((self._file.case_of(report), outcome, report.longreprtext))

    def finish(self, ledger: Ledger, *, passed: bool) -> None:
        """Write the figures, and make the test cases agree with the exit status; `passed` says that it is 0."""
        for summary in ledger.records.summary:
            for name, value in _figures(summary):
                who = (summary.benchmark, summary.model, summary.recipe)
                self._file.add_property(".".join(("mmlubench", *who, name)), value)
        verdicts = ledger.verdicts()
        for verdict in verdicts:
            self._file.add_property("mmlubench.gate", verdict.text)
            if not verdict.passed:
                self._file.add_case(_failed_gate(verdict.text), "failure")
        if passed and (verdicts or ledger.shard_line):  # the answers of a shard are judged by the merge
            for case, outcome, text in self._failed:
                self._file.change(case, partial(_pass, outcome, text))


def _figures(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "n", str(summary.n)
    if summary.headline and summary.accuracy is not None:
        yield "accuracy", f"{summary.accuracy:.6g}"
        if summary.ci95 is not None:
            yield "ci95", "-".join(f"{end:.4f}" for end in summary.ci95)
    else:
        yield "no_headline", summary.why_no_headline or "no answers"
    yield "mock", str(summary.mock).lower()


def _failed_gate(text: str) -> Element:
    case = Element("testcase", classname="mmlubench", name="gate", time="0.000")
    SubElement(case, "failure", message=text).text = text
    return case


def _pass(outcome: str, text: str, case: Element) -> str:
    """Change the element of a failed case into one that is no failure; return what it counts as."""
    for tag in ("failure", "error"):
        for child in case.findall(tag):
            case.remove(child)
    if outcome == Outcome.ERROR:
        SubElement(case, "skipped", type="mmlubench.error", message=text)
        return "skipped"
    told = case.find("system-out")
    told = SubElement(case, "system-out") if told is None else told
    told.text = "\n".join(filter(None, (f"{outcome}: {text}", told.text)))
    return "passed"
