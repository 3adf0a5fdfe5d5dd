"""The page as a report: `report.html` in every run folder."""

from __future__ import annotations

from collections.abc import Iterable

from mmlubench.records import BROKEN_OFF, FINISHED
from mmlubench.reports.page.page import page
from mmlubench.reports.page.shown import PageRun
from mmlubench.reports.report import File, FinishedRun, Report

NAME = "report.html"
#: The value of `--report-page` with which no page is written.
NONE = "none"


def _files(run: FinishedRun) -> Iterable[File]:
    wanted = str(run.manifest.settings.get("report_page") or "")
    if wanted == NONE:
        return
    state = run.manifest.state if run.manifest.state == BROKEN_OFF else FINISHED
    shown = PageRun(run.manifest, run.summary, list(run.entries()), run.path, state)
    yield File(NAME, page([shown], wanted))


PAGE = Report(files=_files)
