"""Plots as SVG in the cells of tables: a row of a plot stands beside the figures that it shows.

All places are percentages, so that text keeps its size on a narrow screen. Colours are classes of the style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmlubench import figures
from mmlubench.reports.page.markup import EMPTY, Html, element, join


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values, and the values at which it has lines."""

    low: float = 0.0
    high: float = 1.0
    ticks: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def at(self, value: float) -> str:
        """Return the place of a value, with room for half a dot at the ends."""
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)
        return f"{2 + 96 * share:.2f}%"


SHARES = Scale()


def scale_around(values: Iterable[float]) -> Scale:
    """Return a scale of shares that is no wider than it must be: its ends are tenths."""
    known = list(values)
    low = int(min(known, default=0.0) * 10) / 10
    high = -int(-max(known, default=1.0) * 10 // 1) / 10
    high = min(1.0, max(high, low + 0.2))
    low = max(0.0, min(low, high - 0.2))
    step = 0.1 if high - low <= 0.5 else 0.2
    count = round((high - low) / step)
    return Scale(
        low, high, [low + step * number for number in range(count + 1) if low + step * number <= high + 1e-9]
    )


def plot(scale: Scale, *marks: str, class_: str = "") -> Html:
    """Return the plot of one row; the figures beside it say the same in words."""
    lines = (
        element("line", x1=scale.at(tick), x2=scale.at(tick), y1="0", y2="100%", class_="grid")
        for tick in scale.ticks
    )
    return element("svg", *lines, *marks, class_=f"plot {class_}".strip(), aria_hidden="true")


def axis(scale: Scale) -> Html:
    """Return the head of a column of plots: the values of its lines."""
    labels = []
    for tick in scale.ticks:
        anchor = "start" if tick == scale.ticks[0] else "end" if tick == scale.ticks[-1] else "middle"
        x = "0" if anchor == "start" else "100%" if anchor == "end" else scale.at(tick)
        labels.append(element("text", f"{tick:.2g}", x=x, y="75%", text_anchor=anchor))
    spoken = element("span", "plot", class_="unseen")  # a column has a name for those who do not see it
    return join((spoken, element("svg", *labels, class_="plot axis", aria_hidden="true")))


def dot(scale: Scale, value: float | None, ends: Sequence[float], series: int = 0) -> Html:
    """Return a value with its interval; nothing without a value."""
    if value is None:
        return EMPTY
    return join(
        (
            element(
                "line",
                x1=scale.at(ends[0]),
                x2=scale.at(ends[1]),
                y1="50%",
                y2="50%",
                class_=f"range s{series}",
            ),
            element("circle", cx=scale.at(value), cy="50%", r="4", class_=f"dot s{series}"),
        )
    )


def tick(scale: Scale, value: float) -> Html:
    """Return a thin mark at a value, such as what guessing would give."""
    return element("line", x1=scale.at(value), x2=scale.at(value), y1="15%", y2="85%", class_="mark")


def arrow(scale: Scale, before: float, after: float, likely: Sequence[float]) -> Html:
    """Return an arrow from one value to another, over the ends that it may have; a dot where it would have no length.

    `likely` is the interval of the difference.
    """
    way = "up" if after > before else "down"
    start, end = scale.at(before), scale.at(after)
    ends = {"x1": scale.at(before + likely[0]), "x2": scale.at(before + likely[1])}
    parts = [
        element("line", y1="50%", y2="50%", class_="likely", **ends),
        element("circle", cx=start, cy="50%", r="3", class_="dot before"),
    ]
    if start != end:
        how = {"class_": f"arrow {way}", "marker_end": f"url(#{way})"}
        parts.append(element("line", x1=start, x2=end, y1="50%", y2="50%", **how))
    return join(parts)


def arrow_heads() -> Html:
    """Return the heads of all arrows, which stand once on a page that has some."""
    heads = (
        element(
            "marker", element("path", d="M0,0 L6,3 L0,6 z", class_=f"head {way}"),
            id=way, markerWidth="6", markerHeight="6", refX="5", refY="3", orient="auto", viewBox="0 0 6 6",
        )
        for way in ("up", "down")
    )  # fmt: skip
    return element("svg", element("defs", *heads), class_="defs", aria_hidden="true")


def bar(parts: Iterable[tuple[str, int]]) -> Html:
    """Return counts as one bar; the name of each part is its class."""
    known = [(name, count) for name, count in parts if count]
    total, at, rects = sum(count for _, count in known), 0.0, []
    for name, count in known:
        width = 100 * count / total
        title = element("title", f"{name} {count:,} ({100 * count / total:.1f} %)")
        rects.append(
            Html(
                f'<rect x="{at:.3f}%" width="{width:.3f}%" y="0" height="100%" class="bar {name}">{title}</rect>'
            )
        )
        at += width
    return element("svg", *rects, class_="bars", aria_hidden="true")


def column(scale: Scale, value: float, class_: str = "s0") -> Html:
    """Return a bar from the left end of a scale to a value."""
    width = float(scale.at(value)[:-1]) - float(scale.at(scale.low)[:-1])
    return element(
        "rect", x=scale.at(scale.low), width=f"{width:.2f}%", y="20%", height="60%", class_=f"bar {class_}"
    )


def shares(value: float | None, ends: Sequence[float]) -> tuple[str, str]:
    """Return an accuracy and its interval in figures."""
    return figures.share(value), figures.DASH if value is None else figures.interval(ends)
