"""What the results of one benchmark and one model amount to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from types import MappingProxyType
from typing import Any

from mmlubench.schema import Result, Usage
from mmlubench.stats.accuracy_with_guess import accuracy_with_guess
from mmlubench.stats.breakdown import ByLanguage, answered_with, broken_down, cluster_translations, kind_of
from mmlubench.stats.calibration import Calibration, calibration
from mmlubench.stats.debate import Debated, debated
from mmlubench.stats.latency import Latency, latency
from mmlubench.stats.repeats import Repeats, repeats
from mmlubench.stats.spent import spent
from mmlubench.stats.tally import Tally
from mmlubench.stats.thresholds import DEFAULT, Thresholds
from mmlubench.stats.warnings import warnings


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one benchmark and one model; the same whatever order the results came in."""

    total: Tally
    categories: Mapping[str, Tally]
    subjects: Mapping[str, Tally]
    languages: Mapping[str, ByLanguage]
    """Empty where the questions are of no particular language."""
    category_of: Mapping[str, str]
    """The category of each subject."""
    usage: Usage
    """All tokens, and the cost as far as it is known: None when no case has a known cost."""
    cost_known_for: int
    """How many of the answered cases have a known cost."""
    requests: int
    """Requests sent, retries included."""
    latency: Latency | None
    """None when nothing was answered."""
    thresholds: Thresholds = DEFAULT
    warnings: tuple[str, ...] = ()
    """What makes the figures doubtful, a sentence each."""
    accuracy_with_guess: Mapping[str, float] | None = None
    """What the accuracy would be if replies without a letter were guesses: `expected`, `seeded`. None for repeats."""
    calibration: Calibration | None = None
    """None where no probabilities of letters are known."""
    repeats: Repeats | None = None
    """None where every question was asked once."""
    debate: Debated | None = None
    """None where no agents worked together."""
    unfinished: str = ""
    """Why selected cases are missing, as half a sentence; empty where none is."""

    @property
    def accuracy_macro(self) -> float | None:
        """The plain mean of the accuracies of all subjects that have answered cases; None without any."""
        shares = [tally.accuracy for tally in self.subjects.values() if tally.accuracy is not None]
        return fsum(shares) / len(shares) if shares else None

    @property
    def why_no_headline(self) -> str | None:
        """Why no single number may stand for this run, as half a sentence; None when one may."""
        return self.thresholds.why_no_headline(self.total, self.unfinished)

    def to_dict(self) -> dict[str, Any]:
        """Give it for JSON; the keys of `summary.json`."""
        total, reason = self.total, self.why_no_headline
        subjects = {
            name: {"category": self.category_of[name], **tally.to_dict()}
            for name, tally in self.subjects.items()
        }
        return {
            **total.to_dict(),
            "accuracy_macro": self.accuracy_macro,
            "accuracy_strict": total.accuracy_strict,
            "standard_error": total.standard_error,
            "headline": reason is None,
            "why_no_headline": reason,
            "thresholds": self.thresholds.to_dict(),
            "warnings": list(self.warnings),
            "categories": {name: tally.to_dict() for name, tally in self.categories.items()},
            "subjects": subjects,
            "languages": {name: language.to_dict() for name, language in self.languages.items()},
            "accuracy_with_guess": self.accuracy_with_guess,
            "calibration": self.calibration.to_dict() if self.calibration else None,
            "repeats": self.repeats.to_dict() if self.repeats else None,
            "debate": self.debate.to_dict() if self.debate else None,
            "usage": self.usage.to_dict(),
            "cost_usd": self.usage.cost_usd,
            "cost_known_for": self.cost_known_for,
            "requests": self.requests,
            "latency": self.latency.to_dict() if self.latency else None,
        }


def _once(results: Sequence[Result]) -> Tally | None:
    """Tally what one epoch alone is worth, for the comparison with guessing; None where there was but one."""
    if not any(result.letters for result in results):
        return None
    once = Tally()
    for result in results:
        share = result.letters.count(result.answer) / len(result.letters) if result.letters else result.points
        once.add(result.outcome, points=share)
    return once


def summarize(
    results: Iterable[Result],
    thresholds: Thresholds = DEFAULT,
    *,
    asked_model: str | None = None,
    dropped: Mapping[str, int] = MappingProxyType({}),
    unfinished: str = "",
) -> Summary:
    """Sum up the results of one benchmark and one model, in the order of their data set.

    `asked_model` is the name in the requests, None if it is not known; `dropped` counts the requests by the parameters
    that were asked for but not sent; `unfinished` says why selected cases are missing, if some are.
    """
    results = list(results)
    counts = Counter(map(kind_of, results))
    served = Counter(result.served_model for result in results)
    parts, paid = broken_down(counts), spent(results)
    cluster_translations(parts, results)
    headline = thresholds.why_no_headline(parts.total, unfinished) is None
    again = repeats(results)
    doubtful = warnings(
        _once(results) or parts.total, answered_with(counts), served, headline, asked_model, dropped
    )
    return Summary(
        total=parts.total,
        categories=parts.categories,
        subjects=parts.subjects,
        languages=parts.languages,
        category_of={subject: category for category, subject, *_ in counts},
        usage=paid.usage,
        cost_known_for=paid.cost_known_for,
        requests=paid.requests,
        latency=latency(results),
        thresholds=thresholds,
        warnings=tuple(doubtful),
        # A guess stands for one reply, and the accuracy of repeats is made of the scores of several.
        accuracy_with_guess=None if again else accuracy_with_guess(results),
        calibration=calibration(results),
        repeats=again,
        debate=debated(results),
        unfinished=unfinished,
    )
