"""The curves of a training as SVG: the loss, and the accuracy on the validation side with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import floor, log10
from typing import NamedTuple

from mmlubench import figures
from mmlubench.lab.finetune.stages import Point
from mmlubench.reports.page.markup import Html, element, join
from mmlubench.stats.intervals import wilson

_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 40
_INK, _GREY, _GRID = "#1f2328", "#59636e", "#d8dee4"
_LOSS, _ACCURACY, _REFERENCE = "#0b62b8", "#8250df", "#9a6700"


class Frame(NamedTuple):
    """One plot: where it begins, and which values its ends are."""

    left: float
    steps: int
    low: float
    high: float

    def x(self, step: float) -> float:
        """Return the place of a step."""
        return round(self.left + _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / max(1, self.steps), 1)

    def y(self, value: float) -> float:
        """Return the place of a value; what is outside stands at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share, 1)


def curves(
    history: Sequence[Point], *, references: dict[str, float] | None = None, chance: float | None = None
) -> str:
    """Return an SVG of both curves; that of the accuracy is left out if the validation side was not asked.

    `references` are published accuracies by name, `chance` is that of guessing: both are dashed lines.
    """
    steps = max((point.step for point in history), default=1)
    losses = [(point.step, point.loss) for point in history if point.loss is not None]
    looks = [point for point in history if point.accuracy is not None]
    plots = []
    if losses:
        plots.append(_loss(0, steps, losses))
    if looks:
        marks = {**(references or {}), **({"chance": chance} if chance is not None else {})}
        plots.append(_accuracy(_WIDTH * len(plots), steps, looks, marks))
    width = _WIDTH * max(1, len(plots))
    font = "font-family:system-ui,sans-serif;font-size:12px"
    content = (
        element("title", "Loss and validation accuracy by step"),
        element("rect", width=width, height=_HEIGHT, fill="#ffffff"),
        *plots,
    )
    return str(
        element(
            "svg", *content, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {_HEIGHT}",
            width=width, height=_HEIGHT, style=font, role="img",
        )
    ) + "\n"  # fmt: skip


def _loss(left: float, steps: int, losses: Sequence[tuple[int, float]]) -> Html:
    finite = [loss for _, loss in losses if loss == loss and abs(loss) != float("inf")]
    frame = Frame(left, steps, 0.0, _nice(max(finite, default=1.0)))
    line = _line(frame, losses, _LOSS)
    return join((_axes(frame, "Loss (nats a token of the answer)", lambda value: f"{value:.3g}"), line))


def _accuracy(left: float, steps: int, looks: Sequence[Point], marks: dict[str, float]) -> Html:
    frame = Frame(left, steps, 0.0, 1.0)
    asked = {point.asked for point in looks}
    n = f"{next(iter(asked)):,}" if len(asked) == 1 else "?"
    parts: list[str] = [
        _axes(frame, f"Validation accuracy (n = {n}, 95 % interval)", lambda value: f"{value:.1f}")
    ]
    for place, (name, value) in enumerate(sorted(marks.items(), key=lambda pair: -pair[1])):
        parts.append(_reference(frame, f"{name.replace('_', ' ')} {figures.share(value)}", value, place))
    parts.append(_line(frame, [(point.step, point.accuracy or 0.0) for point in looks], _ACCURACY))
    for point in looks:
        low, high = wilson(point.right or 0, point.asked or 0)
        x = frame.x(point.step)
        parts.append(element("line", x1=x, x2=x, y1=frame.y(low), y2=frame.y(high), stroke=_ACCURACY))
        parts.append(element("circle", cx=x, cy=frame.y(point.accuracy or 0.0), r="3", fill=_ACCURACY))
    return join(parts)


def _axes(frame: Frame, title: str, shown: Callable[[float], str]) -> Html:
    right, bottom = frame.x(frame.steps), _HEIGHT - _BOTTOM
    parts = [element("text", title, x=frame.left + 12, y="20", fill=_INK, font_weight="600")]
    for tick in range(5):
        value = frame.low + (frame.high - frame.low) * tick / 4
        y = frame.y(value)
        parts.append(element("line", x1=frame.x(0), x2=right, y1=y, y2=y, stroke=_GRID))
        text = f"{value:.2f}" if frame.high == 1 else shown(value)
        parts.append(element("text", text, x=frame.x(0) - 6, y=y + 4, fill=_GREY, text_anchor="end"))
    for step, anchor in ((0, "start"), (frame.steps, "end")):
        parts.append(
            element("text", f"{step:,}", x=frame.x(step), y=bottom + 16, fill=_GREY, text_anchor=anchor)
        )
    middle = (frame.x(0) + right) / 2
    parts.append(element("text", "step", x=middle, y=bottom + 30, fill=_GREY, text_anchor="middle"))
    return join(parts)


def _line(frame: Frame, values: Iterable[tuple[int, float]], colour: str) -> Html:
    known = [(step, value) for step, value in values if value == value]  # not a number where training broke
    path = " ".join(
        f"{'L' if place else 'M'}{frame.x(step)},{frame.y(value)}"
        for place, (step, value) in enumerate(known)
    )
    dot = (
        element("circle", cx=frame.x(known[0][0]), cy=frame.y(known[0][1]), r="3", fill=colour)
        if known
        else ""
    )
    return join((element("path", d=path, fill="none", stroke=colour, stroke_width="2"), Html(dot)))


def _reference(frame: Frame, name: str, value: float, place: int) -> Html:
    y, right = frame.y(value), frame.x(frame.steps)
    # Names stand above at the right and below at the left in turn, so that two close lines can be read.
    x, anchor = (right, "end") if place % 2 == 0 else (frame.x(0) + 4, "start")
    return join(
        (
            element("line", x1=frame.x(0), x2=right, y1=y, y2=y, stroke=_REFERENCE, stroke_dasharray="4 3"),
            element(
                "text", name, x=x, y=y + (-4 if place % 2 == 0 else 14), fill=_REFERENCE, text_anchor=anchor
            ),
        )
    )


def _nice(value: float) -> float:
    """Return the next 1, 2, 4 or 8 times a power of ten, as the end of an axis with four parts."""
    if value <= 0:
        return 1.0
    power = 10 ** floor(log10(value))
    return float(next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value))
