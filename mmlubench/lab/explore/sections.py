"""What is shown of an exploration: sections of sentences and tables, before a terminal or a page gives them a shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmlubench.figures import several

#: A value from 0 to 1 that is drawn in its row, and the ends of its interval where it has one.
Mark = tuple[float, tuple[float, float] | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the first column names the rows."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    marks: Sequence[Mark | None] = ()
    """A value for each row, which a page draws; the figures say it, too."""
    drawn: str = ""
    """What the values are, where it is not the first share of the row."""
    few: int = 0
    """The number of rows that a terminal shows of a long table, and a page before one opens it; 0 for all."""
    on_page: Sequence[int] = ()
    """The numbers of the columns of long texts, which only a page shows."""
    texts: Sequence[int] = ()
    """The numbers of the columns of whole sentences, which a page sets as text."""
    names: Sequence[int] = (0,)
    """The numbers of the columns of names, which a narrow terminal may cut."""
    less: Sequence[Sequence[int]] = ()
    """The groups of columns that a narrow terminal leaves out first."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the exploration under a heading of its own."""

    anchor: str
    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    cautions: Sequence[str] = ()
    """Sentences about what makes the data, or a figure, doubtful."""


def percent(count: float, n: int) -> str:
    """Format a share with its count: `61.8 % (8,673)`."""
    return f"{100 * count / n:.1f} % ({count:,.0f})" if n else "none"


def of(count: int, n: int, noun: str = "question") -> str:
    """Format a count with its n: `9 of 14,042 questions`."""
    return f"{count:,} of {several(n, noun)}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Join names with commas; of many, the first ones."""
    known = list(names)
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more
