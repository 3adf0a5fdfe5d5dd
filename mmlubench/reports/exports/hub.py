"""Scores for a model's repository on the Hugging Face hub: `.eval_results/*.yaml`, a list of entries.

The format is that of https://huggingface.co/docs/hub/eval-results. `value` is written in percent, as most cards do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import IO, Any

from mmlubench.errors import UserError
from mmlubench.printable import on_one_line
from mmlubench.reports.exports.export import Export, Made
from mmlubench.reports.exports.logged import LoggedRun
from mmlubench.reports.exports.scored import REPOSITORIES, Scored, our_version, scored
from mmlubench.safe_names import safe_name


def _files(run: LoggedRun) -> Iterable[Made]:
    found = scored(run)
    several = len({one.label for one in found}) > 1
    told = {one.stem: one for one in found if not _why_not(one)}
    if not told:
        why = "; ".join(f"{one.benchmark} {one.label}: {_why_not(one)}" for one in found)
        raise UserError(f"no result of {run.run_id} can stand on the hub ({why}).")
    for stem, one in told.items():
        name = safe_name(one.entry_name) if one.entry_name else one.qualified_model.replace("/", "__")
        folder = f"{name}/" if several else ""  # each model has its repository
        yield Made(f"{folder}.eval_results/mmlubench_{stem}.yaml", partial(_write, one))


def _why_not(one: Scored) -> str:
    if one.summary.mock:
        return "a mock answered, and its score is none of a model"
    if one.benchmark not in REPOSITORIES:
        return f"the hub knows no data set {one.benchmark}"
    return one.summary.why_no_headline or ""


def _write(one: Scored, file: IO[bytes]) -> None:
    import yaml

    head = f"# Written by mmlubench {our_version()} from the run {on_one_line(one.run.run_id)}.\n"
    text = head + yaml.safe_dump([entry(one)], sort_keys=False, allow_unicode=True, width=1_000)
    file.write(text.encode("utf-8", "replace"))


def entry(one: Scored) -> dict[str, Any]:
    """Return the entry of a result that has a headline accuracy."""
    summary, data = one.summary, one.manifest.data.get(one.benchmark, {})
    revision = str(data.get("revision") or "")
    ends = " to ".join(f"{100 * end:.2f}" for end in summary.ci95)
    notes = [
        f"accuracy in percent, 95 % interval {ends}, n = {summary.answered}",
        f"recipe {one.recipe}, scoring {summary.scoring}",
        *one.doubts,
    ]
    return {
        "dataset": {
            "id": REPOSITORIES[one.benchmark],
            "task_id": one.benchmark,
            **({"revision": revision} if revision else {}),
        },
        "value": round(100 * (summary.accuracy or 0.0), 2),
        "date": one.started.isoformat(),
        "notes": on_one_line("; ".join(notes)),
    }


HUB = Export(files=_files)
