"""The frame of the questions: controls, list and transcript, which the scripts of the page fill."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench.reports.page.markup import EMPTY, Html, element, join
from mmlubench.reports.page.shown import Shown

_THERE = "requests.jsonl and responses.jsonl in the run folder have them."
_LEFT_OUT = {
    "wrong": f"Prompts and replies of right answers are left out of this page; {_THERE}",
    "figures": f"Prompts and replies are left out of this page; {_THERE}",
}


def questions(shown: Sequence[Shown], texts: str) -> Html:
    """Return the section of the questions; `texts` is as in `page`."""
    if not any(one.entries for one in shown):
        return EMPTY
    told = element("p", _LEFT_OUT[texts], class_="notice") if texts in _LEFT_OUT else EMPTY
    script = element(
        "p", "The questions are shown by a script, and scripts are switched off.", class_="notice"
    )
    return element(
        "section",
        element("h2", "Questions", id="questions", tabindex=-1),
        told,
        element("noscript", script),
        element("div", _controls(), _status(), _panes(), id="explorer", hidden=True),
        aria_labelledby="questions",
        class_="questions",
    )


def _controls() -> Html:
    names = ("result", "category", "subject", "language", "change", "rule", "cause")
    words = {"change": "since the first", "rule": "read by"}
    selects = (
        element(
            "label",
            element("span", words.get(name, name)),
            element("select", id=f"filter-{name}"),
            id=f"label-{name}",
            hidden=True,
        )
        for name in names
    )
    search = element(
        "label",
        element("span", "search in ids, questions and replies"),
        element("input", id="filter-q", type="search", autocomplete="off", spellcheck="false"),
        class_="search",
    )
    outcomes = element("fieldset", element("legend", "outcome"), id="filter-outcome", class_="outcomes")
    return element("form", outcomes, *selects, search, class_="controls", id="controls")


def _status() -> Html:
    buttons = (
        ("clear", "Show all"),
        ("export-csv", "Save as CSV"),
        ("export-jsonl", "Save as JSONL"),
    )
    return element(
        "div",
        element("p", id="count", role="status"),
        element("p", id="progress", role="status"),
        join(element("button", label, type="button", id=name) for name, label in buttons),
        class_="status",
    )


def _panes() -> Html:
    listed = element(
        "div",
        element("div", id="rows", role="presentation"),
        id="list",
        role="listbox",
        tabindex=0,
        aria_label="Questions: j, k or the arrow keys choose one",
    )
    return element(
        "div",
        listed,
        element("article", id="transcript", tabindex=-1, aria_label="Transcript"),
        class_="panes",
    )
