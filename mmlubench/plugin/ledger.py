"""The single writer: records from cases, here or in workers, become the run's files and the table on the screen."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from mmlubench.plugin.progress import Progress
from mmlubench.records import Manifest
from mmlubench.reports.report import RunRecords, Screen, files, reports, sections
from mmlubench.run.folder import RunFolder
from mmlubench.run.gate import Gate
from mmlubench.run.manifest import manifest
from mmlubench.schema import Outcome, Result, Usage
from mmlubench.stats import Summary, Thresholds, summarize
from mmlubench.stats.metrics import metrics

if TYPE_CHECKING:
    from mmlubench.plugin.process import Bench

#: Positions after every case's: what was answered but not graded goes to the end of the logs.
_LAST = sys.maxsize


class Ledger:
    """Keeps one run. Raises UserError if the run folder cannot be made, or a metric or report cannot be loaded."""

    def __init__(self, config: pytest.Config, bench: Bench) -> None:
        metrics(), reports()  # one that cannot be loaded must be told before anything is paid for
        self._config = config
        self._bench = bench
        self._started = time.perf_counter()
        self._folder = RunFolder(
            bench.settings.run_dir, mock=any(self._is_mock(label) for label in bench.roster.specs)
        )
        self._results: dict[tuple[str, str], list[Result]] = {}
        self._places: dict[tuple[str, str], list[int]] = {}
        """Where in the run each of these results belongs: workers send them in another order."""
        self._benchmark_of: dict[str, str] = {}
        self._crashed: list[str] = []
        self._stored: Counter[tuple[str, str]] = Counter()
        """Requests that the store answered."""
        self._unasked: Counter[tuple[str, str]] = Counter()
        """Cases that were not asked any more, since what was allowed is spent."""
        self._why_unasked = ""
        self._failed = 0
        """How many cases pytest counts as failed."""
        self._data: dict[str, Any] = bench.facts()
        self._failed_reports: list[str] = []
        self._gate = Gate(bench.settings.min_accuracy)
        self.progress = Progress(config.pluginmanager.get_plugin("terminalreporter"), len(bench.cases))
        self.records = RunRecords(self._manifest(), (), ())
        """What reports are made of: the manifest at first, and all of it when the run is over."""
        self._folder.write_json("manifest.json", self.records.manifest.to_dict())

    # -- while the run goes on -----------------------------------------------------------------------------------

    def take(self, report: pytest.TestReport, record: Mapping[str, Any]) -> None:
        """Keep one case's record."""
        lines = {"requests": record["requests"], "responses": record["responses"]}
        self._data.update(record["facts"])
        if record["result"] is not None:
            # As pytest counts: a case marked xfail that is answered wrong is no failed one.
            self._failed += report.failed and not hasattr(report, "wasxfail")
            lines["results"] = orjson.dumps(record["result"], option=orjson.OPT_APPEND_NEWLINE)
            result = Result.from_dict(record["result"])
            self._benchmark_of.setdefault(report.nodeid.partition("[")[0], result.benchmark)
            self._count(result, record)
            if record["debate"]:
                self._folder.append_entry(debate_name(result), record["order"], record["debate"])
        self._folder.append(record["order"], lines)

    def tick(self) -> None:
        """Called a few times a second: show where the run stands, also while nothing comes."""
        self.progress.waiting = self._bench.roster.waiting()
        capture = self._config.pluginmanager.getplugin("capturemanager")
        # The first case runs as pytest runs any: what is shown while it waits would pass for that case's own output.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            self.progress.show()

    def keep(self, ungraded: Iterable[tuple[bytes, bytes]]) -> None:
        """Log what was asked, and may have to be paid for, but never graded because the run was stopped."""
        for requests, responses in ungraded:
            self._folder.append(_LAST, {"requests": requests, "responses": responses})

    def crashed(self, report: pytest.TestReport) -> None:
        """A worker died while it ran this test; if it was a case, that is an error of the case."""
        if self._label_in(report.nodeid):
            self._crashed.append(report.nodeid)
            self._failed += 1
            report.mmlubench = Outcome.ERROR.value  # type: ignore[attr-defined]  # extra attributes are allowed

    def _count(self, result: Result, record: Mapping[str, Any]) -> None:
        who = result.benchmark, result.model
        self._results.setdefault(who, []).append(result)
        self._places.setdefault(who, []).append(record["order"])
        self._stored[who] += record["stored"]
        self._unasked[who] += bool(record["unasked"])
        self._why_unasked = self._why_unasked or record["unasked"]
        self.progress.add(result.outcome, result.requests - record["stored"], record["spent_usd"])

    @property
    def is_blank(self) -> bool:
        """Whether no case came, not even one that crashed."""
        return self._folder.is_blank and not self._crashed

    # -- at the end ----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Reckon the figures, then write everything that is written at the end. Raises OSError."""
        self.progress.clear()
        for who, places in self._places.items():
            self._results[who] = _in_order(self._results[who], places)
        crashed = [self._crash_result(nodeid) for nodeid in self._crashed]
        for result in crashed:
            self._results.setdefault((result.benchmark, result.model), []).append(result)
        duration = round(time.perf_counter() - self._started, 3)
        summaries = [self._summary(*who, results, duration) for who, results in self._results.items()]
        self.records = RunRecords(self._manifest(), summaries, self._results.values())
        for result in crashed:
            line = orjson.dumps(result.to_dict(), option=orjson.OPT_APPEND_NEWLINE)
            self._folder.append(_LAST, {"results": line})
        self._folder.close()
        self._folder.write_json("manifest.json", self.records.manifest.to_dict())
        made, self._failed_reports = files(self.records)
        for file in made:
            self._folder.write_file(file)

    def discard(self) -> None:
        """Leave nothing behind of a run in which nothing was asked."""
        self._folder.discard()

    def exit_status(self, session: pytest.Session) -> int:
        """The one of pytest, unless there is a gate: then the gate decides over wrong answers."""
        finished = not any(self._unfinished(*who, results) for who, results in self._results.items())
        return self._gate.exit_status(session, self.records.summary, self._failed, finished)

    def print_summary(self, reporter: pytest.TerminalReporter) -> None:
        """Print the table of every benchmark and model, the errors grouped by cause, and where everything is."""
        screen = Screen(reporter._tw.fullwidth, color=reporter.hasmarkup, ascii=not _is_utf8())
        for section in sections(self.records, screen):
            reporter.write_sep("=", section.title)
            for line in section.lines:
                reporter.write_line(line)
            for line in section.errors:
                reporter.write_line(line, red=True)
        for failure in self._failed_reports:
            reporter.write_line(failure, red=True)
        for verdict in self._gate.verdicts(self.records.summary):
            reporter.write_line(verdict.text, red=not verdict.passed, green=verdict.passed)
        reporter.write_line(f"run folder: {self._folder.path}")

    def _summary(self, benchmark: str, model: str, results: list[Result], duration_s: float) -> Summary:
        """Sum up one benchmark and model: the summary that all reports are made of."""
        bench, settings = self._bench, self._bench.settings
        asked = bench.roster.asked(model)
        dropped = dict.fromkeys(name for spec in asked for name in bench.strategy.dropped(spec))
        requests = sum(result.requests for result in results)
        summary = summarize(
            results,
            Thresholds(settings.max_error_rate, settings.max_unparsed_rate),
            # Of several agents each is another model.
            asked_model=asked[0].asked_model if len(asked) == 1 and not asked[0].is_mock else None,
            dropped=dict.fromkeys(dropped, requests),
            unfinished=self._unfinished(benchmark, model, results),
        )
        return summary.about(
            benchmark=benchmark,
            model=model,
            recipe=bench.strategy.name,
            scoring=bench.strategy.scoring.value,
            mock=self._is_mock(model),
            duration_s=duration_s,
            stored=self._stored[benchmark, model],
            notice=self._notice(benchmark),
        )

    def _is_mock(self, label: str) -> bool:
        return any(spec.is_mock for spec in self._bench.roster.asked(label))

    def _unfinished(self, benchmark: str, model: str, results: Sequence[Result]) -> str:
        """Why cases that were selected are missing, as half a sentence; empty where none is."""
        unasked = self._unasked[benchmark, model]
        selected = self._data.get(benchmark, {}).get("cases", {}).get(model, 0)
        done, of = len(results) - unasked, max(selected, len(results))
        if done == of:
            return ""
        if not unasked:
            return f"the run was stopped after {done:,} of {of:,} cases"
        stopped = f"the run stopped at --max-cost after {done:,} of {of:,} cases"
        goes_on = ": `mmlubench resume` goes on, and may spend as much again"
        return stopped + goes_on if self._bench.roster.has_store else stopped

    def _notice(self, benchmark: str) -> str:
        """What a reader of the figures must know: data that are not complete, money that was not enough."""
        notices = (self._data.get(benchmark, {}).get("notice", ""), self._why_unasked.rstrip("."))
        return "; ".join(filter(None, notices))

    def _crash_result(self, nodeid: str) -> Result:
        """What can be told of a case from its pytest id alone: `test_mmlu[claude-anatomy-0017]`."""
        test, _, case_id = nodeid.partition("[")
        label = self._label_in(nodeid)
        subject, _, row = case_id.rstrip("]").removeprefix(f"{label}-").rpartition("-")
        benchmark = self._benchmark_of.get(test) or test.rpartition("::")[2].removeprefix("test_")
        categories = (r.category for block in self._results.values() for r in block if r.subject == subject)
        return Result(
            id="/".join(filter(None, (benchmark, subject, row))),
            benchmark=benchmark,
            subject=subject,
            category=next(categories, ""),
            model=label,
            outcome=Outcome.ERROR,
            answer="",
            prediction=None,
            rule="",
            latency_s=0.0,
            usage=Usage(),
            error="the xdist worker that ran this case crashed",
        )

    def _label_in(self, nodeid: str) -> str:
        case_id = nodeid.partition("[")[2]
        labels = [
            label for label in self._bench.roster.specs if case_id.startswith((f"{label}-", f"{label}]"))
        ]
        return max(labels, key=len, default="")

    def _manifest(self) -> Manifest:
        return manifest(self._folder.run_id, self._config, self._bench, self._data)


def debate_name(result: Result) -> str:
    """Name the debate file of a benchmark and model, without its ending."""
    return "debate_" + re.sub(r"[^\w.-]+", "-", f"{result.benchmark}_{result.model}")


def _in_order(results: list[Result], places: list[int]) -> list[Result]:
    if all(earlier <= later for earlier, later in pairwise(places)):
        return results
    return [results[number] for number in sorted(range(len(results)), key=places.__getitem__)]


def _is_utf8() -> bool:
    return (getattr(sys.__stdout__, "encoding", None) or "").lower().replace("-", "") == "utf8"
