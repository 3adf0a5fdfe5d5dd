"""What stands on a page: the runs, and of each benchmark and model the figures, the cases and the comparable result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmlubench.records import Manifest
from mmlubench.schema import Entry
from mmlubench.stats.compare.result import Result, named_apart, results_of
from mmlubench.stats.summarize import summarize
from mmlubench.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class PageRun:
    """One run."""

    manifest: Manifest
    summaries: Sequence[Summary]
    """The figures of each benchmark and model; none of a run that has not ended."""
    entries: Sequence[Entry]
    path: Path
    """The run folder."""
    state: str
    """`running`, `finished` or `broken off`."""
    model: str = ""
    """The only model to show; empty for all."""

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.manifest.run_id or self.path.name


@dataclass(frozen=True, slots=True)
class Shown:
    """One benchmark and model of one run."""

    name: str
    """The model, with what tells it apart from the others of its benchmark."""
    run: PageRun
    summary: Summary
    entries: Sequence[Entry]
    result: Result

    @property
    def benchmark(self) -> str:
        """The name of the benchmark."""
        return self.result.benchmark


def shown_results(runs: Sequence[PageRun]) -> list[Shown]:
    """Return what is shown of the runs: those of one benchmark stand together, in the order of the runs."""
    found = [one for run in runs for one in _of_run(run)]
    benchmarks = dict.fromkeys(one.benchmark for one in found)
    ordered: list[Shown] = []
    for benchmark in benchmarks:
        same = [one for one in found if one.benchmark == benchmark]
        results = named_apart([one.result for one in same])
        ordered += [
            replace(one, name=result.name, result=result) for one, result in zip(same, results, strict=True)
        ]
    return ordered


def _of_run(run: PageRun) -> Iterable[Shown]:
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in run.entries:
        groups.setdefault((entry.benchmark, entry.model, entry.recipe), []).append(entry)
    # `results_of` groups the cases in the same way and order.
    results = results_of(run.manifest, run.summaries, run.entries)
    known = {(one.benchmark, one.model, one.recipe): one for one in run.summaries}
    for result, entries in zip(results, groups.values(), strict=True):
        if run.model and run.model not in (result.model, result.model_id):
            continue
        summary = known.get((result.benchmark, result.model, result.recipe))
        yield Shown(result.name, run, summary or _summed_up(run, result, entries), entries, result)


def _summed_up(run: PageRun, result: Result, entries: Sequence[Entry]) -> Summary:
    """Return the figures of a run that did not write them."""
    why = "the run still goes on" if run.state == "running" else "the run was broken off"
    figures = summarize(entries, unfinished=why)
    return replace(
        figures, benchmark=result.benchmark, model=result.model, recipe=result.recipe, mock=result.mock
    )
