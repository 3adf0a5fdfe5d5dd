"""Questions that stand in the data twice, choices that are equal, and choices that refer to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmlubench.lab.explore.sections import Section, Table, listed, of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Repeats:
    """Counts of questions; texts are compared as they are, white space included."""

    n: int
    same_question: int
    """Questions whose text an earlier question of the same language has, too."""
    same_whole: int
    """Of them, those whose choices are equal as well."""
    other_key: tuple[tuple[str, str], ...]
    """Pairs of ids with equal question and choices, of which another letter is right."""
    equal_choices: tuple[str, ...]
    """The ids of questions that have two equal choices."""
    all_or_none: int
    """Questions with a choice that says `all of the …`, `all of these`, `none of the …` or `none of these`."""
    all_of_letters: int
    """The same, where the words may be parts of others, as in `fall of the empire`: what a plain search counts."""
    also_in: dict[str, int]
    """The number of questions whose text stands in another split, too, by split."""


def repeats(facts: pd.DataFrame, also_in: Mapping[str, int]) -> Repeats:
    """Count the repeats of a table of facts; `also_in` has the number of questions that stand in each other split."""
    whole = ["language", "whole"]
    again = facts[facts.duplicated(whole, keep=False)]
    first: dict[tuple[str, int], tuple[str, str]] = {}
    pairs = []
    columns = (again[name] for name in (*whole, "id", "answer"))
    for language, text, name, answer in zip(*columns, strict=True):
        earlier, key = first.setdefault((language, text), (name, answer))
        pairs += [(earlier, name)] if answer != key else []
    return Repeats(
        n=len(facts),
        same_question=int(facts.duplicated(["language", "text"]).sum()),
        same_whole=int(facts.duplicated(whole).sum()),
        other_key=tuple(pairs),
        equal_choices=tuple(facts.loc[facts["equal"], "id"]),
        all_or_none=int(facts["all_or_none"].sum()),
        all_of_letters=int(facts["all_of_letters"].sum()),
        also_in=dict(also_in),
    )


def shown(found: Repeats) -> Section:
    """Return the section."""
    n = found.n
    rows = [
        ["question repeats an earlier one", f"{found.same_question:,}"],
        ["question and choices repeat an earlier one", f"{found.same_whole:,}"],
        ["the same, with another key", f"{len(found.other_key):,}"],
        ["two choices are equal", f"{len(found.equal_choices):,}"],
        ["a choice says all, or none, of the others", f"{found.all_or_none:,}"],
        *([f"question also in {split}", f"{count:,}"] for split, count in found.also_in.items()),
    ]
    rows = [[*row, f"{100 * int(row[1].replace(',', '')) / n:.2f} %"] for row in rows]
    lines = []
    if found.all_or_none:
        lines.append(
            f"A choice of {of(found.all_or_none, n)} has the words `all of the`, `none of these` or the like "
            f"({found.all_of_letters:,} with parts of other words, such as `fall of the`); where it means "
            " the choices before it, their order matters."
        )
    cautions = []
    if found.equal_choices:
        cautions.append(f"Two choices are equal in {listed(found.equal_choices, 9)}.")
    if found.other_key:
        told = listed((f"{one} and {other}" for one, other in found.other_key), 6)
        cautions.append(f"Equal questions have different keys: {told}.")
    return Section(
        "repeats",
        "Repeated and doubtful questions",
        lines,
        [Table(f"Of {n:,} questions", ["what", "n", "share"], rows)],
        cautions,
    )
