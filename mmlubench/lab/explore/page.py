"""An exploration as a page: one file without any script, in the style of `report.html`."""

from __future__ import annotations

import re

from mmlubench import figures
from mmlubench.lab.explore.exploration import Exploration
from mmlubench.lab.explore.sections import Mark, Section, Table
from mmlubench.lab.explore.terminal import about, title
from mmlubench.reports.page.document import document
from mmlubench.reports.page.markup import EMPTY, Html, breakable, element, folded, join, section, table
from mmlubench.reports.page.plots import SHARES, Scale, axis, column, dot, plot, scale_around

#: Above so many rows a table is folded behind its first ones.
_LONG = 20


def page(found: Exploration) -> str:
    """Return the page of an exploration."""
    sections = found.sections()
    links = [element("a", one.title, href=f"#{one.anchor}") for one in sections]
    parts = [
        element("header", element("h1", title(found)), element("div", *_lines(about(found)), class_="about")),
        element(
            "nav", *(element("span", link, " ") for link in links), class_="contents", aria_label="Contents"
        ),
        element("main", *_lines(found.warnings, "notice caution"), _cards(found), *map(_section, sections)),
    ]
    return document(f"{title(found)} {figures.DOT} mmlubench lab explore", join(parts))


def _lines(lines: list[str], class_: str | None = None) -> list[Html]:
    return [element("p", _unbroken(line), class_=class_) for line in lines]


def _unbroken(text: str) -> str:
    """Keep the sign of per cent on the line of its number."""
    return re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", text)


def _cards(found: Exploration) -> Html:
    answers, repeats = found.answers, found.repeats
    if answers is None or repeats is None:
        return EMPTY
    n = answers.n
    cards = [
        _card("Always the most frequent letter", answers.majority / n, f"{answers.majority_letter} is right in "
              f"{answers.majority:,} of {n:,} questions; blind guesses are right in {100 * answers.chance:.1f} %."),
        _card("Always the longest choice", answers.longest / n, f"It is right in {answers.longest:,} of {n:,}."),
    ]  # fmt: skip
    for one in found.lengths:
        if one.within and not one.language:
            within = one.within["256"]
            cards.append(_card("At most 256 tokens", within / one.n, f"{within:,} of {one.n:,}; {one.what}."))
    if found.redux and found.redux.annotated:
        of = found.redux.annotated
        ok = found.redux.verdicts.get("ok", 0)
        cards.append(_card("Found right by MMLU-Redux", ok / of, f"{ok:,} of {of:,} annotated questions."))
    return element("div", *cards, class_="cards")


def _card(what: str, share: float, words: str) -> Html:
    score = element("p", element("strong", f"{100 * share:.1f} %", class_="big"), class_="score")
    return element(
        "article", element("h2", what), score, element("p", _unbroken(words), class_="counts"), class_="card"
    )


def _section(one: Section) -> Html:
    cautions = [
        element("p", line, class_=f"notice {'mock' if line.startswith('MOCK') else 'caution'}")
        for line in one.cautions
    ]
    return section(one.anchor, one.title, *_lines([*one.lines]), *cautions, *map(_table, one.tables))


def _table(one: Table) -> Html:
    if len(one.rows) <= max(_LONG, one.few):
        return _rows(one, 0, len(one.rows))
    few = one.few or _LONG
    more = folded(
        f"The other {figures.several(len(one.rows) - few, 'row')}", _rows(one, few, len(one.rows), False)
    )
    return join((_rows(one, 0, few), more))


def _rows(one: Table, first: int, last: int, is_named: bool = True) -> Html:
    """Return some of the rows; the values that are drawn have one scale in all of them."""
    scale = _scale(one)
    drawn = any(mark is not None for mark in one.marks)
    texts = set(one.texts)
    named = [
        element("span", name, class_="text") if at in texts else name for at, name in enumerate(one.head)
    ]
    head: list[str] = [named[0], *([axis(scale)] if drawn else []), *named[1:]]
    rows = []
    for at in range(first, last):
        name, *cells = one.rows[at]
        shown: list[str] = [
            element("span", cell, class_="text", dir="auto") if number in texts else cell
            for number, cell in enumerate(cells, start=1)
        ]
        rows.append([breakable(name), *([_drawn(scale, one.marks[at])] if drawn else []), *shown])
    kind = "figures plotted" if drawn else "figures"
    caption, label = (
        (f"{one.caption} (drawn: {one.drawn})" if one.drawn else one.caption, "")
        if is_named
        else ("", f"{one.caption}, the other rows")
    )
    return table(head, rows, caption=caption, label=label, class_=kind)


def _scale(one: Table) -> Scale:
    ends = [end for mark in one.marks if mark and mark[1] for end in mark[1]]
    if ends:
        return scale_around(ends)
    most = max((mark[0] for mark in one.marks if mark), default=1.0)
    return (
        SHARES
        if most > 0.5
        else Scale(0.0, 0.5, (0.0, 0.25, 0.5))
        if most > 0.1
        else Scale(0.0, 0.1, (0.0, 0.05, 0.1))
    )


def _drawn(scale: Scale, mark: Mark | None) -> Html:
    if mark is None:
        return EMPTY
    value, ends = mark
    return plot(scale, dot(scale, value, ends) if ends else column(scale, value))
