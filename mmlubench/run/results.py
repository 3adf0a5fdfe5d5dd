"""The results that a comparison names: `RUN`, or `RUN:MODEL` for one model of a run; and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmlubench.errors import UserError
from mmlubench.resources import fixture
from mmlubench.run.archive import MANIFEST, RunArchive, age, find_run
from mmlubench.stats.compare.published import Published
from mmlubench.stats.compare.result import Result, results_of

#: The name of the baseline that is a file of published scores.
PUBLISHED = "published"
_LATEST = "latest"


def read_results(name: str, parent: Path) -> list[Result]:
    """Return the results of `RUN` or `RUN:MODEL`, one for each benchmark and model. Raises UserError."""
    folder, model = split_name(name, parent)
    run = RunArchive(folder)
    found = results_of(run.manifest, run.summary, run.entries())
    if not found:
        raise UserError(f"{name}: the run {run.run_id} has no case, so that there is nothing to compare.")
    if not model:
        return found
    chosen = [one for one in found if one.model == model] or [one for one in found if one.model_id == model]
    if not chosen:
        known = ", ".join(dict.fromkeys(one.model for one in found))
        raise UserError(f"{name}: the run {run.run_id} has no model {model}; it has {known}.")
    return chosen


def split_name(name: str, parent: Path) -> tuple[Path, str]:
    """Return the folder of a run and the model behind the colon; either name may have colons itself.

    Raises UserError.
    """
    try:
        return find_run(name, parent), ""
    except UserError as error:
        places = [at for at, sign in enumerate(name) if sign == ":"]
        for at in places:
            try:
                return find_run(name[:at], parent), name[at + 1 :]
            except UserError:
                continue
        raise error from None


def read_published() -> list[Published]:
    """Return the published scores of the packaged file."""
    # late: it imports pydantic, and few comparisons need the file
    from mmlubench.yaml_file import read

    @dataclass(frozen=True)
    class File:
        scores: tuple[Published, ...] = ()

    return list(read(File, fixture("published.yaml"), UserError).scores)


def read_baseline(name: str, parent: Path, *, but: Sequence[Path] = ()) -> list[Result]:
    """Return the results of a baseline: `latest` is the newest finished run of `parent`, other than those in `but`.

    Raises UserError.
    """
    return read_results(str(_newest(parent, but)) if name == _LATEST else name, parent)


def _newest(parent: Path, but: Sequence[Path]) -> Path:
    others = {folder.resolve() for folder in but}
    folders = (path.parent for path in parent.glob(f"*/{MANIFEST}") if path.parent.resolve() not in others)
    for folder in sorted(folders, key=age, reverse=True):
        # A run that was broken off, or that still goes on, is no baseline.
        run = RunArchive(folder)
        if run.is_finished and any(summary.headline for summary in run.summary):
            return folder
    raise UserError(
        f"baseline {_LATEST}: there is no finished run with a headline accuracy under {parent} besides; name one."
    )


def baseline_of(result: Result, baselines: Sequence[Result]) -> Result | None:
    """Return the baseline of a result: that of the same model, else the only one of its benchmark; None without."""
    of_benchmark = [one for one in baselines if one.benchmark == result.benchmark]
    same = [one for one in of_benchmark if one.model == result.model]
    same = [one for one in same if one.recipe == result.recipe] or same
    found = same or of_benchmark
    return found[0] if len(found) == 1 else None
