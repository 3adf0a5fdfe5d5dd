"""The pool of one limit of a run: which part each shard may use by what it was granted and has confirmed.

A shard that was granted a smaller part may use the larger one until it reports that it obeys the smaller one. So a
shard holds the largest of its unconfirmed parts, and another is granted only what no shard holds.
"""

from __future__ import annotations

from math import floor as rounded_down


class Pool:
    """One limit, divided among shards: all that is held together never exceeds `total`.

    The exception: requests in flight that cost more than was reserved for them may exceed an amount of money.
    """

    def __init__(self, total: float, shards: int, *, whole: bool = False) -> None:
        """Give each of the shards an equal part, which is its allotment 0; `whole` is for whole numbers."""
        self.total = total
        self.whole = whole
        self._granted: list[list[tuple[int, float]]] = [[(0, part)] for part in _equal(total, shards, whole)]
        """The parts of each shard by the number of the allotment, from the one that it obeys on."""
        self.in_use = [0.0] * shards
        """What each shard uses at this moment, which it may use up even if its part is smaller."""

    def held(self, shard: int) -> float:
        """Return what a shard may use at most."""
        return max(self.in_use[shard], *(part for _, part in self._granted[shard]), 0.0)

    def part(self, shard: int) -> float:
        """Return the part that a shard was granted last; 0.0 if it has none."""
        return self._granted[shard][-1][1] if self._granted[shard] else 0.0

    def confirm(self, shard: int, number: int, in_use: float) -> None:
        """Take note of the allotment that a shard obeys, and of what it uses."""
        granted = self._granted[shard]
        self._granted[shard] = [pair for pair in granted if pair[0] >= number] or granted[-1:]
        self.in_use[shard] = in_use

    def room(self, shard: int) -> float:
        """Return the largest part that a shard may be granted now."""
        others = sum(self.held(other) for other in range(len(self._granted)) if other != shard)
        return max(0.0, self.total - others)

    def grant(self, shard: int, number: int, part: float) -> None:
        """Grant a part, which is at most `room`."""
        granted = self._granted[shard]
        if granted and granted[-1][1] == part:  # the same as before: one of them says it all
            granted.pop()
        granted.append((number, part))

    def possible(self, shard: int, wanted: float) -> float:
        """Return the part nearest to the wanted one that may be granted now."""
        part = min(wanted, self.room(shard))
        return float(rounded_down(part + 1e-9)) if self.whole else part

    def close(self, shard: int, used_up: float = 0.0) -> None:
        """Take back all that a shard holds, besides what it has used up for good."""
        self._granted[shard] = []
        self.in_use[shard] = used_up


def _equal(total: float, shards: int, whole: bool) -> list[float]:
    if not whole:
        return [total / shards] * shards
    each, more = divmod(int(total), shards)
    return [float(each + (n < more)) for n in range(shards)]
