"""Tick lists and tables: the one option that is ticked, on a row of its own or in a column."""

from __future__ import annotations

import re

from mmlubench.grading.patterns import regex

_YES = r"(?:[\u2713\u2714\u2611\u2705\U0001f5f8\u25c9\u25cf\U0001f7e2]|\[[xX\u2713\u2714]\]|\([xX\u2713\u2714\u2022]\))"
_NO = r"(?:[\u2717\u2718\u274c\u2716\u2610\u2b1c\u25cb\u25ef\U0001f534]|\[[ ]?\]|\([ ]\))"
_MARK = rf"(?:{_YES}|{_NO})"
_WORD_YES, _WORD_NO = r"(?i:correct|right)\b", r"(?i:incorrect|wrong|not[ ](?:correct|right))\b"
# A letter at the beginning of a row, perhaps behind a bullet, a table's edge or its mark.
_ROW = (
    rf"^[ \t|>*+\u2022-]{{0,8}}(?:{_MARK}\ufe0f?[ \t|*]{{0,4}})?[*_(`]{{0,3}}"
    rf"(?:(?i:option|choice|answer)[ ])?[*_(`]{{0,3}}([A-Z])(?=[*_`]{{0,3}}(?:[).:|\u2013\u2014-]|[ \t]|{_MARK}|$))"
)
_CELL_YES = rf"{_YES}|\|[ *]{{0,4}}{_WORD_YES}"
_CELL_NO = rf"{_NO}|\|[ *]{{0,4}}{_WORD_NO}"
_LONGEST = 400  # characters of a row


def read_ticks(text: str, letters: str) -> tuple[bool, str | None]:
    """Return whether a reply ticks any of its options, which stand on a row each, and the only one that is ticked."""
    if not regex(rf"{_MARK}|\|").search(text):
        return False, None
    rows: dict[str, bool] = {}
    for line in text.splitlines():
        row = regex(_ROW).match(line[:_LONGEST])
        if not row or row[1] not in letters:
            continue
        yes, no = (regex(pattern).search(line[:_LONGEST]) for pattern in (_CELL_YES, _CELL_NO))
        if yes and no:  # a table of properties
            return False, None
        rows[row[1]] = rows.get(row[1], False) or bool(yes)
    ticked = [letter for letter, yes in rows.items() if yes]
    if len(rows) > 1 and ticked:
        return True, ticked[0] if len(ticked) == 1 else None
    return _in_columns(text, letters)


def _in_columns(text: str, letters: str) -> tuple[bool, str | None]:
    """Read a table whose head has the letters, above a row with one mark for each."""
    lines = [line.strip() for line in text.splitlines() if "|" in line and not regex(r"^[ |:+-]*\Z").match(line)]
    for head, marks in zip(lines, lines[1:], strict=False):
        names, cells = _cells(head), _cells(marks)
        if len(names) < 2 or len(names) != len(cells):
            continue
        pairs = [(name, cell) for name, cell in zip(names, cells, strict=True) if len(name) == 1 and name in letters]
        ticked = [name for name, cell in pairs if regex(_YES).match(cell)]
        if len(pairs) > 1 and ticked:
            return True, ticked[0] if len(ticked) == 1 else None
    return False, None


def _cells(line: str) -> list[str]:
    return [cell.strip(" *_()`") or cell.strip() for cell in line.strip("| ").split("|")]
