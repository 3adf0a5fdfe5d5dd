"""The keeper of a run's limits: it gives each shard a part of them, and passes on what a shard leaves idle.

It has no clock and waits for nothing: whoever runs the shards reports the usage of each about once a second, and passes
the answer to it. A part is taken away first, and given to another only after a report has shown that it is not used any
more (`pool`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mmlubench.engine.limits.allotment import CONCURRENCY, RPM, TPM, Allotment, Rates, RunLimits, Usage
from mmlubench.engine.limits.demand import Demand, rate_demand
from mmlubench.engine.limits.fair_division import divide, divide_whole
from mmlubench.engine.limits.pool import Pool

#: The share of an equal part that a shard keeps of a rate though it does not use it, so that it can begin at once.
_FLOOR = 0.05
#: After so many reports of a shard that waits for money, while no other spends any, nothing more is expected.
_QUIET = 10
#: Tolerance in US dollars: sums of floats are not exact. Below that of `Budget`, which takes what is granted.
_NOTHING = 1e-10


class Keeper:
    """Divides the limits of a run among its shards, numbered from 0.

    With `started` each shard has its equal part from the start, and keeps it until it reports. Without, it has none
    before `start`: so shards that wait for a free machine leave their parts to those that run.
    """

    def __init__(self, limits: RunLimits, shards: int, *, started: bool = True) -> None:
        self._shards = [_Shard(runs=started) for _ in range(shards)]
        self._money = None if limits.max_cost is None else Pool(limits.max_cost, shards)
        self._rates: dict[tuple[str, str], Pool] = {}
        for label, rates in limits.models.items():
            for name, total in rates.to_dict().items():
                if total is not None:
                    self._rates[label, name] = Pool(total, shards, whole=name == CONCURRENCY)
        self._labels = list(limits.models)
        for number, shard in enumerate(self._shards):
            shard.allotment = self._made(number, 0)
            if not started:
                self._take_back(number)

    @property
    def spent(self) -> float:
        """US dollars that all shards together have spent, as far as they have reported it."""
        return sum(shard.gone + shard.usage.spent for shard in self._shards)

    def start(self, shard: int) -> dict[str, Any]:
        """Return the first allotment of a process that is about to start, as an object of JSON.

        It must be where the process finds it before the process starts.
        """
        first = self._allot(shard)
        self._shards[shard].runs = True
        return first

    def report(self, shard: int, usage: Mapping[str, Any]) -> dict[str, Any]:
        """Take the `Usage` of a shard, and return its `Allotment`, both as objects of JSON.

        Raises ValueError for a usage that is none.
        """
        record = Usage.from_dict(usage)
        if self._shards[shard].has_ended:  # a report that came late
            return self._shards[shard].allotment.to_dict()
        self._note(shard, record)
        return self._allot(shard)

    def ended(self, shard: int, usage: Mapping[str, Any] | None = None) -> None:
        """Take note that the process of a shard has ended, and of its last usage: its parts go to the others.

        What was reserved by its last report counts as spent. A usage that is none, as that of a process which asked
        nothing, is left out.
        """
        if usage is not None and not self._shards[shard].has_ended:
            with suppress(ValueError):
                self._note(shard, Usage.from_dict(usage))
        self._shards[shard].has_ended = True
        self.lost(shard)

    def lost(self, shard: int) -> None:
        """Take note that the node of a shard died: its parts go to the others until its successor is started.

        What it had spent and reserved by its last report counts as spent; what it sent after that is not known.
        """
        lost = self._shards[shard]
        lost.gone += lost.usage.spent + lost.usage.reserved
        lost.usage, lost.runs, lost.reports = Usage(total=lost.usage.total), False, False
        lost.allotment = replace(lost.allotment, final=False)
        self._take_back(shard)

    # -- what is known of the shards -----------------------------------------------------------------------------

    def _note(self, number: int, usage: Usage) -> None:
        shard = self._shards[number]
        shard.is_news = not shard.reports or usage.beat != shard.usage.beat
        shard.usage, shard.reports, shard.runs = usage, True, True
        shard.quiet += shard.is_news
        if shard.is_news and not usage.wanted:
            for other in self._shards:
                other.quiet = 0
        if self._money is not None:
            self._money.confirm(number, usage.obeys, shard.committed)
        for (label, name), pool in self._rates.items():
            used = usage.models.get(label)
            in_flight = used.in_flight if used is not None and name == CONCURRENCY else 0
            pool.confirm(number, usage.obeys, in_flight)

    def _take_back(self, number: int) -> None:
        if self._money is not None:
            self._money.close(number, self._shards[number].gone)
        for pool in self._rates.values():
            pool.close(number)

    @property
    def _present(self) -> list[int]:
        """The shards that have not ended, in order."""
        return [number for number, shard in enumerate(self._shards) if not shard.has_ended]

    # -- one more allotment --------------------------------------------------------------------------------------

    def _allot(self, number: int) -> dict[str, Any]:
        """Return the allotment of a shard, which has a new number if anything in it is new."""
        shard = self._shards[number]
        parts: dict[Pool, float] = {}
        final = False
        if self._money is not None:
            targets, final = self._targets_of_money(self._money)
            parts[self._money] = self._money.possible(number, max(targets[number], shard.committed))
        for (label, name), pool in self._rates.items():
            parts[pool] = pool.possible(number, self._target(pool, label, name, number))
        is_new = any(abs(pool.part(number) - part) > 1e-9 * pool.total for pool, part in parts.items())
        final = final or shard.allotment.final  # a shard that was told so has stopped
        waits = bool(shard.usage.wanted) and not final and shard.is_news and shard.quiet <= _QUIET
        if not shard.granted or is_new or waits or final != shard.allotment.final:
            next_number = shard.allotment.number + 1
            for pool, part in parts.items():
                pool.grant(number, next_number, part)
            shard.granted = True
            shard.allotment = replace(self._made(number, next_number), final=final)
        return shard.allotment.to_dict()

    def _made(self, number: int, of: int) -> Allotment:
        gone = self._shards[number].gone
        money = None if self._money is None else max(0.0, self._money.part(number) - gone)
        models = {}
        for label in self._labels:
            mine = {name: self._rates.get((label, name)) for name in (RPM, TPM, CONCURRENCY)}
            part = {name: None if pool is None else pool.part(number) for name, pool in mine.items()}
            models[label] = Rates.from_dict(part)
        return Allotment(of, money, models)

    def _target(self, pool: Pool, label: str, name: str, number: int) -> float:
        """Return the part of a rate that a shard is to have once all others have given up what is not theirs."""
        present = self._present
        if number not in present:
            return 0.0
        demands, floors = [], []
        for one in present:
            shard, least = self._shards[one], self._least(pool, one)
            if not shard.runs:
                demand = 0.0
            elif not shard.reports:  # it has what it was given, and nothing can be taken away from it
                demand = least = max(least, pool.held(one))
            else:
                demand = rate_demand(shard.usage, label, name, pool.total / len(self._shards))
            demands.append(demand)
            floors.append(least)
        divided = (
            divide_whole(int(pool.total), demands, floors)
            if pool.whole
            else divide(pool.total, demands, floors)
        )
        return divided[present.index(number)]

    def _least(self, pool: Pool, number: int) -> float:
        if not pool.whole:
            return _FLOOR * pool.total / len(self._shards)
        # A place cannot be divided: for those that do not run, few are kept free.
        present = self._present
        absent = sum(not self._shards[one].runs for one in present)
        room = pool.total >= len(present) if self._shards[number].runs else _FLOOR * pool.total >= absent
        return float(room)

    # -- money ---------------------------------------------------------------------------------------------------

    def _targets_of_money(self, pool: Pool) -> tuple[dict[int, float], bool]:
        """Return the part of the budget that each shard is to have, and whether the budget is spent."""
        present = self._present
        over = sum(shard.committed for shard in self._shards if shard.has_ended)
        demand = Demand([self._shards[one].usage for one in present], pool.total / len(self._shards))
        demands, floors = [], []
        for n, one in enumerate(present):
            shard = self._shards[one]
            is_unseen = shard.runs and not shard.reports
            floors.append(pool.held(one) if is_unseen else shard.committed)
            asks_no_more = is_unseen or shard.allotment.final
            demands.append(floors[-1] if asks_no_more else shard.gone + demand.dollars(n))
        targets = dict(zip(present, divide(pool.total - over, demands, floors), strict=True))
        return self._with_whole_requests(targets)

    def _with_whole_requests(self, targets: dict[int, float]) -> tuple[dict[int, float], bool]:
        """Put together what is left to shards that wait for money, if none of it is enough for a request.

        Where all that is left is not enough either, and nothing in flight can make it more, the budget is spent.
        """
        shards = self._shards
        short = [one for one in targets if shards[one].usage.wanted > 0 and not shards[one].allotment.final]
        room = {one: max(0.0, target - shards[one].committed) for one, target in targets.items()}
        if not short or all(room[one] + _NOTHING >= shards[one].usage.wanted for one in short):
            return targets, False
        for givers in (short, [one for one in targets if one in short or not shards[one].runs]):
            pool = sum(room[one] for one in givers)
            served = {}
            for one in short:
                if pool + _NOTHING >= shards[one].usage.wanted:
                    served[one] = shards[one].usage.wanted
                    pool -= served[one]
            if served:
                served[min(served)] += pool
                kept = {one: shards[one].committed + served.get(one, 0.0) for one in givers}
                return {**targets, **kept}, False
        running = [shards[one] for one in targets if shards[one].runs and not shards[one].allotment.final]
        return targets, all(one.usage.wanted > 0 and not one.usage.reserved for one in running)


class _Shard:
    """What the keeper knows of one shard."""

    def __init__(self, *, runs: bool) -> None:
        self.runs = runs
        """Whether it has a process now."""
        self.reports = False
        """Whether that process has reported anything."""
        self.is_news = False
        """Whether its latest report was told anew, not the one before once more."""
        self.has_ended = False
        self.granted = False
        """Whether it has got an allotment beyond that of its options."""
        self.usage = Usage()
        self.gone = 0.0
        """US dollars that processes before this one have spent."""
        self.quiet = 0
        """Its reports since the last one of any shard that does not wait for money."""
        self.allotment = Allotment()

    @property
    def committed(self) -> float:
        """US dollars that are spent, or may be at any moment."""
        return self.gone + self.usage.spent + self.usage.reserved
