"""`--min-accuracy`: the gate that decides the exit status in CI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest


class Verdict(NamedTuple):
    """What the gate says of one benchmark and model."""

    passed: bool
    text: str


class Gate:
    """Passes when every benchmark and model has a headline accuracy of at least `least`; None is no gate."""

    def __init__(self, least: float | None) -> None:
        self._least = least

    def verdicts(self, entries: Iterable[Mapping[str, Any]]) -> list[Verdict]:
        """One sentence for each benchmark and model; none without a gate."""
        return [] if self._least is None else [self._verdict(entry, self._least) for entry in entries]

    def exit_status(
        self,
        session: pytest.Session,
        entries: Sequence[Mapping[str, Any]],
        graded: int,
        finished: bool,
    ) -> int:
        """The exit status of the session, `graded` cases of which failed; `finished` if none is missing.

        Only the verdict on answers is the gate's: real failures stay failures.
        """
        if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not entries:
            return int(session.exitstatus)
        if self._least is None:
            passed = session.exitstatus == pytest.ExitCode.OK
        else:
            others_failed = session.testsfailed > graded
            passed = all(verdict.passed for verdict in self.verdicts(entries)) and not others_failed
        # What there was no money for is skipped, which pytest itself takes for success.
        return int(pytest.ExitCode.OK if passed and finished else pytest.ExitCode.TESTS_FAILED)

    def _verdict(self, entry: Mapping[str, Any], least: float) -> Verdict:
        who = f"{entry['benchmark']} {entry['model']}"
        if not entry["headline"]:
            return Verdict(False, f"gate failed: {who} has no headline accuracy: {entry['why_no_headline']}")
        accuracy = entry["accuracy"]
        passed = accuracy >= least
        shown = f"{accuracy:.4f}"
        if (float(shown) >= least) != passed:  # rounded, it would contradict the verdict
            shown = f"{accuracy:.6f}"
        word, sign = ("passed", ">=") if passed else ("failed", "<")
        return Verdict(passed, f"gate {word}: {who} accuracy {shown} {sign} {least:g} (--min-accuracy)")
