"""The budget of batches: `--max-cost` is kept by sending no more requests than it can pay for.

As for interactive requests (`engine/limits/budget.py`), the cost of a reply is known once it is there: until then each
request in flight holds the most that it can cost, and after the first replies the cost of the dearest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from mmlubench.batch.requests import Asked
from mmlubench.models.spec import Price

#: Tolerance in US dollars: sums of floats are not exact.
_NOTHING = 1e-9


class Purse:
    """The US dollars that the batches of one command may cost; with the limit None, cost is only counted."""

    def __init__(self, limit_usd: float | None) -> None:
        self.limit_usd = limit_usd
        self.spent = 0.0
        self._held: dict[object, float] = {}
        self._dearest: dict[str, float] = {}

    def affordable(self, asked: Sequence[Asked], price: Price | None) -> int:
        """Return how many of these requests, from the first on, the limit still has room for."""
        if self.limit_usd is None:
            return len(asked)
        left = self.limit_usd - self.spent - sum(self._held.values())
        for number, one in enumerate(asked):
            left -= self._at_most(one, price)
            if left < -_NOTHING:
                # Nothing else could show what a reply costs where no price is known.
                return max(number, 1 if self._is_first(one) and left == -inf else 0)
        return len(asked)

    def hold(self, what: object, asked: Sequence[Asked], price: Price | None) -> float:
        """Set aside what a batch can cost, and return that; nothing without a limit."""
        if self.limit_usd is None:
            return 0.0
        most = sum(self._at_most(one, price) for one in asked)
        self._held[what] = self.limit_usd if most == inf else most
        return self._held[what]

    def take_over(self, spent_usd: float, held_usd: float) -> None:
        """Count what batches of a command before have cost, and what those of them under way may cost."""
        self.spent += spent_usd
        if held_usd:
            self._held[object()] = held_usd

    def release(self, what: object) -> None:
        """Give back what was set aside for a batch that has ended."""
        self._held.pop(what, None)

    def pay(self, label: str, cost_usd: float | None) -> None:
        """Count what a reply of a model has cost."""
        self.spent += cost_usd or 0.0
        self._dearest[label] = max(self._dearest.get(label, 0.0), cost_usd or 0.0)

    @property
    def is_holding(self) -> bool:
        """Whether anything is set aside, which may come back."""
        return bool(self._held)

    def why_not(self) -> str:
        """Return why nothing more is sent, as a sentence."""
        return (
            f"--max-cost {self.limit_usd:g}: ${self.spent:.4f} is spent on batches, and one more request might go "
            "beyond that; run again with a higher --max-cost to go on."
        )

    def _is_first(self, one: Asked) -> bool:
        return one.label not in self._dearest and self.spent == 0 and not self._held

    def _at_most(self, one: Asked, price: Price | None) -> float:
        if one.label in self._dearest:
            return self._dearest[one.label]
        return inf if price is None else price.cost(one.input_tokens, 0, one.reply_tokens)
