"""Redaction: API keys are masked in reports of tests, where `--showlocals` or captured output may show them.

Reports are redacted in the process that makes them, before xdist, junit.xml or the terminal sees them. Errors of
providers never hold keys; this is for errors in tests and fixtures, whose messages and variables may hold them.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from mmlubench.models.secrecy import Mask, noted, secrets
from mmlubench.plugin.private_pytest import TerminalRepr
from mmlubench.schema import Outcome


class Redaction:
    """The plugin object that redacts reports in one process; its hook methods have pytest's names."""

    def __init__(self) -> None:
        self._mask = Mask(())
        self._noted = -1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Called by pytest for each phase of a test."""
        return self.redacted((yield))

    def redacted(self, report: pytest.TestReport) -> pytest.TestReport:
        """Mask all secrets in the report of a test, and return it."""
        if not report.passed or report.sections:
            self._hide_in(report)
            # Only the record of an error holds an error message, which may hold a key.
            if getattr(report, "mmlubench", Outcome.ERROR.value) == Outcome.ERROR.value:
                report.user_properties = self.hidden(report.user_properties)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Called by pytest for each file."""
        report = yield
        if not report.passed or report.sections:
            self._hide_in(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: TerminalRepr) -> None:
        """Called by pytest when a plugin fails."""
        self.hidden(excrepr)

    def hidden(self, value: Any) -> Any:
        """Return a value with all secrets in its texts masked, however deep; pytest's own objects are changed."""
        if noted() != self._noted:
            self._noted, self._mask = noted(), Mask(secrets(os.environ))
        return self._hidden(value)

    def _hide_in(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        report.longrepr = self.hidden(report.longrepr)
        report.sections = self.hidden(report.sections)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._mask.text(value)
        if isinstance(value, bytes):
            return self._mask.raw(value)
        if isinstance(value, dict):
            return {name: self._hidden(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._hidden(inner) for inner in value]
        if isinstance(value, tuple):
            return tuple(self._hidden(inner) for inner in value)
        if isinstance(value, TerminalRepr):
            for name, inner in vars(value).items():
                setattr(value, name, self._hidden(inner))
        return value
