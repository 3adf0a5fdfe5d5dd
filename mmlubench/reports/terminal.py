"""The terminal report of a run: table, headline, counts of outcomes, metrics, warnings, tokens, cost and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.errors import NOT_ASKED, clause
from mmlubench.printable import on_one_line, printable
from mmlubench.reports.console import console_of, plain
from mmlubench.reports.languages import language_table
from mmlubench.reports.report import FinishedRun, Report, Screen, Section
from mmlubench.reports.sentences import headline, outcomes, pace, tokens
from mmlubench.reports.table import FEW, layout, too_few
from mmlubench.schema import Entry, Outcome
from mmlubench.stats.metrics import shown
from mmlubench.stats.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console

_MOCK = "MOCK: the answers are canned; no figure here says anything about a real model."
_GLUE = "\N{NO-BREAK SPACE}"  # between words that must stay on one line: textwrap does not break here


def summary_lines(
    summary: Summary, width: int, *, color: bool, ascii: bool = False, tables: bool = True
) -> list[str]:
    """Return the figures of one benchmark and model as lines no wider than `width` columns.

    `color` adds ANSI codes; `ascii` replaces other characters, for terminals that show only ASCII; without `tables`,
    languages, categories and subjects are left out.
    """
    console = console_of(width, color=color)
    with console.capture() as capture:
        if tables:
            _print_tables(summary, console)
        _print_figures(summary, console)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return [plain(line) if ascii else line for line in lines]


def _print_tables(summary: Summary, console: Console) -> None:
    if summary.languages:
        console.print(language_table(summary.languages, console))
        console.print()
    if summary.categories:
        console.print(layout(summary, console))
        if too_few(summary):
            hint = f"Subjects have fewer than {FEW} answers each; their figures are in summary.json."
            _say(console, [hint], style="dim")
        console.print()


def _print_figures(summary: Summary, console: Console) -> None:
    # The headline comes after the table, so that a long table does not push it off the screen.
    if summary.mock:
        _say(console, [_MOCK], style="bold black on yellow")
    _say(console, headline(summary), style="bold" if summary.headline else "bold red")
    if summary.notice:
        _say(console, [summary.notice], style="yellow")
    between = f" {figures.DOT} "
    for parts in (outcomes(summary), *shown(summary.metrics)):
        _say(console, parts, between=between)
    for warning in summary.warnings:
        _say(console, [f"warning: {clause(warning)}."], style="yellow")
    for parts in (tokens(summary), pace(summary)):
        _say(console, parts, between=between)


def _say(console: Console, parts: Iterable[str], *, between: str = " ", style: str | None = None) -> None:
    """Print the parts; lines break between parts, and only within a part that does not fit into one line."""
    room = console.width - len("  " + between)
    glued = (part.replace(" ", _GLUE) if len(part) <= room else part for part in parts)
    text = printable(between.join(glued)).replace(" %", f"{_GLUE}%")
    for line in wrap(text, console.width, subsequent_indent="  ", break_on_hyphens=False):
        console.print(line.replace(_GLUE, " "), style=style, soft_wrap=True)


def errors_lines(results: Iterable[Entry], most: int = 5, *, ascii: bool = False) -> list[str]:
    """Return the `most` frequent errors, grouped by message: `312 x cannot connect to ...`."""
    errors = [on_one_line(r.error) or "no message" for r in results if r.outcome is Outcome.ERROR]
    messages = Counter(error.removeprefix(NOT_ASKED) for error in errors)
    not_asked = Counter(error.removeprefix(NOT_ASKED) for error in errors if error.startswith(NOT_ASKED))
    ordered = sorted(messages.items(), key=lambda item: (-item[1], item[0]))
    lines = [
        f"{count:,} {figures.TIMES} {message}" + _not_asked(not_asked[message])
        for message, count in ordered[:most]
    ]
    if ordered[most:]:
        others = sum(count for _, count in ordered[most:])
        kinds = figures.several(len(ordered) - most, "other message")
        lines.append(f"{others:,} {figures.TIMES} {kinds}; results.jsonl has them")
    return [plain(line) for line in lines] if ascii else lines


def _not_asked(count: int) -> str:
    return f" ({count:,} of them were not asked any more)" if count else ""


def _sections(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    failed: dict[tuple[str, str, str], list[Entry]] = {}
    for result in run.entries():
        cases = failed.setdefault((result.benchmark, result.model, result.recipe), [])
        if result.outcome is Outcome.ERROR:
            cases.append(result)
    for benchmark in dict.fromkeys(summary.benchmark for summary in run.summary):
        yield from _of_benchmark(run, benchmark, screen, failed)


def _of_benchmark(
    run: FinishedRun, benchmark: str, screen: Screen, failed: Mapping[tuple[str, str, str], list[Entry]]
) -> Iterable[Section]:
    summaries = [summary for summary in run.summary if summary.benchmark == benchmark]
    title = on_one_line(f"{benchmark}: {len(summaries)} results")
    if len(summaries) > 1:
        # late: no run with one model needs it
        from mmlubench.reports.compare.at_end import pairs, side_by_side

        yield Section(title, side_by_side(summaries, screen))
    for summary in summaries:
        who = summary.benchmark, summary.model
        how = {"color": screen.color, "ascii": screen.ascii, "tables": len(summaries) == 1}
        lines = summary_lines(summary, screen.width, **how)
        # The cases of the run's own recipe do not name it.
        cases = failed.get((*who, summary.recipe)) or failed.get((*who, "")) or []
        yield Section(on_one_line(" ".join(who)), lines, errors_lines(cases, ascii=screen.ascii))
    if len(summaries) > 1:
        yield Section(f"{title}, compared", pairs(run, benchmark, screen))


TERMINAL = Report(sections=_sections)
