"""Names that are too long for their column, cut where they do not differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from mmlubench import figures

#: What stands between the two names of a pair.
BETWEEN = f" {figures.MINUS} "
_CUT = "…"
#: The fewest characters that are left of a name when what it shares with all others is cut.
_LEAST = 4


def pair_name(first: str, second: str) -> str:
    """Return the name of a pair of models."""
    return f"{first}{BETWEEN}{second}"


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Return names, or pairs of names, of at most `width` columns each where that is possible.

    The beginning and the end that all have in common are left out first, then the middle of each.
    """
    from rich.cells import cell_len

    if all(cell_len(name) <= width for name in names):
        return list(names)
    split = [name.split(BETWEEN) for name in names]
    singles = list(dict.fromkeys(part for parts in split for part in parts))
    each = _share(width, max(map(len, split)))
    start, end = _needless(singles, max(map(cell_len, singles)) - each)
    return [_fitted([_without(part, start, end) for part in parts], width) for parts in split]


def _share(width: int, parts: int) -> int:
    """Return the columns for each of several names side by side."""
    return max(_LEAST, (width - len(BETWEEN) * (parts - 1)) // parts)


def _needless(names: Sequence[str], excess: int) -> tuple[int, int]:
    """Return how many characters to cut at the beginning and at the end, both the same in all names.

    They are no more than names of so many characters too many need, each cut taking one for its sign.
    """
    if len(names) < 2:
        return 0, 0
    room = max(0, min(map(len, names)) - _LEAST)
    start = min(_same(names), room, excess + 1)
    start = start if start > 1 else 0
    left = excess - max(0, start - 1)
    end = min(_same([name[::-1] for name in names]), room - start, left + 1) if left > 0 else 0
    return start, (end if end > 1 else 0)


def _same(names: Sequence[str]) -> int:
    """Return the number of characters with which all names begin."""
    columns = zip(*names, strict=False)  # as far as the shortest goes
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def _without(name: str, start: int, end: int) -> str:
    return f"{_CUT if start else ''}{name[start : len(name) - end]}{_CUT if end else ''}"


def _fitted(parts: Sequence[str], width: int) -> str:
    return BETWEEN.join(_cut_in_the_middle(part, _share(width, len(parts))) for part in parts)


def _cut_in_the_middle(name: str, width: int) -> str:
    from rich.cells import cell_len

    if cell_len(name) <= width:
        return name
    kept = width - 1  # at most, as a character takes a column or two
    while kept > 1 and cell_len(_halves(name, kept)) > width:
        kept -= 1
    return _halves(name, kept)


def _halves(name: str, kept: int) -> str:
    return f"{name[: kept // 2]}{_CUT}{name[len(name) - (kept + 1) // 2 :]}"
