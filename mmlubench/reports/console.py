"""The terminal that text is laid out for: what rich may do there, and signs for terminals that show only ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmlubench import figures

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN_SIGNS = str.maketrans(
    {figures.DOT: "-", figures.DASH: "-", figures.MINUS: "-", figures.TIMES: "x", "─": "-", "…": "~"}
)


def console_of(width: int, *, color: bool) -> Console:
    """Return a console of `width` columns that no environment variable changes."""
    from rich.console import Console

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


def plain(line: str) -> str:
    """Return a line in ASCII: other signs are replaced by like ones, other characters by `?`."""
    return line.translate(_PLAIN_SIGNS).encode("ascii", "replace").decode()
