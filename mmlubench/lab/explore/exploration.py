"""The exploration of a data set as a whole: all figures, and the sections that show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from mmlubench import __version__
from mmlubench.datasets.length import TokenCounter
from mmlubench.lab import data_sets
from mmlubench.lab.alignment import Alignment, alignment
from mmlubench.lab.explore import answers, items, lengths, repeats, runs, schema, translations, verdicts
from mmlubench.lab.explore.facts import facts_of
from mmlubench.lab.explore.reading import Reading
from mmlubench.lab.explore.sections import Section
from mmlubench.stats.compare.result import Result


@dataclass(frozen=True, slots=True)
class Exploration:
    """All figures of a data set; a part is None where the data or the options have nothing for it."""

    mmlubench: str
    """The version that made it."""
    data_set: str
    schema: schema.Schema
    tokenizers: tuple[str, ...] = ()
    problem: str = ""
    """Why no run would take the rows; then only their columns are known."""
    missing: tuple[str, ...] = ()
    """What could not be had, half a sentence each."""
    source: str = ""
    revision: str = ""
    sha256: str = ""
    notice: str = ""
    """What is special about the data, such as that they are a part; empty for nothing."""
    answers: answers.Answers | None = None
    lengths: tuple[lengths.Length, ...] = ()
    repeats: repeats.Repeats | None = None
    languages: tuple[translations.Translation, ...] = ()
    alignment: Alignment | None = None
    redux: verdicts.Verdicts | None = None
    runs: runs.OfRuns | None = None
    items: items.Items | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON; the figures inside are dataclasses, which `jsonl.encoded` writes."""
        return {
            **{member.name: getattr(self, member.name) for member in fields(self)},
            "warnings": self.warnings,
        }

    @property
    def warnings(self) -> list[str]:
        """What a reader should know before any figure, a sentence each."""
        told = [*data_sets.cautions(self.notice), *map(data_sets.sentence, self.missing)]
        return [self.problem, *told] if self.problem else told

    def sections(self) -> list[Section]:
        """Return what is shown, in order."""
        found = [schema.shown(self.schema)]
        if self.answers is None or self.repeats is None:
            return found
        found = [*answers.shown(self.answers), lengths.shown(self.lengths), repeats.shown(self.repeats)]
        languages = translations.shown(self.languages, self.alignment)
        found += [languages] if languages else []
        found += [verdicts.shown(self.redux)] if self.redux and self.redux.annotated else []
        found += [runs.shown(self.runs)] if self.runs else []
        found += items.shown(self.items) if self.items else []
        return [*found, schema.shown(self.schema)]


def explore(
    reading: Reading, counters: Mapping[str, TokenCounter], results: Sequence[Result] = ()
) -> Exploration:
    """Compute all figures of what was read, with a counter for each tokenizer and the results of runs.

    Raises UserError for a run that answered none of these questions.
    """
    data = reading.data
    known = Exploration(
        __version__, reading.spec.name, reading.schema, tuple(counters), reading.problem, reading.missing
    )
    if data is None:
        return known
    facts = facts_of(data.questions, counters)
    english = _english(reading, facts, counters)
    also_in = {
        split: int(facts["text"].isin([*map(hash, texts)]).sum()) for split, texts in reading.others.items()
    }
    return replace(
        known,
        source=data.source,
        revision=data.revision,
        sha256=data.sha256,
        notice=data.notice,
        answers=answers.answers(facts),
        lengths=lengths.lengths(facts),
        repeats=repeats.repeats(facts, also_in),
        languages=translations.translations(facts, english),
        alignment=alignment(data.questions) if facts["language"].nunique() > 1 else None,
        redux=verdicts.verdicts(facts, reading.verdicts, reading.verdicts_from) if reading.verdicts else None,
        runs=runs.of_runs(facts, results) if results else None,
        items=items.items(results, data.questions, reading.verdicts) if results else None,
    )


def _english(reading: Reading, facts: Any, counters: Mapping[str, TokenCounter]) -> Any:
    """Return the facts of the questions in English: another data set, or those of this one that are in English."""
    if reading.english:
        return facts_of(reading.english, counters)
    languages = facts["language"].cat.categories
    here = facts["language"].isin([name for name in languages if translations.is_english(name)])
    # Questions in one language have nothing to be compared with.
    return facts[here] if len(languages) > 1 else facts.iloc[:0]
