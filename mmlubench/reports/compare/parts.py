"""The parts of a comparison that is shown: sentences and tables, before a terminal or Markdown gives them a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Tone(Enum):
    """What a sentence is."""

    TITLE = "title"
    RESULT = "result"
    PLAIN = "plain"
    CAUTION = "caution"
    MOCK = "mock"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of figures, whose first column holds names."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    less: Sequence[Sequence[int]] = field(default=())
    """The groups of columns that are left out first where the table is too wide, by their numbers, in that order."""
    names: Sequence[int] = (0,)
    """The numbers of all columns that hold names, which are cut where the table is still too wide."""


Part = Sentence | Grid
