"""The terminal report of a run: table, headline, counts of outcomes, metrics, warnings, tokens, cost and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from textwrap import wrap
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.errors import NOT_ASKED, clause
from mmlubench.printable import on_one_line, printable
from mmlubench.reports.languages import language_table
from mmlubench.reports.report import FinishedRun, Report, Screen, Section
from mmlubench.reports.table import FEW, layout, too_few
from mmlubench.schema import Entry, Outcome, Scoring
from mmlubench.stats.metrics import shown
from mmlubench.stats.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN_SIGNS = str.maketrans({figures.DOT: "-", figures.DASH: "-", figures.TIMES: "x", "─": "-", "…": "~"})
_MOCK = "MOCK: the answers are canned; no figure here says anything about a real model."
_GLUE = "\N{NO-BREAK SPACE}"  # between words that must stay on one line: textwrap does not break here


def summary_lines(summary: Summary, width: int, *, color: bool, ascii: bool = False) -> list[str]:
    """Return the figures of one benchmark and model as lines no wider than `width` columns.

    `color` adds ANSI codes; `ascii` replaces other characters, for terminals that show only ASCII.
    """
    console = _console(width, color=color)
    with console.capture() as capture:
        _print_summary(summary, console)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return [_plain(line) if ascii else line for line in lines]


def _print_summary(summary: Summary, console: Console) -> None:
    if summary.languages:
        console.print(language_table(summary.languages, console))
        console.print()
    if summary.categories:
        console.print(layout(summary, console))
        if too_few(summary):
            hint = f"Subjects have fewer than {FEW} answers each; their figures are in summary.json."
            _say(console, [hint], style="dim")
        console.print()
    # The headline comes after the table, so that a long table does not push it off the screen.
    if summary.mock:
        _say(console, [_MOCK], style="bold black on yellow")
    _say(console, _headline(summary), style="bold" if summary.headline else "bold red")
    if summary.notice:
        _say(console, [summary.notice], style="yellow")
    between = f" {figures.DOT} "
    for parts in (_outcomes(summary), *shown(summary.metrics)):
        _say(console, parts, between=between)
    for warning in summary.warnings:
        _say(console, [f"warning: {clause(warning)}."], style="yellow")
    for parts in (_tokens(summary), _pace(summary)):
        _say(console, parts, between=between)


def _console(width: int, *, color: bool) -> Console:
    from rich.console import Console

    # Every setting is explicit, so that no environment variable changes the output.
    return Console(
        width=width,
        height=25,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


def _say(console: Console, parts: Iterable[str], *, between: str = " ", style: str | None = None) -> None:
    """Print the parts; lines break between parts, and only within a part that does not fit into one line."""
    room = console.width - len("  " + between)
    glued = (part.replace(" ", _GLUE) if len(part) <= room else part for part in parts)
    text = printable(between.join(glued)).replace(" %", f"{_GLUE}%")
    for line in wrap(text, console.width, subsequent_indent="  ", break_on_hyphens=False):
        console.print(line.replace(_GLUE, " "), style=style, soft_wrap=True)


def _headline(summary: Summary) -> list[str]:
    title = f" {figures.DOT} ".join((summary.benchmark, summary.model, _recipe(summary)))
    title = f"MOCK {title}" if summary.mock else title
    if not summary.headline:
        return [f"{title}: no headline number: {clause(summary.why_no_headline or '')}."]
    subjects = sum(subject.answered > 0 for subject in summary.subjects.values())
    within = [f"n = {summary.answered:,}"]
    whole = figures.interval(summary.ci95_benchmark) if summary.ci95_benchmark else None
    if whole not in (None, figures.interval(summary.ci95)):  # of few of very many questions it is the same
        within.append(f"of all {summary.drawn_from:,}: {whole}")
    if subjects > 1:  # for one subject, macro equals the accuracy
        within.append(
            f"macro over {figures.several(subjects, 'subject')} {figures.share(summary.accuracy_macro)}"
        )
    return [
        f"{title}:",
        f"accuracy {figures.share(summary.accuracy)}",
        f"(95 % CI {figures.interval(summary.ci95)},",
        *(f"{part};" for part in within[:-1]),
        f"{within[-1]})",
    ]


def _recipe(summary: Summary) -> str:
    """Return the name of the recipe with the way of scoring that `logprob` chose: each has another accuracy."""
    recipe, way = summary.recipe, summary.scoring
    if way == Scoring.TEXT or way in recipe:
        return recipe
    plain = f"scored by {Scoring.LOGPROB}"
    return recipe.replace(plain, f"scored by {way}") if plain in recipe else f"{recipe} ({way})"


def _outcomes(summary: Summary) -> list[str]:
    return [f"{outcome} {count:,}" for outcome, count in summary.total.outcomes.items()]


def _tokens(summary: Summary) -> list[str]:
    usage = summary.usage
    if not usage.input_tokens + usage.output_tokens:
        return [] if usage.cost_usd is None else [_cost(summary)]
    read = f"{usage.input_tokens:,} tokens in" + _of_which(usage.cached_tokens, "cached")
    written = f"{usage.output_tokens:,} out" + _of_which(usage.reasoning_tokens, "reasoning")
    return [f"{read}, {written}", _cost(summary)]


def _of_which(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _cost(summary: Summary) -> str:
    cost, known, answered = summary.usage.cost_usd, summary.cost_known_for, summary.answered
    if cost is None:
        return "no cost (mock)" if summary.mock else "cost unknown: no price for this model"
    if known < answered:
        return f"cost {figures.dollars(cost)} for {known:,} of {answered:,} answers, no price for the rest"
    return f"cost {figures.dollars(cost)}"


def _pace(summary: Summary) -> list[str]:
    seconds, requests = summary.duration_s, summary.requests
    parts = [f"time {figures.duration(seconds)}"]
    sent = requests - summary.stored
    if requests:
        rate = sent / seconds if seconds > 0 else 0.0
        # The rate of one or two requests per minute would say nothing.
        pace = f", {rate:,.1f} a second" if rate >= 0.1 else ""
        parts.append(figures.several(sent, "request") + pace)
    if summary.stored:
        parts.append(f"{summary.stored:,} answered by the store")
    if requests:
        parts += chain.from_iterable(shown(summary.metrics, with_time=True))
    return parts


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
    return [_plain(line) for line in lines] if ascii else lines


def _not_asked(count: int) -> str:
    return f" ({count:,} of them were not asked any more)" if count else ""


def _plain(line: str) -> str:
    return line.translate(_PLAIN_SIGNS).encode("ascii", "replace").decode()


def _sections(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    failed: dict[tuple[str, str, str], list[Entry]] = {}
    for result in run.entries():
        cases = failed.setdefault((result.benchmark, result.model, result.recipe), [])
        if result.outcome is Outcome.ERROR:
            cases.append(result)
    for summary in run.summary:
        who = summary.benchmark, summary.model
        lines = summary_lines(summary, screen.width, color=screen.color, ascii=screen.ascii)
        # The cases of the run's own recipe do not name it.
        cases = failed.get((*who, summary.recipe)) or failed.get((*who, "")) or []
        yield Section(on_one_line(" ".join(who)), lines, errors_lines(cases, ascii=screen.ascii))


TERMINAL = Report(sections=_sections)
