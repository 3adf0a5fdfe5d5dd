"""HTML from Python: whatever is not made here is text, and is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from mmlubench.printable import printable


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


EMPTY: Final = Html("")
#: The elements that have no content and no end tag.
_VOID = frozenset({"meta", "input", "br", "circle", "line", "rect", "path", "col"})


def text(value: str) -> Html:
    """Return a text of strangers as HTML that shows it: nothing in it is markup, or a command to a terminal."""
    return value if isinstance(value, Html) else Html(escape(printable(value)))


def join(parts: Iterable[str]) -> Html:
    """Join HTML and texts, which are escaped."""
    return Html("".join(map(text, parts)))


def element(name: str, /, *content: str, **attributes: str | int | float | bool | None) -> Html:
    """Return an element; content that is no `Html` is escaped.

    Of the names of attributes, `_` becomes `-`, and one at the end is dropped: `class_`. None and False leave an
    attribute out; True gives it no value.
    """
    shown = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{shown}>" if name in ("meta", "input", "br", "col") else f"<{name}{shown}/>")
    return Html(f"<{name}{shown}>{join(content)}</{name}>")


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'


def breakable(name: str) -> Html:
    """Return a name such as `high_school_us_history`, which may break into lines behind each `_`."""
    return Html(text(name).replace("_", "_<wbr>"))


def section(anchor: str, title: str, *content: str) -> Html:
    """Return a section of the page with its heading; nothing without content."""
    inner = join(content)
    if not inner:
        return EMPTY
    return element("section", element("h2", title, id=anchor), inner, aria_labelledby=anchor)


def folded(summary: str, *content: str, is_open: bool = False) -> Html:
    """Return content under a line that opens it."""
    return element("details", element("summary", summary), *content, open=is_open)


def table(
    head: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    caption: str = "",
    label: str = "",
    class_: str = "figures",
) -> Html:
    """Return a table whose first column names the rows; it can be scrolled where it is wider than the page.

    `label` tells a screen reader what the table is where it has no `caption`.
    """
    top = element("tr", *(element("th", cell, scope="col") for cell in head))
    body = join(_row(cells) for cells in rows)
    inner = element("table", element("thead", top), element("tbody", body), class_=class_)
    # Not a <caption>, which is as wide as the table, and so cut off where the table is.
    named = element("p", caption, class_="caption") if caption else EMPTY
    return join(
        (named, element("div", inner, class_="wide", tabindex=0, role="group", aria_label=caption or label))
    )


def _row(cells: Iterable[str]) -> Html:
    first, *others = cells
    return element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in others))
