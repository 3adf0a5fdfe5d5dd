"""Division of items into the sides of a split: seeded, and in every stratum, mostly a subject, by the same shares."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import comb

from mmlubench.datasets.splits.card import SIDES
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.lab.split.items import Item

#: What may have its share on every side: each subject, each category, or only the data set as a whole.
WAYS = ("subject", "category", "none")


def divide(
    items: Iterable[Item], fractions: Sequence[int], seed: int, by: str = WAYS[0]
) -> dict[str, list[Item]]:
    """Return the items of each of `SIDES`; `fractions` are their shares in percent, 100 in total.

    Every side gets of each stratum, which `by` of `WAYS` names, its share of the items, rounded down or up. Which way
    depends on what it got of the strata before, in alphabetical order, so that the shares hold for all items together
    as well. The items of a stratum are drawn by the seed and its name alone: the order of the data does not matter.
    Raises UserError if a side would be empty, or if fewer than half of the strata would have an item on every side.
    """
    there = sorted(items, key=lambda one: one.key)
    sides = _divided(there, fractions, seed, by)
    shares = "-".join(map(str, fractions))
    if empty := [side for side, found in sides.items() if not found]:
        raise UserError(
            f"{several(len(there), 'item')} are too few for a split of {shares}: nothing is left for "
            f"{' and '.join(empty)}; take more data or languages, or other --fractions."
        )
    covered, strata = _covered(sides, by)
    if 2 * covered < strata:
        way = _coarser(there, fractions, seed, by)
        raise UserError(
            f"{several(len(there), 'item')} are too few for a split of {shares} stratified by {by}: only {covered:,} "
            f"of {strata:,} would have an item on every side; give --stratify {way}, more data, or other --fractions."
        )
    return sides


def _coarser(there: Sequence[Item], fractions: Sequence[int], seed: int, by: str) -> str:
    """Return the first of the ways after `by` that these items are enough for."""
    for way in WAYS[WAYS.index(by) + 1 : -1]:
        covered, strata = _covered(_divided(there, fractions, seed, way), way)
        if strata > 1 and 2 * covered >= strata:
            return way
    return WAYS[-1]


def _divided(there: Iterable[Item], fractions: Sequence[int], seed: int, by: str) -> dict[str, list[Item]]:
    strata: dict[str, list[Item]] = {}
    for item in there:
        strata.setdefault(_stratum(item, by), []).append(item)
    sides: dict[str, list[Item]] = {side: [] for side in SIDES}
    owed = [0] * len(SIDES)  # hundredths of items that each side should have more than it has
    for name in sorted(strata):
        same = strata[name]
        random.Random(f"{seed}/split/{name}").shuffle(same)
        ends = [*accumulate(_counts(len(same), fractions, owed))]
        for side, begin, end in zip(SIDES, [0, *ends], ends, strict=False):
            sides[side] += same[begin:end]
    return sides


def _stratum(item: Item, by: str) -> str:
    return {"subject": item.subject, "category": item.category}.get(by, "")


def _covered(sides: Mapping[str, Iterable[Item]], by: str) -> tuple[int, int]:
    """Return how many strata have an item on every side, of how many."""
    found = [{_stratum(item, by) for item in there} for there in sides.values()]
    return len(set.intersection(*found)), len(set.union(*found))


def _counts(n: int, fractions: Sequence[int], owed: list[int]) -> list[int]:
    """Return how many of `n` items each side gets, its share rounded down or up, and note in `owed` what it lacks."""
    wanted = [n * fraction for fraction in fractions]
    counts = [hundredths // 100 for hundredths in wanted]
    for at, (hundredths, count) in enumerate(zip(wanted, counts, strict=True)):
        owed[at] += hundredths - 100 * count
    partly = [at for at, hundredths in enumerate(wanted) if hundredths % 100]
    for at in sorted(partly, key=lambda side: (-owed[side], side))[: n - sum(counts)]:
        counts[at] += 1
        owed[at] -= 100
    return counts


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a random split of the rows would have had."""

    items: int
    """The items of several rows, such as translations."""
    found: int
    """How many of them have rows on several sides, by one random split."""
    expected: float
    """How many of them have on average over all random splits."""

    def to_dict(self) -> dict[str, float]:
        """Return the values for JSON."""
        return {"items": self.items, "found": self.found, "expected": round(self.expected, 1)}


def leaks(items: Iterable[Item], fractions: Sequence[int], seed: int) -> Leaks:
    """Count the items that a random split of the rows by the same shares and seed would have put on several sides.

    Of an item of m among N rows, all are on one side with the probability Σ C(n_side, m) / C(N, m).
    """
    several_rows = [sorted(item.places) for item in items]
    order = sorted(place for places in several_rows for place in places)
    random.Random(f"{seed}/rows").shuffle(order)
    ends = [round(len(order) * upto / 100) for upto in accumulate(fractions)]
    counts = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    side_of: Mapping[int, int] = {place: sum(rank >= end for end in ends) for rank, place in enumerate(order)}
    many = [places for places in several_rows if len(places) > 1]
    found = sum(len({side_of[place] for place in places}) > 1 for places in many)
    apart = {size: _apart(size, counts) for size in {len(places) for places in many}}
    return Leaks(len(many), found, sum(apart[len(places)] for places in many))


def _apart(size: int, counts: Sequence[int]) -> float:
    """Return the probability that so many rows do not all lie on one of the sides, which have so many rows each."""
    return 1 - sum(comb(count, size) for count in counts) / comb(sum(counts), size)
