"""The summary of one benchmark and one model, computed from its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from mmlubench.schema import ANSWERED, Entry, Outcome
from mmlubench.stats.breakdown import answered_with, broken_down, cluster_translations, kind_of, scores
from mmlubench.stats.letter_mass import LETTER_MASS, LetterMass
from mmlubench.stats.metrics import computed
from mmlubench.stats.spent import spent
from mmlubench.stats.summary import OWN_KEYS, Summary
from mmlubench.stats.tally import Tally
from mmlubench.stats.thresholds import DEFAULT, OTHER_WAYS, RUN_AGAIN, Thresholds
from mmlubench.stats.warnings import warnings


def summarize(
    results: Iterable[Entry],
    thresholds: Thresholds = DEFAULT,
    *,
    asked_model: str | None = None,
    dropped: Mapping[str, int] = MappingProxyType({}),
    unfinished: str = "",
    again: str = RUN_AGAIN,
    other_ways: str = OTHER_WAYS,
    drawn_from: int | None = None,
) -> Summary:
    """Sum up the results of one benchmark and one model, in the order of their data set.

    `asked_model` is the name in the requests, None if it is not known; `dropped` counts the requests by the parameters
    that were asked for but not sent; `unfinished` says why selected cases are missing, if some are, as half a sentence;
    `again` and `other_ways` are those of `Thresholds.why_no_headline`. `drawn_from` is the number of questions of which
    these are a random sample, None if they are no such sample.
    `Summary.about` adds the names of benchmark and model.
    """
    results = list(results)
    counts = Counter(map(kind_of, results))
    served = Counter(result.served_model for result in results)
    providers = Counter(result.served_provider for result in results)
    letters = Counter((one.prediction, one.answer) for one in results if one.outcome in ANSWERED)
    parts, paid = broken_down(counts), spent(results)
    cluster_translations(parts, results)
    values, failures = computed(results, reserved=OWN_KEYS)
    mass: LetterMass | None = values.get(LETTER_MASS.key)
    causes = Counter(result.rule for result in results if result.outcome is Outcome.UNPARSED)
    why_no_headline = thresholds.why_no_headline(
        parts.total, unfinished, causes, again=again, letter_mass=mass and mass.mean, other_ways=other_ways
    )
    once = _once(results)
    # Asked several times, a question's mean score is an estimate itself, however many of the questions are asked.
    sampled = drawn_from is not None and once is None and not unfinished
    once = once or parts.total
    headline = why_no_headline is None
    doubtful = warnings(
        once, answered_with(counts), letters, served, headline, asked_model, dropped, providers
    )
    return Summary(
        total=parts.total.score(),
        accuracy_strict=parts.total.accuracy_strict,
        standard_error=parts.total.standard_error,
        why_no_headline=why_no_headline,
        categories=scores(parts.categories),
        subjects=scores(parts.subjects),
        category_of={subject: category for category, subject, *_ in counts},
        languages={name: language.score() for name, language in parts.languages.items()},
        usage=paid.usage,
        cost_known_for=paid.cost_known_for,
        requests=paid.requests,
        thresholds=thresholds,
        warnings=(*doubtful, *failures),
        metrics=values,
        drawn_from=drawn_from,
        ci95_benchmark=parts.total.ci95_of(drawn_from) if sampled and drawn_from else None,
    )


def _once(results: Sequence[Entry]) -> Tally | None:
    """Tally the mean of all epochs, for the comparison with chance level; None if questions were asked once."""
    if not any(result.letters for result in results):
        return None
    once = Tally()
    for result in results:
        share = result.letters.count(result.answer) / len(result.letters) if result.letters else result.points
        once.add(result.outcome, points=share)
    return once
