"""What MMLU-Redux found of the questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmlubench import figures
from mmlubench.lab.explore.sections import Section, Table, percent
from mmlubench.stats.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

OK = "ok"
#: The verdicts by which no letter, another one or several are right.
BAD_KEYS = ("wrong_groundtruth", "no_correct_answer", "multiple_correct_answers")
_FEW = 10


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The annotations of MMLU-Redux; each question counts once, in however many languages it is."""

    source: str
    n: int
    annotated: int
    verdicts: dict[str, int]
    subjects: dict[str, tuple[int, int]]
    """For each subject, how many questions were found faulty, of how many annotated ones."""


def verdicts(facts: pd.DataFrame, known: Mapping[str, str], source: str) -> Verdicts:
    """Count verdicts (by item) of the questions of a table of facts."""
    items = facts.drop_duplicates("item")
    subjects: dict[str, tuple[int, int]] = {}
    counts: dict[str, int] = {}
    for item, subject in zip(items["item"], items["subject"], strict=True):
        verdict = known.get(item)
        if verdict is None:
            continue
        counts[verdict] = counts.get(verdict, 0) + 1
        faulty, of = subjects.get(subject, (0, 0))
        subjects[subject] = (faulty + (verdict != OK), of + 1)
    ordered = dict(sorted(counts.items(), key=lambda one: -one[1]))
    return Verdicts(source, len(items), sum(counts.values()), ordered, subjects)


def shown(found: Verdicts) -> Section:
    """Return the section."""
    n = found.annotated
    faulty = n - found.verdicts.get(OK, 0)
    rows = [[name, f"{count:,}", f"{100 * count / n:.1f} %"] for name, count in found.verdicts.items()]
    worst = sorted(found.subjects.items(), key=lambda one: -one[1][0] / one[1][1])
    by_subject = [
        [name, percent(bad, of), figures.interval(wilson(bad, of)), f"{of:,}"] for name, (bad, of) in worst
    ]
    return Section(
        "redux",
        "Verdicts of MMLU-Redux",
        [
            f"{percent(n, found.n)} of {figures.several(found.n, 'question')} are annotated; {percent(faulty, n)} of "
            f"these {n:,} are not {OK}, questions left to experts included. Annotations from {found.source}."
        ],
        [
            Table(
                "Verdicts",
                ["verdict", "n", "share"],
                rows,
                [(count / n, None) for count in found.verdicts.values()],
            ),
            Table(
                f"Not {OK}, by subject",
                ["subject", f"not {OK}", "95 % interval", "annotated"],
                by_subject,
                [(bad / of, wilson(bad, of)) for _, (bad, of) in worst],
                few=_FEW,
                less=[(2,)],
            ),
        ],
    )
