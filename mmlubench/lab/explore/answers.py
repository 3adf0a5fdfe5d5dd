"""How questions are spread, and what can be scored without reading them: the majority letter, the longest choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.lab.explore.sections import Section, Table, percent
from mmlubench.schema import ALPHABET
from mmlubench.stats.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

_FEW = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """The questions of a subject, in all languages."""

    subject: str
    category: str
    n: int
    majority_letter: str
    """The most frequent right letter; of equally frequent ones the first."""
    majority: int
    """The number of questions in which it is right."""
    longest: int
    """The number of questions whose longest choice is right; of several as long, the first counts."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Counts of rows and right letters, and the baselines that follow from them."""

    n: int
    items: int
    """The number of questions, where each is counted once in all languages."""
    languages: dict[str, int]
    categories: dict[str, int]
    choices: dict[str, int]
    """The number of questions with so many choices."""
    letters: dict[str, int]
    """The number of questions in which each letter is right."""
    chance: float
    """The accuracy of blind guesses: the mean of 1 / choices."""
    majority_letter: str
    majority: int
    """What always answering that letter gets right."""
    majority_by_subject: int
    """What the most frequent letter of each subject gets right: known only after looking at the keys."""
    longest: int
    """What always answering the longest choice gets right."""
    subjects: tuple[Subject, ...]
    """By name."""


def answers(facts: pd.DataFrame) -> Answers:
    """Count the questions of a table of facts, and what the baselines get right."""
    right = _counts(facts["answer"])
    # Also those that are never right.
    letters = {letter: right.get(letter, 0) for letter in ALPHABET[: int(facts["choices"].max())]}
    subjects = tuple(
        _subject(str(name), same) for name, same in facts.groupby("subject", observed=True, sort=True)
    )
    best = max(letters, key=letters.__getitem__)
    return Answers(
        n=len(facts),
        items=int(facts["item"].nunique()),
        languages=_counts(facts["language"]),
        categories=_counts(facts["category"]),
        choices=_counts(facts["choices"]),
        letters=letters,
        chance=float((1 / facts["choices"]).mean()),
        majority_letter=best,
        majority=letters[best],
        majority_by_subject=sum(one.majority for one in subjects),
        longest=int(facts["longest"].sum()),
        subjects=subjects,
    )


def _counts(column: pd.Series[str]) -> dict[str, int]:
    counts = column.value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items() if count}


def _subject(name: str, same: pd.DataFrame) -> Subject:
    letters = _counts(same["answer"])
    best = max(letters, key=letters.__getitem__)
    category = str(same["category"].iloc[0])
    return Subject(name, category, len(same), best, letters[best], int(same["longest"].sum()))


def shown(found: Answers) -> list[Section]:
    """Return the sections."""
    return [_rows(found), _keys(found)]


def _rows(found: Answers) -> Section:
    n = found.n
    lines = [f"{figures.several(n, 'question')}: {_spread(found)}."]
    tables = []
    if len(found.languages) > 1:
        lines.append(
            f"Each counted once in all languages, they are {figures.several(found.items, 'question')}."
        )
        tables.append(_shares("Questions by language", "language", found.languages, n))
    if len(found.categories) > 1:
        tables.append(_shares("Questions by category", "category", found.categories, n))
    if len(found.choices) > 1:
        tables.append(_shares("Questions by number of choices", "choices", found.choices, n))
    by_size = sorted(found.subjects, key=lambda one: -one.n)
    if len(by_size) > 1 and [one.subject for one in by_size] != list(found.categories):
        counts = {one.subject: one.n for one in by_size}
        tables.append(_shares("Questions by subject, the largest first", "subject", counts, n, few=_FEW))
    return Section("rows", "Questions", lines, tables)


def _spread(found: Answers) -> str:
    parts = [figures.several(len(found.subjects), "subject")]
    if len(found.categories) > 1:
        parts.append(figures.several(len(found.categories), "category", "categories"))
    if len(found.languages) > 1:
        parts.append(figures.several(len(found.languages), "language"))
    return ", ".join(parts)


def _shares(caption: str, kind: str, counts: dict[str, int], n: int, few: int = 0) -> Table:
    rows = [[name or "(none)", f"{count:,}", f"{100 * count / n:.1f} %"] for name, count in counts.items()]
    marks = [(count / n, None) for count in counts.values()]
    return Table(caption, [kind, "n", "share"], rows, marks, few=few)


def _keys(found: Answers) -> Section:
    n = found.n
    best = percent(found.majority, n)
    lines = [
        f"Blind guesses are right in {100 * found.chance:.1f} % of {figures.several(n, 'question')}.",
        f"Always {found.majority_letter} is right in {best} of {n:,}; the most frequent letter of each "
        f"subject, known only from the keys, in {percent(found.majority_by_subject, n)}.",
        f"Always the longest choice (of several, the first) is right in {percent(found.longest, n)} of {n:,}.",
    ]
    letters = [
        [letter, f"{count:,}", f"{100 * count / n:.1f} %", figures.interval(wilson(count, n))]
        for letter, count in found.letters.items()
    ]
    marks = [(count / n, wilson(count, n)) for count in found.letters.values()]
    head = ["letter", "n", "share", "95 % interval"]
    tables = [Table("How often each letter is right", head, letters, marks)]
    if len(found.subjects) > 1:
        tables += _skewed(found.subjects)
    return Section("answers", "Answers without reading the questions", lines, tables)


def _skewed(subjects: Sequence[Subject]) -> list[Table]:
    skewed = sorted(subjects, key=lambda one: -one.majority / one.n)
    guessed = sorted(subjects, key=lambda one: -one.longest / one.n)
    rows = [
        [
            *(one.subject, one.majority_letter, percent(one.majority, one.n)),
            *(figures.interval(wilson(one.majority, one.n)), f"{one.n:,}"),
        ]
        for one in skewed
    ]
    longest = [
        [one.subject, percent(one.longest, one.n), figures.interval(wilson(one.longest, one.n)), f"{one.n:,}"]
        for one in guessed
    ]
    return [
        Table(
            "The most frequent right letter of each subject, the most skewed first",
            ["subject", "letter", "right", "95 % interval", "n"],
            rows,
            [(one.majority / one.n, wilson(one.majority, one.n)) for one in skewed],
            few=_FEW,
            less=[(3,)],
        ),
        Table(
            "Always the longest choice, by subject",
            ["subject", "right", "95 % interval", "n"],
            longest,
            [(one.longest / one.n, wilson(one.longest, one.n)) for one in guessed],
            few=_FEW,
            less=[(2,)],
        ),
    ]
