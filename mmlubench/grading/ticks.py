"""Tick lists and tables: the one option that is ticked, on a row of its own, in a column or on one line."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from mmlubench.grading.patterns import regex

_YES = (
    r"(?:[\u2713\u2714\u2611\u2705\U0001f5f8\u25c9\u25cf\U0001f7e2]|(?<![^\W_])\[[xX\u2713\u2714]\]"
    r"|(?<![^\W_])\([xX\u2713\u2714\u2022]\))"
)
_NO = r"(?:[\u2717\u2718\u274c\u2716\u2610\u2b1c\u25cb\u25ef\U0001f534]|\[[ ]?\]|\([ ]\))"
_MARK = rf"(?:{_YES}|{_NO})"
# In a table the marks may also be words.
_CELL_YES = rf"{_YES}|\|[ *]{{0,4}}(?i:correct|right)\b"
_CELL_NO = rf"{_NO}|\|[ *]{{0,4}}(?i:incorrect|wrong|not[ ](?:correct|right))\b"
# A letter at the beginning of a row, perhaps behind a bullet, a table's edge or its mark.
_ROW = (
    rf"[ \t|>*+\u2022-]{{0,8}}(?:{_MARK}[ \t|*]{{0,4}})?[*_(`]{{0,3}}"
    rf"(?:(?i:option|choice|answer)[ ])?[*_(`]{{0,3}}([A-Z])(?=[*_`]{{0,3}}(?:[).:|\u2013\u2014-]|[ \t]|{_MARK}|$))"
)
_MARK_OR_LETTER = rf"{_MARK}|(?<![^\W_])[A-Z](?![^\W_])"
_ASCII_SIGNS = ("|", "[", "(x)", "(X)", "( )")
_RULE = r"[ |:+-]*$"  # the line below the head of a table
_LONGEST = 400  # characters of a row

Ticks = tuple[bool, str | None]


def read_ticks(text: str, letters: str) -> Ticks:
    """Return whether a reply ticks any of its options, and the only one that is ticked.

    A table with both kinds of marks in one row tells properties of the options, and ticks none.
    """
    if text.isascii() and not any(sign in text for sign in _ASCII_SIGNS):
        return False, None
    lines = [line[:_LONGEST] for line in text.splitlines()]
    if len(lines) == 1:
        return _judged(_on_one_line(lines[0], letters), alone=True)
    found = [(row[1], line) for line in lines if (row := regex(_ROW).match(line)) and row[1] in letters]
    marks = [
        (letter, bool(regex(_CELL_YES).search(line)), bool(regex(_CELL_NO).search(line)))
        for letter, line in found
    ]
    if any(yes and no for _, yes, no in marks):
        return False, None
    rows = _judged((letter, yes) for letter, yes, _ in marks)
    return rows if rows[0] else _judged(_in_columns(lines, letters))


def _judged(rows: Iterable[tuple[str, bool]], alone: bool = False) -> Ticks:
    """Return the result for options and whether each is ticked; one without others beside it counts if `alone`."""
    named = list(rows)
    ticked = {letter for letter, yes in named if yes}
    if not ticked or (len({letter for letter, _ in named}) < 2 and not alone):
        return False, None
    return True, ticked.pop() if len(ticked) == 1 else None


def _on_one_line(line: str, letters: str) -> list[tuple[str, bool]]:
    """Read `A \u2717 B \u2713` or `\u2610 A \u2611 B`: the options in order, each with the mark behind or before it."""
    signs: list[tuple[str, bool | None]] = []
    for sign in regex(_MARK_OR_LETTER).findall(line):
        if not regex(_MARK).fullmatch(sign):
            named = sum(mark is None for _, mark in signs)
            if not (sign in letters and (named == 0 or sign == letters[named : named + 1])):
                continue
            signs.append((sign, None))
        else:
            signs.append(("", bool(regex(_YES).fullmatch(sign))))
    pairs = list(zip(signs[::2], signs[1::2], strict=False))
    if not pairs or len(signs) % 2:
        return []
    if signs[0][0] == "":
        pairs = [(letter, mark) for mark, letter in pairs]
    if any(not letter or mark is None for (letter, _), (_, mark) in pairs):
        return []
    return [(letter, bool(mark)) for (letter, _), (_, mark) in pairs]


def _in_columns(lines: list[str], letters: str) -> list[tuple[str, bool]]:
    """Read a table whose head has the letters, above a row with a mark for each."""
    rows = [_cells(line) for line in lines if "|" in line and not regex(_RULE).match(line)]
    for head, marks in pairwise(rows):
        pairs = [
            (name, mark)
            for name, mark in zip(head, marks, strict=False)
            if len(name) == 1 and name in letters
        ]
        if len(pairs) > 1 and any(regex(_YES).match(mark) for _, mark in pairs):
            return [(name, bool(regex(_YES).match(mark))) for name, mark in pairs]
    return []


def _cells(line: str) -> list[str]:
    return [cell.strip(" *_") for cell in line.strip().strip("|").split("|")]
