"""A report: a file with a line for each case, and a line on the screen."""

from __future__ import annotations

from collections.abc import Iterable

from mmlubench import Report
from mmlubench.reports.report import File, FinishedRun, Screen, Section


def _files(run: FinishedRun) -> Iterable[File]:
    yield File("acme.csv", "".join(f"{case.id},{case.outcome}\n" for case in run.entries()))


def _sections(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    yield Section("acme", [f"{len(list(run.entries()))} cases went to acme.csv"])


CSV = Report(_files, _sections)
