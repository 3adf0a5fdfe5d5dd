"""The thresholds of a headline accuracy: the most cases that may fail, and the most replies without a letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import floor
from types import MappingProxyType
from typing import Any

from mmlubench.schema import Outcome
from mmlubench.settings import Settings
from mmlubench.stats.tally import Tally

#: What to do about unparsed replies whose cause is known.
_CAUSES = {
    "thinking": "thinking without a reply ({count}): turn thinking off (extra_body in models.yaml), or check the "
    "reasoning parser of the server, which may have taken the reply for thinking",
    "tool_call": "a tool call without text ({count}): set tool_choice: none (extra_body in models.yaml), or "
    "start the server without its tool parser",
}

#: The default advice, for a caller that knows nothing of the run: how failed cases are asked again, and how letters are
#: found that hold too little probability.
RUN_AGAIN = "run the same command again, which asks only the failed cases"
OTHER_WAYS = "take a recipe that ends before the letter, such as --recipe hendrycks, or --scoring text"
#: From this number of replies on, one without a letter is allowed whatever the rate.
_FORGIVES_FROM = 10


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares from 0 to 1 that decide whether a run has a headline accuracy.

    Failed cases are missing, perhaps not at random (long prompts fail first), and asking only those again is cheap. So
    the rule for errors is strict: below 100 cases, 1 % allows none. A reply without a letter already counts as not
    right, and asking again does not change it. In a small run a single one is above 2 % but says nothing about the
    rate, and it moves the accuracy by 1/n, far less than the width of the interval. So one is allowed from 10 replies
    on; below 10 it would be a large part of the result. A rate of 0 allows none.
    """

    max_error_rate: float = Settings.max_error_rate
    """The share of asked cases that may end in errors."""
    max_unparsed_rate: float = Settings.max_unparsed_rate
    """The share of replies that may be unparsed or truncated."""
    min_letter_mass: float = Settings.min_letter_mass
    """The mean probability that the letters must have together where they are scored by log-probability."""

    def errors_allowed(self, asked: int) -> int:
        """Return how many of `asked` cases may end in errors."""
        return _part(self.max_error_rate, asked)

    def unparsed_allowed(self, answered: int) -> int:
        """Return how many of `answered` replies may name no letter."""
        forgiven = answered >= _FORGIVES_FROM and self.max_unparsed_rate > 0
        return max(int(forgiven), _part(self.max_unparsed_rate, answered))

    def why_no_headline(
        self,
        total: Tally,
        unfinished: str = "",
        causes: Mapping[str, int] = MappingProxyType({}),
        *,
        again: str = RUN_AGAIN,
        letter_mass: float | None = None,
        other_ways: str = OTHER_WAYS,
    ) -> str | None:
        """Return why these cases have no headline accuracy, and what to do, as half a sentence; None if they have one.

        `unfinished` says why selected cases are missing: the first cases of a run are no fair sample of all. `causes`
        counts unparsed replies by the rule in their entry: `unparsed`, `unparsed:thinking`, `unparsed:tool_call`.
        `again` says how failed cases are asked again. `letter_mass` is the mean probability of the letters, None if
        none was scored, and `other_ways` says how letters that hold too little of it are found.
        """
        no_letters = self._letter_mass(letter_mass, other_ways)
        reasons = list(
            filter(None, (unfinished, self._errors(total, again), self._unparsed(total, causes), no_letters))
        )
        if not (reasons or total.answered):
            reasons = [f"0 of {total.n:,} cases were answered"]
        return "; and ".join(reasons) or None

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return asdict(self)

    def _errors(self, total: Tally, again: str) -> str | None:
        allowed = self.errors_allowed(total.asked)
        if total.errors <= allowed:
            return None
        return (
            f"{_of(total.errors, total.asked, 'cases')} ended in errors, "
            f"{_allows('--max-error-rate', self.max_error_rate, allowed)}: "
            f"fix the cause and {again}"
        )

    def _unparsed(self, total: Tally, causes: Mapping[str, int]) -> str | None:
        unparsed, truncated = total.outcomes[Outcome.UNPARSED], total.outcomes[Outcome.TRUNCATED]
        found, allowed = unparsed + truncated, self.unparsed_allowed(total.answered)
        if found <= allowed:
            return None
        known = [(causes.get(f"unparsed:{cause}", 0), what) for cause, what in _CAUSES.items()]
        other = unparsed - sum(count for count, _ in known)
        ways = [
            (truncated, "raise --max-tokens"),
            (other, "read the replies in responses.jsonl and try another --recipe"),
            *((count, what.format(count=f"{count:,}")) for count, what in known),
        ]
        helpful = [way for count, way in sorted(ways, reverse=True) if count]
        return (
            f"{_of(found, total.answered, 'replies')} name no letter "
            f"({unparsed:,} unparsed, {truncated:,} truncated), "
            f"{_allows('--max-unparsed-rate', self.max_unparsed_rate, allowed)}: {', and '.join(helpful)}"
        )

    def _letter_mass(self, mean: float | None, other_ways: str) -> str | None:
        if mean is None or mean >= self.min_letter_mass:
            return None
        return (
            f"the letters hold {100 * mean:.1f} % of the probability on average, "
            f"--min-letter-mass wants {100 * self.min_letter_mass:g} %: the model was not about to give a letter, "
            f"so {other_ways}"
        )


DEFAULT = Thresholds()


def _part(rate: float, n: int) -> int:
    return floor(rate * n + 1e-9)  # 0.29 * 100 is 28.999999999999996


def _of(count: int, n: int, what: str) -> str:
    return f"{count:,} of {n:,} {what} ({100 * count / n:.1f} %)"


def _allows(option: str, rate: float, count: int) -> str:
    return f"{option} allows {100 * rate:g} % ({count:,} here)"
