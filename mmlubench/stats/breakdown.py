"""The breakdown of a run: tallies of all cases, and by category, subject and language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mmlubench.schema import ANSWERED, Entry, Outcome, untranslated
from mmlubench.stats.intervals import clustered_standard_error
from mmlubench.stats.score import LanguageScore, Score
from mmlubench.stats.tally import Tally

#: Category, subject, language, points, outcome, number of choices: cases that agree in these are counted together.
Kind = tuple[str, str, str, float, Outcome, int]


def kind_of(result: Entry) -> Kind:
    """Return the kind of a case."""
    r = result
    return r.category, r.subject, r.language, r.points, r.outcome, r.choices


class ByLanguage(NamedTuple):
    """The cases of one language."""

    total: Tally
    categories: Mapping[str, Tally]

    def score(self) -> LanguageScore:
        """Return the score of the language and of its categories."""
        return LanguageScore(self.total.score(), scores(self.categories))


class _Tallies(defaultdict[str, Tally]):
    """Tallies by name, made on first use."""

    def __init__(self) -> None:
        super().__init__(Tally)

    def in_order(self) -> dict[str, Tally]:
        """Return the tallies sorted by name."""
        return dict(sorted(self.items()))


class Breakdown(NamedTuple):
    """The cases of a run, added up in every way that is reported; names in alphabetical order."""

    total: Tally
    categories: Mapping[str, Tally]
    subjects: Mapping[str, Tally]
    languages: Mapping[str, ByLanguage]


def scores(tallies: Mapping[str, Tally]) -> dict[str, Score]:
    """Return the score of each tally, by the same names."""
    return {name: tally.score() for name, tally in tallies.items()}


def broken_down(counts: Mapping[Kind, int]) -> Breakdown:
    """Add up the counts of all kinds of cases."""
    total, categories, subjects, languages = Tally(), _Tallies(), _Tallies(), _Tallies()
    within: dict[str, _Tallies] = defaultdict(_Tallies)
    for (category, subject, language, points, outcome, _), count in counts.items():
        counted = [total, categories[category], subjects[subject]]
        if language:
            counted += [languages[language], within[language][category]]
        for tally in counted:
            tally.add(outcome, count, points)
    by_language = {name: ByLanguage(tally, within[name].in_order()) for name, tally in languages.items()}
    return Breakdown(total, categories.in_order(), subjects.in_order(), dict(sorted(by_language.items())))


def cluster_translations(parts: Breakdown, results: Iterable[Entry]) -> None:
    """Set the clusters of tallies of several languages, and the standard errors: a question's translations are one."""
    if len(parts.languages) < 2:
        return
    clusters: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(lambda: [0.0, 0])
    )
    for result in results:
        if result.outcome in ANSWERED:
            question = untranslated(result.id, result.language)
            for group in (("", ""), ("category", result.category), ("subject", result.subject)):
                cluster = clusters[group][question]
                cluster[0] += result.points
                cluster[1] += 1
    named = [(("", ""), parts.total)]
    named += [(("category", name), tally) for name, tally in parts.categories.items()]
    named += [(("subject", name), tally) for name, tally in parts.subjects.items()]
    for group, tally in named:
        sums = [(points, int(count)) for points, count in clusters[group].values()]
        tally.clusters, tally.clustered_error = len(sums), clustered_standard_error(sums)


def answered_with(counts: Mapping[Kind, int]) -> Counter[int]:
    """Return the number of answered questions by their number of choices."""
    found: Counter[int] = Counter()
    for (*_, outcome, choices), count in counts.items():
        if outcome in ANSWERED:
            found[choices] += count
    return found
