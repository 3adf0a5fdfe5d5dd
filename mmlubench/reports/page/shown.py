"""What stands on a page: the runs, and of each benchmark and model the figures, the cases and the comparable result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """With its cases only where another result of its benchmark is shown."""

    @property
    def benchmark(self) -> str:
        """The name of the benchmark."""
        return self.result.benchmark


def shown_results(runs: Sequence[PageRun]) -> list[Shown]:
    """Return what is shown of the runs: those of one benchmark stand together, in the order of the runs."""
    groups = [(run, _groups(run)) for run in runs]
    counts = Counter(benchmark for _, of_run in groups for benchmark, *_ in of_run)
    found = [one for run, of_run in groups for one in _of_run(run, of_run, counts)]
    ordered: list[Shown] = []
    for benchmark in dict.fromkeys(one.benchmark for one in found):
        same = [one for one in found if one.benchmark == benchmark]
        results = named_apart([one.result for one in same])
        ordered += [
            replace(one, name=result.name, result=result) for one, result in zip(same, results, strict=True)
        ]
    return ordered


_Who = tuple[str, str, str]


def _groups(run: PageRun) -> dict[_Who, list[Entry]]:
    groups: dict[_Who, list[Entry]] = {}
    for entry in run.entries:
        groups.setdefault((entry.benchmark, entry.model, entry.recipe), []).append(entry)
    if not run.model:
        return groups
    ids = {name for name, spec in run.manifest.models.items() if spec.get("model_id") == run.model}
    return {who: entries for who, entries in groups.items() if who[1] in {run.model, *ids}}


def _of_run(run: PageRun, groups: Mapping[_Who, list[Entry]], counts: Mapping[str, int]) -> Iterable[Shown]:
    known = {(one.benchmark, one.model, one.recipe): one for one in run.summaries}
    for (benchmark, *_), entries in groups.items():
        # The cases of a result are only needed to compare it; of 196,588 they take 60 MB.
        (result,) = results_of(run.manifest, run.summaries, entries if counts[benchmark] > 1 else entries[:1])
        summary = known.get((result.benchmark, result.model, result.recipe))
        yield Shown(result.name, run, summary or _summed_up(run, result, entries), entries, result)


def _summed_up(run: PageRun, result: Result, entries: Sequence[Entry]) -> Summary:
    """Return the figures of a run that did not write them."""
    why = "the run still goes on" if run.state == "running" else "the run was broken off"
    figures = summarize(entries, unfinished=why)
    return replace(
        figures, benchmark=result.benchmark, model=result.model, recipe=result.recipe, mock=result.mock
    )
