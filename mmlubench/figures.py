"""Numbers formatted for people: shares, intervals, prices, times and counts."""

from __future__ import annotations

from collections.abc import Sequence

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
DOT = "\N{MIDDLE DOT}"
MINUS = "\N{MINUS SIGN}"


def share(value: float | None) -> str:
    """Format an accuracy: `0.653`."""
    return DASH if value is None else f"{value:.3f}"


def interval(ends: Sequence[float]) -> str:
    """Format an interval, with an en dash: `0.645-0.661`."""
    return f"{ends[0]:.3f}{DASH}{ends[1]:.3f}"


def dollars(value: float) -> str:
    """Format a price: `$1,234.50`, with four decimals below one dollar."""
    if 0 < value < 0.0001:
        return "under $0.0001"
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def duration(seconds: float) -> str:
    """Format a time: `8.4 s`, `12 min 3 s`, `2 h 5 min`."""
    if seconds < 59.95:  # larger values would be rounded to 60.0 s
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def several(count: float, noun: str, plural: str = "") -> str:
    """Format a count with its noun: `1 case`, `14,042 cases`, `0.5 epochs`; `plural` is for an irregular plural."""
    told = f"{count:,.0f}" if count == int(count) else f"{count:.3g}"
    return f"{told} {noun if count == 1 else plural or noun + 's'}"
