"""Choices that stand in the text of the question: `A) …`, `(A) …`, `A. …` or `A: …`, each on a line or in one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows
from mmlubench.schema import ALPHABET

#: A letter and its marks, at the beginning of a line; and those that may stand within a line as well.
_ON_LINES = (r"^[ \t]*\({}\)\s", r"^[ \t]*{}\)\s", r"^[ \t]*{}\.\s", r"^[ \t]*{}:\s")
_WITHIN = (r"(?:^|(?<=\s))\({}\)\s", r"(?:^|(?<=\s)){}\)\s")
#: What stands between a question and its choices.
_HEADING = re.compile(r"\s*(?:(?:answer )?(?:choices|options)\s*:)?\s*\Z", re.IGNORECASE)


def cut(rows: Rows, at: int, text: str) -> tuple[str, tuple[str, ...]]:
    """Return the question of a row without its choices, and these. Raises DataError for none, and for two readings."""
    for styles in (_ON_LINES, _WITHIN):
        found = [reading for style in styles if (reading := _read(text, style))]
        if len(found) > 1:
            raise checks.bad(
                rows, at, "its text has choices after two kinds of letters, and one was expected"
            )
        if found:
            return found[0]
    raise checks.bad(rows, at, "there are no choices in its text; expected lines such as `A) …` or `(A) …`")


def _read(text: str, style: str) -> tuple[str, tuple[str, ...]] | None:
    """Read letters of one style: from the last A that a B follows, each letter once and in order."""
    marks = [*_marks(text, style)]
    starts = [place for place, (letter, _) in enumerate(marks) if letter == "A"]
    if not starts:
        return None
    marks = marks[starts[-1] :]
    if len(marks) < 2 or [letter for letter, _ in marks] != [*ALPHABET[: len(marks)]]:
        return None
    ends = [mark.start() for _, mark in marks[1:]] + [len(text)]
    choices = tuple(text[mark.end() : end].strip() for (_, mark), end in zip(marks, ends, strict=True))
    stem = _HEADING.sub("", text[: marks[0][1].start()])
    return (stem, choices) if stem and all(choices) else None


def _marks(text: str, style: str) -> Iterator[tuple[str, re.Match[str]]]:
    pattern = re.compile(style.format("([A-Z])"), re.MULTILINE)
    return ((mark[1], mark) for mark in pattern.finditer(text))
