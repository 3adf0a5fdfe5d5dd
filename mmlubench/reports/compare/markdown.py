"""Comparisons as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mmlubench.printable import on_one_line
from mmlubench.reports.compare.parts import Part, Sentence, Tone

_MARKS = {Tone.TITLE: "## {}", Tone.RESULT: "**{}**", Tone.MOCK: "**{}**", Tone.CAUTION: "*{}*"}


def markdown(parts: Iterable[Part]) -> str:
    """Return the parts as Markdown; names of models and runs cannot be more than text in it."""
    return "\n\n".join("\n".join(_lines(part)) for part in parts) + "\n"


def _lines(part: Part) -> Iterator[str]:
    if isinstance(part, Sentence):
        yield _MARKS.get(part.tone, "{}").format(_text(part.text))
        return
    yield _row(part.head)
    yield _row(["---", *["---:"] * (len(part.head) - 1)], plain=True)
    yield from map(_row, part.rows)


def _row(cells: Iterable[str], *, plain: bool = False) -> str:
    return "| " + " | ".join(cell if plain else _text(cell) for cell in cells) + " |"


def _text(text: str) -> str:
    # A name such as `a_b*c` would be set in italics, and one with a bar would end its cell.
    return re.sub(r"([\\`*_{}\[\]<>|~#])", r"\\\1", on_one_line(text))
