"""The beginning of the page: what ran, the accuracy with n and interval, and every reason to doubt it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from mmlubench import figures
from mmlubench.errors import clause
from mmlubench.records import BROKEN_OFF, RUNNING
from mmlubench.reports import sentences
from mmlubench.reports.page.markup import EMPTY, Html, element, join, table
from mmlubench.reports.page.plots import SHARES, axis, dot, plot
from mmlubench.reports.page.shown import PageRun, Shown
from mmlubench.stats.summary import Summary

_MOCK = "MOCK: the answers are canned; no figure here says anything about a real model."
#: Up to so many results have a headline of their own each; more of them are rows of a table.
_LARGE = 2


def title_of(runs: Sequence[PageRun], shown: Sequence[Shown]) -> str:
    """Return the title of the page."""
    models = list(dict.fromkeys(one.name for one in shown))
    benchmarks = ", ".join(dict.fromkeys(one.benchmark for one in shown)) or "no case"
    names = " and ".join(models) if len(models) < 3 else f"{len(models)} models"
    return f"{benchmarks} {figures.DOT} {names}" if names else f"{benchmarks} {figures.DOT} {runs[0].run_id}"


def headline(runs: Sequence[PageRun], shown: Sequence[Shown], differences: Sequence[str]) -> Html:
    """Return the headline of every result, with its doubts, and `differences`, a sentence for each pair."""
    notices = (_state(run) for run in runs)
    if not shown:
        empty = element("p", "No case was recorded: there is nothing to show yet.", class_="notice")
        return join((*notices, empty))
    if len(shown) <= _LARGE:
        apart = (element("p", told, class_="result") for told in differences)
        return join((*notices, element("div", *map(_card, shown), class_="cards"), *apart))
    mocks = (_mock(one.summary, one.name) for one in shown)
    return join((*notices, *mocks, _overview(shown), *(_doubts(one.summary, one.name) for one in shown)))


def _state(run: PageRun) -> Html:
    what = {
        RUNNING: "still goes on: the page shows what it had written so far",
        BROKEN_OFF: "was broken off before all of its questions were asked",
    }.get(run.state)
    return element("p", f"The run {run.run_id} {what}.", class_="notice caution") if what else EMPTY


def _card(one: Shown) -> Html:
    summary = one.summary
    inner = [element("h2", f"{one.benchmark} {figures.DOT} {one.name}"), _mock(summary)]
    if summary.headline:
        inner.append(
            element(
                "p",
                element("strong", figures.share(summary.accuracy), class_="big"),
                element("span", "accuracy", class_="unit"),
                class_="score",
            )
        )
        inner.append(plot(SHARES, dot(SHARES, summary.accuracy, summary.ci95), class_="large"))
        inner.append(axis(SHARES))
    else:
        inner.append(element("p", element("strong", "no headline number", class_="big less"), class_="score"))
    words = " ".join(sentences.headline(summary)).split(":", 1)[1].strip()
    inner += [
        element("p", words[:1].upper() + words[1:]),
        element("p", element("b", "recipe "), sentences.recipe(summary)),
        element("p", f" {figures.DOT} ".join(sentences.outcomes(summary)), class_="counts"),
        _doubts(summary),
    ]
    return element("article", *inner, class_="card")


def _doubts(summary: Summary, name: str = "") -> Html:
    lead = f"{name}: " if name else ""
    found = []
    if summary.why_no_headline and name:
        why = f"{name} has no headline number: {clause(summary.why_no_headline)}."
        found.append(element("p", why, class_="notice caution"))
    told: Iterable[str] = (
        *([summary.notice] if summary.notice else []),
        *(f"warning: {clause(warning)}." for warning in summary.warnings),
    )
    return join((*found, *(element("p", lead + text, class_="notice caution") for text in told)))


def _mock(summary: Summary, name: str = "") -> Html:
    lead = f"{name}: " if name else ""
    return element("p", lead + _MOCK, class_="notice mock") if summary.mock else EMPTY


def _overview(shown: Sequence[Shown]) -> Html:
    """Return a row for each result, the best of each benchmark first."""
    benchmarks = list(dict.fromkeys(one.benchmark for one in shown))
    ordered = sorted(shown, key=lambda one: (benchmarks.index(one.benchmark), -(one.summary.accuracy or 0.0)))
    rows = []
    for one in ordered:
        score = one.summary.total
        is_known = one.summary.headline
        mark = plot(SHARES, dot(SHARES, score.accuracy, score.ci95) if is_known else EMPTY)
        rows.append(
            [
                f"{one.benchmark} {figures.DOT} {one.name}" if len(benchmarks) > 1 else one.name,
                mark,
                figures.share(score.accuracy) if is_known else figures.DASH,
                figures.interval(score.ci95) if is_known else figures.DASH,
                f"{score.answered:,}",
                sentences.recipe(one.summary),
            ]
        )
    head = ["model", axis(SHARES), "accuracy", "95 % interval", "n", "recipe"]
    return table(head, rows, caption="Accuracy of every model", class_="figures plotted")


def about(runs: Sequence[PageRun]) -> Html:
    """Return what ran, in one line for each run."""
    lines = []
    for run in runs:
        settings, manifest = run.manifest.settings, run.manifest
        desc = str(settings.get("desc") or "")
        when = manifest.created[:16].replace("T", " ")
        parts = [run.run_id, desc, f"started {when}" if when else "", run.state]
        command = shlex.join(manifest.command)
        inner = [f" {figures.DOT} ".join(filter(None, parts))]
        lines.append(element("p", *inner, element("br"), element("code", command) if command else EMPTY))
    return element("div", *lines, class_="about")
