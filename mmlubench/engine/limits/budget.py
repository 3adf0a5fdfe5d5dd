"""The budget of a run: `--max-cost` is kept by sending no more requests, never by discarding paid replies.

The cost of a reply is known only once it has arrived, so an amount is reserved for every request in flight: the cost of
the dearest reply of that model so far, or, before the first reply, the most that the request can cost. A request that
does not fit waits for those in flight, most of which turn out cheaper; with none in flight, the budget is spent. So the
limit is exceeded only if requests in flight cost more than any before them, and only by that difference. A failed
attempt reports no cost, so none is counted for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf

from mmlubench.errors import BudgetSpent, UserError
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.schema import Completion, Request

_FREE = Price(0.0, 0.0)
#: Tolerance in US dollars: sums of floats are not exact.
_NOTHING = 1e-9
#: For the most that a first request can cost: English text has no more tokens than this assumes.
_LEAST_CHARS_PER_TOKEN = 2
#: For the same: the tokens of a reply whose length nothing limits.
_LONG_REPLY = 4096
#: The part of a limit with which a first request is sent, whatever it costs.
_A_LITTLE = 0.001


class Budget:
    """The US dollars that all models of one process may spend; with the limit None, cost is only counted.

    `limit_usd` is the limit of the whole run. Each of the workers, which are called `each` in sentences, gets an equal
    part from the start: what one of them does not use, another cannot spend, unless somebody `allows` them other parts
    while they run. A worker that replaces a crashed one goes on with the rest of its part: `gone` is what the crashed
    one had spent. `note` is called with the amount gone each time it changes. That amount includes reservations for
    requests in flight, as a worker that crashes never learns their cost.
    """

    def __init__(
        self,
        limit_usd: float | None = None,
        *,
        workers: int = 1,
        gone: float = 0.0,
        note: Callable[[float], object] | None = None,
        each: str = "workers",
        allows: bool = False,
    ) -> None:
        self.limit_usd = limit_usd
        self.spent = 0.0
        """US dollars that this process has spent."""
        self._part = inf if limit_usd is None else limit_usd / workers
        self._workers, self._each = workers, each
        self._gone = gone
        self._note = note
        self._set_aside = 0.0
        self._in_flight = 0
        self._why_not = ""
        self._expects_more = allows
        self._is_allotted = self._is_whole = False
        self.wanted = 0.0
        """US dollars that the cheapest request needs which waits for the budget; 0.0 if none waits."""
        self._freed = asyncio.Event()

    def add(self, cost_usd: float) -> None:
        """Count what a reply cost."""
        self.spent += cost_usd

    def take(self, amount: float, *, first: bool = False) -> float | None:
        """Reserve US dollars for a request; return the amount, or None if the request has to wait for `freed`.

        The `first` request of a model may be sent alone even if it might not fit, since nothing else shows its cost.
        Raises BudgetSpent.
        """
        if self._why_not:
            raise BudgetSpent(self._why_not)
        left = self._part - self._gone - self.spent
        if self._set_aside + amount > left + _NOTHING:
            if self._in_flight or (self._expects_more and not (first and left > _NOTHING)):
                self._note_wanted(amount, first=first)
                return None
            if not first or left <= _NOTHING:
                self.stop(self._is_spent())
                raise BudgetSpent(self._why_not)
            amount = left
        self._set_aside += amount
        self._in_flight += 1
        self._tell()
        return amount

    def give_back(self, amount: float) -> None:
        """Release the amount that was reserved for a request that has ended."""
        self._in_flight -= 1
        self._set_aside = self._set_aside - amount if self._in_flight else 0.0
        self._tell()
        self._wake()

    async def freed(self) -> None:
        """Wait until an amount is given back, or until the budget is stopped."""
        await self._freed.wait()

    def stop(self, why: str) -> None:
        """Allow no more requests; `why` is a sentence for the user."""
        self._why_not = why
        self._wake()

    @property
    def reserved(self) -> float:
        """US dollars that are reserved for requests in flight."""
        return self._set_aside

    def allow(self, part_usd: float, *, final: bool) -> None:
        """Let the process spend so much in all, up or down; with `final` the whole run has no more to give.

        What is spent or reserved already stays so, even if it is more.
        """
        self._part, self._is_allotted, self._is_whole = part_usd, True, final
        if final:
            self._expects_more = False
        wanted = self.wanted
        self._wake()
        # Those who wait have not looked yet, and the keeper must not take them for content.
        self.wanted = wanted

    def expect_no_more(self) -> None:
        """Stop as soon as the present part is spent: nobody has given more in a long time."""
        self._expects_more = False
        self._wake()

    def _note_wanted(self, amount: float, *, first: bool) -> None:
        # Nothing is known of a first request, which is sent alone with whatever is left.
        needed = min(amount, _A_LITTLE * (self.limit_usd or 0.0)) if first else amount
        self.wanted = min(self.wanted or needed, needed)

    def _wake(self) -> None:
        self.wanted = 0.0  # whoever still has to wait says so again
        self._freed.set()
        self._freed.clear()

    def _tell(self) -> None:
        if self._note is not None:
            self._note(self._gone + self.spent + self._set_aside)

    def _is_spent(self) -> str:
        part = f" (${self._part:.4g} for each of {self._workers} {self._each})" if self._workers > 1 else ""
        if self._is_allotted:
            part = f" (${self._part:.4g} of it for this shard)" if not self._is_whole else " of all shards"
        spent = f"${self._gone + self.spent:.4f}"
        return (
            f"--max-cost {self.limit_usd:g}{part}: {spent} is spent, and one more request might go beyond that; "
            "run again with a higher --max-cost to go on."
        )


class Budgeted:
    """A Model that sends a request only if the budget has room for it."""

    def __init__(self, model: Model, budget: Budget, spec: ModelSpec) -> None:
        self._model = model
        self._budget = budget
        self._spec = spec
        self._price = _FREE if spec.is_mock else spec.price
        self._dearest: float | None = None

    async def generate(self, request: Request) -> Completion:
        """Answer, and count the cost. Raises BudgetSpent before any request; else what the wrapped model raises."""
        budget = self._budget
        if budget.limit_usd is None:
            completion = await self._model.generate(request)
            budget.add(completion.usage.cost_usd or 0.0)
            return completion
        held = await self._hold(request)
        try:
            completion = await self._model.generate(request)
            self._count(completion.usage.cost_usd, request)
        finally:
            budget.give_back(held)
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()

    async def _hold(self, request: Request) -> float:
        while True:
            first = self._dearest is None
            held = self._budget.take(self._at_most(request), first=first)
            if held is not None:
                return held
            await self._budget.freed()

    def _at_most(self, request: Request) -> float:
        """Estimate the cost of a request in US dollars, rather too high than too low."""
        if self._dearest is not None:
            return self._dearest
        if self._price is None:
            return inf
        reply = request.params.max_tokens or self._spec.max_output_tokens or _LONG_REPLY
        return self._price.cost(request.chars // _LEAST_CHARS_PER_TOKEN, 0, reply)

    def _count(self, cost: float | None, request: Request) -> None:
        if cost is None:
            cost = self._at_most(request)
            if cost == inf:
                self._budget.stop(
                    f"--max-cost {self._budget.limit_usd:g} cannot be kept: {self._spec.label} does not say what a "
                    "reply costs; give its price in models.yaml under price."
                )
                return
        self._budget.add(cost)
        self._dearest = max(self._dearest or 0.0, cost)


def check_prices(limit_usd: float | None, specs: Iterable[ModelSpec]) -> None:
    """Raise UserError if there is a limit, but no way to know the cost of a model: no price and no cost in replies."""
    unknown = [s.label for s in specs if not (s.is_mock or s.tells_cost or s.price is not None)]
    if limit_usd is not None and unknown:
        names = ", ".join(unknown)
        raise UserError(
            f"--max-cost {limit_usd:g}: no price is known for {names}; give one in models.yaml under price."
        )
