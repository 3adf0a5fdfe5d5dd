"""What a run prints at its end: table, headline, every outcome's count, tokens and cost, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from mmlubench import figures
from mmlubench.errors import NOT_ASKED
from mmlubench.reports.debate import debate_parts
from mmlubench.reports.languages import language_table
from mmlubench.reports.table import FEW, layout, too_few
from mmlubench.schema import Outcome, Result

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN_SIGNS = str.maketrans({figures.DOT: "-", figures.DASH: "-", figures.TIMES: "x", "─": "-", "…": "~"})
_MOCK = "MOCK: the answers are canned; no figure here says anything about a real model."
_GLUE = "\N{NO-BREAK SPACE}"  # where a line must not break: textwrap does not see it as a space


def summary_lines(entry: Mapping[str, Any], width: int, *, color: bool, ascii: bool = False) -> list[str]:
    """Write one entry of `summary.json` as lines no wider than `width` columns.

    `color` adds ANSI codes; `ascii` keeps to ASCII, for terminals that show nothing else.
    """
    console = _console(width, color=color)
    with console.capture() as capture:
        _print_summary(entry, console)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return [_plain(line) if ascii else line for line in lines]


def _print_summary(entry: Mapping[str, Any], console: Console) -> None:
    if entry["languages"]:
        console.print(language_table(entry["languages"], console))
        console.print()
    if entry["categories"]:
        console.print(layout(entry, console))
        if too_few(entry):
            hint = f"Subjects have fewer than {FEW} answers each; their figures are in summary.json."
            _say(console, [hint], style="dim")
        console.print()
    # Below the table, which may be long: what is said last is what stands on the screen.
    if entry["mock"]:
        _say(console, [_MOCK], style="bold black on yellow")
    _say(console, _headline(entry), style="bold" if entry["headline"] else "bold red")
    if entry["notice"]:
        _say(console, [entry["notice"]], style="yellow")
    between = f" {figures.DOT} "
    _say(console, _outcomes(entry), between=between)
    _say(console, _repeats(entry), between=between)
    _say(console, _calibration(entry), between=between)
    if entry["debate"]:
        first, *more = debate_parts(entry["debate"])
        _say(console, [f"first epoch, {first}" if entry["repeats"] else first, *more], between=between)
    for warning in entry["warnings"]:
        _say(console, [f"warning: {warning}."], style="yellow")
    for parts in (_tokens(entry), _pace(entry)):
        _say(console, parts, between=between)


def _console(width: int, *, color: bool) -> Console:
    from rich.console import Console

    # Everything is said outright, so that no environment variable changes what a test or a log sees.
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
    """Print the parts, breaking lines between two of them rather than within one that would fit a line."""
    room = console.width - len("  " + between)
    glued = (part.replace(" ", _GLUE) if len(part) <= room else part for part in parts)
    text = between.join(glued).replace(" %", f"{_GLUE}%")
    for line in wrap(text, console.width, subsequent_indent="  ", break_on_hyphens=False):
        console.print(line.replace(_GLUE, " "), style=style, soft_wrap=True)


def _headline(entry: Mapping[str, Any]) -> list[str]:
    title = f" {figures.DOT} ".join((entry["benchmark"], entry["model"], entry["recipe"]))
    title = f"MOCK {title}" if entry["mock"] else title
    if not entry["headline"]:
        return [f"{title}: no headline number: {entry['why_no_headline']}."]
    subjects = sum(subject["answered"] > 0 for subject in entry["subjects"].values())
    macro = f"macro over {figures.several(subjects, 'subject')} {figures.share(entry['accuracy_macro'])})"
    n = f"n = {entry['answered']:,}"
    return [
        f"{title}:",
        f"accuracy {figures.share(entry['accuracy'])}",
        f"(95 % CI {figures.interval(entry['ci95'])},",
        *((f"{n};", macro) if subjects > 1 else (f"{n})",)),  # of one subject it is the accuracy once more
    ]


def _outcomes(entry: Mapping[str, Any]) -> list[str]:
    return [f"{name} {count:,}" for name, count in entry["outcomes"].items()]


def _repeats(entry: Mapping[str, Any]) -> list[str]:
    """What several epochs say beside their score, which is the accuracy; nothing for one."""
    repeats = entry["repeats"]
    if repeats is None:
        return []
    low, high = min(repeats["accuracy_per_epoch"]), max(repeats["accuracy_per_epoch"])
    parts = [
        f"{repeats['epochs']} epochs (an outcome is the majority's), accuracy of one {low:.3f}{figures.DASH}{high:.3f}",
        f"{repeats['agreement']:.0%} of a question's answers agree",
    ]
    return parts if repeats["moved"] is None else [*parts, f"{repeats['moved']:.0%} moved from the first"]


def _calibration(entry: Mapping[str, Any]) -> list[str]:
    """How well the probabilities of letters fit; nothing where letters were read."""
    found = entry["calibration"]
    if found is None:
        return []
    return [
        f"calibration: ECE {found['ece']:.3f}",
        f"Brier {found['brier']:.3f}",
        f"mean probability of the right letter {found['p_right']:.3f}",
    ]


def _tokens(entry: Mapping[str, Any]) -> list[str]:
    usage = entry["usage"]
    if not usage["input_tokens"] + usage["output_tokens"]:
        return [] if entry["cost_usd"] is None else [_cost(entry)]
    read = f"{usage['input_tokens']:,} tokens in" + _of_which(usage["cached_tokens"], "cached")
    written = f"{usage['output_tokens']:,} out" + _of_which(usage["reasoning_tokens"], "reasoning")
    return [f"{read}, {written}", _cost(entry)]


def _of_which(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _cost(entry: Mapping[str, Any]) -> str:
    cost, known, answered = entry["cost_usd"], entry["cost_known_for"], entry["answered"]
    if cost is None:
        return "no cost (mock)" if entry["mock"] else "cost unknown: no price for this model"
    if known < answered:
        return f"cost {figures.dollars(cost)} for {known:,} of {answered:,} answers, no price for the rest"
    return f"cost {figures.dollars(cost)}"


def _pace(entry: Mapping[str, Any]) -> list[str]:
    seconds, requests, latency = entry["duration_s"], entry["requests"], entry["latency"]
    parts = [f"time {figures.duration(seconds)}"]
    sent = requests - entry["stored"]
    if requests:
        rate = sent / seconds if seconds > 0 else 0.0
        # Of one or two requests in a minute a rate would say nothing.
        pace = f", {rate:,.1f} a second" if rate >= 0.1 else ""
        parts.append(figures.several(sent, "request") + pace)
    if entry["stored"]:
        parts.append(f"{entry['stored']:,} answered by the store")
    if requests and latency:
        several = " of a question's requests together" if entry["debate"] or entry["repeats"] else ""
        parts.append(f"median wait{several} {latency['p50']:.2f} s, 95 % under {latency['p95']:.2f} s")
    return parts


def errors_lines(results: Iterable[Result], most: int = 5, *, ascii: bool = False) -> list[str]:
    """Group errors by message, the most frequent first, `most` of them: `312 x cannot connect to ...`."""
    told = [" ".join(r.error.split()) or "no message" for r in results if r.outcome is Outcome.ERROR]
    messages = Counter(message.removeprefix(NOT_ASKED) for message in told)
    not_asked = Counter(message.removeprefix(NOT_ASKED) for message in told if message.startswith(NOT_ASKED))
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
