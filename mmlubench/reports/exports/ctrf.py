"""A CTRF report (Common Test Report Format, https://ctrf.io): every case a test, for CI pages and chat messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import IO, Any

from mmlubench import figures
from mmlubench.jsonl import encoded
from mmlubench.printable import printable
from mmlubench.reports.exports.export import Export, Made
from mmlubench.reports.exports.logged import LoggedRun
from mmlubench.reports.exports.scored import MOCK, Scored, our_version, scored, started
from mmlubench.schema import Entry, Outcome

_SPEC_VERSION = "1.0.0"
#: An outcome without a reply is neither a pass nor a failure of the model.
_STATUS = {Outcome.CORRECT: "passed", Outcome.SKIPPED: "skipped", Outcome.ERROR: "other"}
_STATUSES = ("passed", "failed", "skipped", "pending", "other")


def _files(run: LoggedRun) -> Iterable[Made]:
    yield Made("ctrf-report.json", partial(_write, run))


def _write(run: LoggedRun, file: IO[bytes]) -> None:
    file.write(encoded(report(run)))


def report(run: LoggedRun) -> dict[str, Any]:
    """Return the report of a run."""
    results = scored(run)
    mocks = {one.label for one in results if one.summary.mock}
    tests = [_test(entry, is_mock=entry.model in mocks) for entry in run.entries()]
    counts: Counter[str] = Counter(test["status"] for test in tests)
    began = round(started(run.manifest).timestamp() * 1_000)
    lasted = round(max((one.summary.duration_s for one in results), default=0.0) * 1_000)
    return {
        "reportFormat": "CTRF",
        "specVersion": _SPEC_VERSION,
        "timestamp": started(run.manifest).isoformat(),
        "generatedBy": "mmlubench",
        "results": {
            "tool": {"name": "mmlubench", "version": our_version()},
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in _STATUSES},
                "start": began,
                "stop": began + lasted,
            },
            "tests": tests,
        },
        "extra": {"run_id": run.run_id, "results": [_result(one) for one in results]},
    }


def _result(one: Scored) -> Mapping[str, Any]:
    summary = one.summary
    shown = (
        f"{figures.share(one.accuracy)} (95 % CI {figures.interval(summary.ci95)}, n = {summary.answered:,})"
    )
    why = f"no headline accuracy: {summary.why_no_headline}"
    return {**one.facts, "text": shown if one.accuracy is not None else why}


def _test(entry: Entry, *, is_mock: bool) -> dict[str, Any]:
    found = {
        "name": f"{entry.id} [{', '.join(filter(None, (entry.model, entry.recipe)))}]",
        "status": _STATUS.get(entry.outcome, "failed"),
        "duration": round(entry.latency_s * 1_000),
        "rawStatus": entry.outcome.value,
        "suite": [part for part in (entry.benchmark, entry.category, entry.subject) if part],
        "retries": max(0, entry.requests - 1) if entry.outcome is Outcome.ERROR else 0,
    }
    if is_mock:
        found["tags"] = [MOCK]
    if entry.outcome is Outcome.ERROR:
        found["message"] = printable(entry.error)
    elif entry.outcome not in (Outcome.CORRECT, Outcome.SKIPPED):
        found["message"] = (
            f"{entry.outcome.value}: answered {entry.prediction or 'no letter'}, right is {entry.answer}"
        )
    return found


CTRF = Export(files=_files, mark=b'"generatedBy":"mmlubench"')
