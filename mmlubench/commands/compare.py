"""`mmlubench compare`: who is better, by how much, on which questions, and what could have been seen."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmlubench.commands.runs import errors_as_messages, print_text, run_dir_option
from mmlubench.errors import UserError

if TYPE_CHECKING:
    from mmlubench.reports.compare.parts import Part
    from mmlubench.stats.compare.result import Result

_WIDTH = 80


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN[:MODEL] ...")
@run_dir_option
@click.option(
    "--baseline",
    metavar="latest|RUN|published",
    help="Compare each result with this one: the newest finished run, a run, or scores that were published.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The loss of accuracy that would matter, for `not worse by more than`.",
)
@click.option(
    "--cluster",
    type=click.Choice(["subject"]),
    help="Take the questions of a subject as one observation: for claims about other subjects, too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
def compare(
    runs: tuple[str, ...],
    parent: Path,
    baseline: str | None,
    margin: float,
    cluster: str | None,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Compare results on the questions that they have in common: two models, two runs, or a run and a baseline.

    RUN is a run folder, the id of a run, or latest; a run of several models is several results, of which RUN:MODEL
    takes one. The difference is the second minus the first.
    """
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown are two formats: give one of them.")
    with errors_as_messages():
        found = list(_compared(runs, parent, baseline, margin, cluster or ""))
    if as_json:
        # late: only this format needs it
        from mmlubench.jsonl import pretty

        print_text(pretty({"comparisons": [one.to_dict() for one in found]}).rstrip("\n"))
    elif as_markdown:
        # late: `mmlubench --help` and the other commands need none of it
        from mmlubench.reports.compare.markdown import markdown

        print_text("\n".join(markdown(_parts(one)) for one in found).rstrip("\n"))
    else:
        _show(found)


def _compared(
    runs: Sequence[str], parent: Path, baseline: str | None, margin: float, cluster: str
) -> Iterator[Any]:
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.run.results import PUBLISHED, read_published, read_results
    from mmlubench.stats.compare.pair import two_results
    from mmlubench.stats.compare.published import beside_published
    from mmlubench.stats.compare.result import named_apart
    from mmlubench.stats.compare.several import several_results

    found = [one for name in dict.fromkeys(runs) for one in read_results(name, parent)]
    # `latest` may be a run that is named, too.
    results = list({(one.run_id, one.benchmark, one.model, one.recipe): one for one in found}.values())
    if baseline == PUBLISHED:
        published = read_published()
        yield from (beside_published(one, published) for one in named_apart(results))
        return
    if baseline is not None:
        yield from (
            two_results(*pair, margin=margin, cluster=cluster) for pair in _against(results, baseline, parent)
        )
        return
    groups = _of_one_benchmark(results)
    for same in groups:
        named = named_apart(same)
        if len(named) == 2:
            yield two_results(*named, margin=margin, cluster=cluster)
        else:
            yield several_results(named, cluster=cluster)


def _against(results: Sequence[Result], baseline: str, parent: Path) -> Iterator[tuple[Result, Result]]:
    # late, as above
    from mmlubench.run.results import baseline_of, read_baseline
    from mmlubench.stats.compare.result import named_apart

    known = read_baseline(baseline, parent, but=[parent / one.run_id for one in results])
    for one in results:
        before = baseline_of(one, known)
        if before is None:
            models = ", ".join(f"{other.benchmark} {other.model}" for other in known)
            raise UserError(
                f"--baseline {baseline} has {models}, and none is clearly that of {one.benchmark} {one.model}: name "
                "one as RUN:MODEL."
            )
        first, second = named_apart([before, one])
        yield first, second


def _of_one_benchmark(results: Sequence[Result]) -> list[list[Result]]:
    """Group the results by benchmark. Raises UserError where none has two."""
    ordered = sorted(results, key=lambda one: one.benchmark)
    groups = [list(same) for _, same in groupby(ordered, key=lambda one: one.benchmark)]
    several = [same for same in groups if len(same) > 1]
    if several:
        for same in groups:
            if len(same) == 1:
                click.echo(f"{same[0].benchmark} is left out: only {same[0].run_id} has it.", err=True)
        return several
    found = ", ".join(f"{one.benchmark} {one.model} ({one.run_id})" for one in ordered)
    if len(groups) > 1:
        raise UserError(f"these are of different benchmarks, which cannot be compared: {found}.")
    raise UserError(f"there is one result only, {found}: name another RUN, or a --baseline.")


def _parts(one: Any) -> Iterator[Part]:
    # late, as above
    from mmlubench.reports.compare.many import many_parts
    from mmlubench.reports.compare.published import published_parts
    from mmlubench.reports.compare.two import two_parts
    from mmlubench.stats.compare.pair import TwoResults
    from mmlubench.stats.compare.published import BesidePublished

    if isinstance(one, TwoResults):
        return two_parts(one)
    return published_parts(one) if isinstance(one, BesidePublished) else many_parts(one)


def _show(found: Sequence[Any]) -> None:
    # late, as above
    from mmlubench.reports.compare.terminal import terminal

    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    for number, one in enumerate(found):
        if number:
            print_text("")
        for line in terminal(_parts(one), width, color=color, ascii=not is_utf8):
            print_text(line)
