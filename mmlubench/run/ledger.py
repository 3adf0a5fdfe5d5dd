"""The ledger of a run, its only writer: it turns the records of cases into the files of the run folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from mmlubench.records import BROKEN_OFF, FINISHED, RUNNING, Manifest
from mmlubench.reports.report import RunRecords, each_file, reports
from mmlubench.run.entries import LAST, Entries, crashed_result
from mmlubench.run.exporting import exports
from mmlubench.run.folder import RunFolder
from mmlubench.run.gate import Gate, Verdict
from mmlubench.run.manifest import Invocation, manifest
from mmlubench.run.roster import OWN
from mmlubench.run.run import Run
from mmlubench.safe_names import safe_name
from mmlubench.schema import Entry
from mmlubench.settings import Settings
from mmlubench.stats.metrics import metrics

if TYPE_CHECKING:
    from mmlubench.stats.compare.pair import TwoResults
    from mmlubench.stats.compare.published import BesidePublished
    from mmlubench.stats.compare.result import Result

#: What the record of a case tells besides its result.
_ABOUT = ("stored", "batched", "unasked", "runs", "fingerprint", "not_sent")


class Ledger:
    """Writes one run. Raises UserError if its folder cannot be made, or a metric or report cannot be imported."""

    def __init__(self, run: Run, invocation: Invocation) -> None:
        metrics(), reports()  # so that one that cannot be imported fails before anything is paid for
        self._run = run
        self._invocation = invocation
        self._started = time.perf_counter()
        self._facts = run.facts()
        self._heard: dict[str, None] = {}
        """The models of the cases that came."""
        packed = run.settings.log_compression is not None
        # It reads the baseline, before there is a folder; gates are for the run that shards are put together to.
        self._gate = Gate(run.settings if run.shard is None else _ungated(run.settings), run.stopping)
        self._folder = RunFolder(run.place, mock=self._is_mock, packed=packed)
        self._known: dict[str, dict[str, tuple[str, str]]] = {}
        """Benchmark and recipe of each test function, by the part of a pytest id before the bracket and then by the end
        of the id, which names the test's own parameters."""
        self._crashed: list[str] = []
        self._state = RUNNING
        self.failed_cases = 0
        """The number of cases that the test runner counts as failed."""
        self.entries = Entries(run, self._facts)
        self.records = RunRecords(self._manifest(), (), (), self._folder.path)
        """The input of reports: only the manifest at first, everything once the run is over."""
        self.failed_reports: list[str] = []
        """A sentence for each report or export that failed."""
        self.exported: list[str] = []
        """A line for each export that was written."""
        self.shard_line = ""
        """What is to be said of a shard that is whole."""
        self.kept_files: list[str] = []
        """The files of earlier runs that those of this run did not replace."""
        self._folder.write_json("manifest.json", self.records.manifest.to_dict())

    # -- while the run goes on -----------------------------------------------------------------------------------

    def take(self, record: Mapping[str, Any], nodeid: str, *, failed: bool) -> Entry | None:
        """Write one case's record, and return its result; None for a test without a question. Raises OSError.

        A case that was not asked because the answers before are enough has no result either: it is only counted.

        Of a case that is run more than once the last result is kept, and all requests and responses.
        The result in the record is an Entry, or the dictionary of one that came from another process.
        """
        lines = {"requests": record["requests"], "responses": record["responses"]}
        self._facts.update(record["facts"])
        result = None
        if record["result"] is None:
            self._heard[self._label_in(nodeid)] = None
        else:
            self.failed_cases += failed
            told = record["result"]
            result, values = (
                (told, told.to_dict()) if isinstance(told, Entry) else (Entry.from_dict(told), told)
            )
            self._heard[result.model] = None
            known = self._known.setdefault(nodeid.partition("[")[0], {})
            known.setdefault(_own_parameters(nodeid, result), (result.benchmark, result.recipe))
            if record["saved"]:
                self.entries.save(result, record["order"])
                return None
            about = {name: record[name] for name in _ABOUT}
            anew = self.entries.add(result, record["order"], **about)
            if anew is not None:
                result, values = anew, anew.to_dict()
                self._folder.withdraw(record["order"])
            elif self._run.stopping.is_wanted:
                asking = (result.benchmark, result.model, result.recipe)
                self._run.stopping.note(result, self.entries.population(*asking))
            lines["results"] = orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
            if record["debate"]:
                self._folder.append_entry(debate_name(result), record["order"], record["debate"])
        self._folder.append(record["order"], lines)
        return result

    def log_ungraded(self, ungraded: Iterable[tuple[bytes, bytes]]) -> None:
        """Log requests and responses that may be billed but were never graded because the run was stopped."""
        for requests, responses in ungraded:
            self._folder.append(LAST, {"requests": requests, "responses": responses})

    def crashed(self, nodeid: str) -> bool:
        """Record that a worker died while it ran this test; return whether the test is a case of the run."""
        is_case = bool(self._label_in(nodeid))
        if is_case:
            self._crashed.append(nodeid)
            self._heard[self._label_in(nodeid)] = None
            self.failed_cases += 1
        return is_case

    @property
    def is_blank(self) -> bool:
        """Whether no case was recorded, not even a crashed one."""
        return self._folder.is_blank and not self._crashed

    @property
    def path(self) -> str:
        """The run folder."""
        return str(self._folder.path)

    # -- at the end ----------------------------------------------------------------------------------------------

    def finish(self) -> list[Entry]:
        """Compute the figures and write all files of the end of a run; return the results of crashed cases.

        Raises OSError.
        """
        duration_s = self._run.duration_s or round(time.perf_counter() - self._started, 3)
        crashed = [self._crash_result(nodeid) for nodeid in self._crashed]
        # A worker that died just after it had reported a case has lost nothing.
        crashed = [result for result in crashed if result.id not in self.entries.ids_like(result)]
        for result in crashed:
            self.entries.add(result, LAST)
        self.entries.look_last()
        # First of all: with a full disk the table on the screen is all that is left.
        summaries = self.entries.sum_up(duration_s)
        self._state = FINISHED if self.entries.is_finished else BROKEN_OFF
        self.records = RunRecords(self._manifest(), summaries, self.entries.results(), self._folder.path)
        for result in crashed:
            line = orjson.dumps(result.to_dict(), option=orjson.OPT_APPEND_NEWLINE)
            self._folder.append(LAST, {"results": line})
        self._folder.close()
        if not self._is_mock:
            self._folder.drop_mock()
            self.records = replace(self.records, manifest=self._manifest(), path=self._folder.path)
        self._folder.write_json("manifest.json", self.records.manifest.to_dict())
        taken = [path.name for path in self._folder.path.iterdir()]
        only = () if self._run.shard is None else ("summary",)  # the others are for the run as a whole
        made = each_file(self.records, self.failed_reports, taken, self._folder.may_replace, only)
        self.kept_files = [file.name for file in made if not self._folder.write_file(file)]
        if self._run.shard is None:
            self.exported, failures = exports(self._folder.path, self._run.settings)
            self.failed_reports += failures
        return crashed

    def learn(self, facts: Mapping[str, Any]) -> None:
        """Take facts of the data that no case has brought."""
        self._facts.update(facts)

    def seal(
        self, cut: Mapping[str, Any], selected_by: Mapping[str, Any], *, status: int, failed: int
    ) -> None:
        """Make the folder that of a finished shard, whose run ends with an exit status after so many `failed` tests.

        `cut` has the facts of all shards together, `selected_by` the words of the command line that select tests.
        Raises OSError.
        """
        # late: only a run that is cut into shards needs it
        from mmlubench.run.sealing import seal

        counts = {"status": status, "failed": failed, "failed_cases": self.failed_cases}
        tallies = self.entries.tallies()
        self.shard_line = seal(
            self._run,
            self.records,
            self._folder,
            {**counts, "selected_by": selected_by, "tallies": tallies},
            cut,
        )

    def discard(self) -> None:
        """Remove the folder of a run in which nothing was asked."""
        self._folder.discard()

    def verdicts(self) -> list[Verdict]:
        """Return the verdict of each gate on each benchmark and model; none without a gate."""
        return self._gate.verdicts(self.records.summary, self._results)

    def against_baseline(self) -> list[TwoResults | BesidePublished | str]:
        """Return the comparison of each benchmark and model with the baseline, or a sentence; none without one."""
        regression = self._gate.regression
        return [] if regression is None else list(regression.compared(self._results()))

    def _results(self) -> list[Result]:
        # late: only runs with a baseline need it
        from mmlubench.stats.compare.result import results_of

        return results_of(self.records.manifest, self.records.summary, self.records.entries())

    def passes(self, *, failed: int) -> bool | None:
        """Whether the run is a success, given how many tests `failed` in all; None if it has no summary."""
        if self._run.shard is not None:  # wrong answers are for the merge to judge
            return self.entries.is_finished and failed <= self.failed_cases
        if not self.records.summary:
            return None
        return self._gate.passes(
            self.verdicts(),
            failed=failed,
            failed_cases=self.failed_cases,
            finished=self.entries.is_finished,
        )

    def _crash_result(self, nodeid: str) -> Entry:
        test = nodeid.partition("[")[0]
        known = self._known.get(test) or {"": (test.rpartition("::")[2].removeprefix("test_"), "")}
        parameters = max((end for end in known if nodeid.endswith(end + "]")), key=len, default="")
        benchmark, recipe = known.get(parameters) or next(iter(known.values()))
        case_id = nodeid.removesuffix(parameters + "]")
        return crashed_result(case_id, self._label_in(nodeid), benchmark, recipe, self.entries)

    def _label_in(self, nodeid: str) -> str:
        """Return the label of the model in the id of a case; empty if it has none."""
        case_id = nodeid.partition("[")[2]
        known = (*self._run.roster.specs, OWN)
        labels = [label for label in known if case_id.startswith((f"{label}-", f"{label}]"))]
        return max(labels, key=len, default="")

    def _manifest(self) -> Manifest:
        made = self._run.told(
            manifest(self._folder.run_id, self._invocation, self._run, self._facts, self._state)
        )
        # A controller learns from results which fixtures the tests have: only workers collect the tests.
        own = {**self._run.own_recipes, **dict.fromkeys(self.entries.own_recipes)}
        if set(self._labels) <= {OWN} - set(self._run.roster.specs):
            made = replace(made, models={})  # the default model would pass for the one that was asked
        return replace(made, facts={**made.facts, "own_recipes": list(own)}) if own else made

    @property
    def _labels(self) -> list[str]:
        """The models that are asked, by label; in a controller those that were heard of, as workers select."""
        return (
            self._run.labels if self._run.has_selected else [*filter(None, self._heard)] or self._run.labels
        )

    @property
    def _is_mock(self) -> bool:
        return any(self._run.roster.is_mock(label) for label in self._labels)


def _ungated(settings: Settings) -> Settings:
    """Return the settings without any gate or baseline."""
    return replace(settings, min_accuracy=None, gate_confidence=None, baseline=None, max_regression=None)


def _own_parameters(nodeid: str, result: Entry) -> str:
    """Return the end of a pytest id behind the question, such as `-kind` in `test_own[claude-anatomy-0017-kind]`."""
    row = result.id.rpartition("/")[2]
    return "" if nodeid.endswith(row + "]") else "-" + nodeid.rpartition(f"-{row}-")[2].removesuffix("]")


def debate_name(result: Entry) -> str:
    """Name the debate file of a benchmark, model, and recipe if it is not the run's, without its ending."""
    return "debate_" + "_".join(map(safe_name, filter(None, (result.benchmark, result.model, result.recipe))))
