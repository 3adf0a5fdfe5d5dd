"""How long questions are, in characters and in tokens, and how many are within the usual limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.lab.explore.facts import token_columns
from mmlubench.lab.explore.sections import Section, Table, percent

if TYPE_CHECKING:
    import pandas as pd

LIMITS = (128, 256, 512)
_PERCENTILES = (5, 50, 95, 100)


@dataclass(frozen=True, slots=True)
class Length:
    """The lengths of questions in one unit."""

    what: str
    """What is counted: `characters of the question`, `characters of question and choices`, or `tokens: NAME`."""
    language: str
    """Empty for all languages together."""
    n: int
    mean: float
    percentiles: dict[str, float]
    """The lengths that 5, 50, 95 and 100 % of the questions do not exceed."""
    within: dict[str, int]
    """The number of questions of at most 128, 256 and 512 tokens; empty for characters."""


def lengths(facts: pd.DataFrame) -> tuple[Length, ...]:
    """Return the lengths of all questions, and of those of each language where there are several."""
    columns = {"characters of the question": "question_chars", "characters of question and choices": "chars"}
    columns |= {f"tokens: {name}": column for name, column in token_columns(facts).items()}
    found = [_length(what, "", facts[column]) for what, column in columns.items()]
    by_language = [*facts.groupby("language", observed=True)]
    if len(by_language) > 1:
        for what, column in columns.items():
            if what != "characters of the question":
                found += [_length(what, str(language), same[column]) for language, same in by_language]
    return tuple(found)


def _length(what: str, language: str, values: pd.Series[int]) -> Length:
    within = (
        {str(limit): int((values <= limit).sum()) for limit in LIMITS} if what.startswith("tokens") else {}
    )
    ends = {str(part): float(values.quantile(part / 100)) for part in _PERCENTILES}
    return Length(what, language, len(values), float(values.mean()), ends, within)


def shown(found: Sequence[Length]) -> Section:
    """Return the section."""
    total = [one for one in found if not one.language]
    lines = [
        f"Of {figures.several(one.n, 'question')}, {_within(one)} ({one.what.replace(': ', ' of ', 1)}; question and "
        "choices, without what a prompt adds)."
        for one in total
        if one.within
    ]
    head = ["what is counted", "n", "mean", *(f"{part} %" for part in _PERCENTILES)]
    rows = [[one.what, f"{one.n:,}", f"{one.mean:,.1f}", *_ends(one)] for one in total]
    caption = "Lengths that so many per cent of the questions do not exceed"
    tables = [Table(caption, head, rows, less=[(4,), (2,)])]
    for what in dict.fromkeys(one.what for one in found if one.language and one.within):
        tables.append(_by_language(what, [one for one in found if one.what == what and one.language]))
    return Section("lengths", "Lengths", lines, tables)


def _ends(one: Length) -> list[str]:
    return [f"{value:,.0f}" for value in one.percentiles.values()]


def _within(one: Length) -> str:
    return ", ".join(
        f"{percent(count, one.n)} have at most {limit} tokens" for limit, count in one.within.items()
    )


def _by_language(what: str, found: Sequence[Length]) -> Table:
    rows = [
        [one.language or "(none)", f"{one.n:,}", f"{one.mean:,.1f}"]
        + [percent(count, one.n) for count in one.within.values()]
        for one in found
    ]
    head = ["language", "n", "mean", *(f"at most {limit}" for limit in LIMITS)]
    marks = [(one.within["256"] / one.n, None) for one in found]
    return Table(f"By language, {what}", head, rows, marks, "at most 256", less=[(5,), (3,)])
