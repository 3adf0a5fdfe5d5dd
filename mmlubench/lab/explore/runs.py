"""What models made of the questions: accuracy by length, by place of the key, by language and subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmlubench.errors import UserError
from mmlubench.figures import DASH, interval, several
from mmlubench.lab.explore.facts import token_columns
from mmlubench.lab.explore.lengths import LIMITS
from mmlubench.lab.explore.sections import Section, Table, listed
from mmlubench.run.results import read_results
from mmlubench.schema import Outcome
from mmlubench.stats.compare.result import Case, Result, named_apart
from mmlubench.stats.contamination import trained_on
from mmlubench.stats.tally import Tally

if TYPE_CHECKING:
    import pandas as pd

_FIFTHS = 5
_FEW = 10


@dataclass(frozen=True, slots=True)
class Group:
    """The accuracy of one model on some of the questions."""

    model: str
    name: str
    """What the questions have in common: a range of lengths, a letter, a subject."""
    language: str
    n: int
    points: float
    """The sum of the points of the answered questions: a right answer is 1."""
    accuracy: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class OfRuns:
    """The accuracies of all models that answered questions of the data set."""

    runs: tuple[str, ...]
    mocks: tuple[str, ...]
    """The models that are no models."""
    models: dict[str, int]
    """The number of answered questions of each model."""
    contaminated: tuple[str, ...]
    """What is to be said of models that were trained on some of the questions, a sentence each."""
    unknown: dict[str, int]
    """The number of answered questions that the data do not have, by model, where there are any."""
    length_in: str
    """The unit of the lengths."""
    by_length: tuple[Group, ...]
    by_key: tuple[Group, ...]
    by_subject: tuple[Group, ...]
    """By language and subject."""


def read(names: Sequence[str], parent: Path, benchmark: str) -> list[Result]:
    """Return the results of these runs for a benchmark, named apart. Raises UserError if a run has none."""
    found: dict[tuple[str, str, str], Result] = {}
    for name in names:
        results = read_results(name, parent)
        same = [one for one in results if one.benchmark == benchmark]
        if not same:
            others = ", ".join(dict.fromkeys(one.benchmark for one in results))
            raise UserError(f"--run {name}: it asked {others}, not {benchmark}; name a run of {benchmark}.")
        found |= {(one.run_id, one.model, one.recipe): one for one in same}
    return list(named_apart(list(found.values())))


def of_runs(facts: pd.DataFrame, results: Sequence[Result]) -> OfRuns:
    """Return the accuracies of results on the questions of a table of facts."""
    places = {name: place for place, name in enumerate(facts["id"])}
    column, names = _lengths(facts)
    keys = facts["answer"].astype(str).to_list()
    by_length: list[Group] = []
    by_key: list[Group] = []
    by_subject: list[Group] = []
    known: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for one in results:
        cases = [(places[name], case) for name, case in one.cases.items() if name in places]
        if not cases:
            raise UserError(
                f"--run {one.run_id}: none of its questions is in these data; give the --data that it was asked with."
            )
        known[one.name] = len(cases)
        if len(cases) < len(one.cases):
            unknown[one.name] = len(one.cases) - len(cases)
        by_length += _groups(one, ((names[column[at]], "", case) for at, case in cases), names)
        by_key += _groups(one, ((keys[at], "", case) for at, case in cases), sorted(set(keys)))
        by_subject += _groups(one, ((case.subject, case.language, case) for _, case in cases), ())
    tokenizer = next(iter(token_columns(facts)), "")
    return OfRuns(
        runs=tuple(dict.fromkeys(one.run_id for one in results)),
        mocks=tuple(one.name for one in results if one.mock),
        models=known,
        contaminated=tuple(
            f"{trained_on(one.contaminated, len(one.cases) + len(one.unanswered), one.name)}."
            for one in results
            if one.contaminated
        ),
        unknown=unknown,
        length_in=f"tokens of {tokenizer}" if tokenizer else "characters",
        by_length=tuple(by_length),
        by_key=tuple(by_key),
        by_subject=tuple(by_subject),
    )


def _lengths(facts: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Return the number of the range of lengths of each question, and the names of the ranges, the shortest first."""
    import numpy as np

    tokens = next(iter(token_columns(facts).values()), None)
    if tokens:
        ends = [0, *LIMITS]
        names = [f"{low + 1}{DASH}{high}" for low, high in zip(ends, LIMITS, strict=False)] + [
            f"over {LIMITS[-1]}"
        ]
        return np.searchsorted(LIMITS, facts[tokens].to_numpy()).tolist(), names
    values = facts["chars"].to_numpy()
    cuts = np.unique(np.quantile(values, [part / _FIFTHS for part in range(1, _FIFTHS)], method="lower"))
    column = np.searchsorted(cuts, values)
    within = [values[column == number] for number in range(len(cuts) + 1)]
    names = [f"{part.min():,}{DASH}{part.max():,}" if len(part) else "none" for part in within]
    return column.tolist(), names


def _groups(one: Result, cases: Iterable[tuple[str, str, Case]], order: Sequence[str]) -> list[Group]:
    """Return the accuracy of each group of `(name, language, case)`, in this order, else by name."""
    tallies: dict[tuple[str, str], Tally] = {}
    for name, language, case in cases:
        outcome = Outcome.CORRECT if case.points == 1 else Outcome.WRONG
        tallies.setdefault((language, name), Tally()).add(outcome, points=case.points)
    ranks = {name: rank for rank, name in enumerate(order)}
    found = sorted(tallies.items(), key=lambda item: (ranks.get(item[0][1], 0), item[0]))
    return [
        Group(one.name, name, language, tally.answered, tally.points, tally.accuracy or 0.0, tally.ci95)
        for (language, name), tally in found
    ]


def shown(found: OfRuns) -> Section:
    """Return the section."""
    models = ", ".join(f"{name} ({several(n, 'answer')})" for name, n in found.models.items())
    lines = [f"Accuracy of {models}; questions without a usable reply are left out. Intervals are of 95 %."]
    cautions = [
        f"MOCK: the answers of {name} are canned, and say nothing about a model." for name in found.mocks
    ]
    cautions += found.contaminated
    cautions += [
        f"{name}: {several(count, 'answered question')} of the run not in these data."
        for name, count in found.unknown.items()
    ]
    several_models = len(found.models) > 1
    worst = sorted(found.by_subject, key=lambda one: one.accuracy)
    languages = {one.language for one in found.by_subject} != {""}
    kind = "language and subject" if languages else "subject"
    named = [replace(one, name=f"{one.language} {one.name}") if languages else one for one in worst]
    tables = [
        _table(
            f"By length in {found.length_in}, of question and choices",
            "length",
            _together(found.by_length),
            several_models,
        ),
        _table("By the letter that is right", "right letter", _together(found.by_key), several_models),
        _table(f"By {kind}, the lowest first", kind, named, several_models, few=_FEW),
    ]
    if len({one.language for one in found.by_subject}) > 1:
        tables += [_matrix(name, found.by_subject) for name in found.models]
    return Section("runs", f"What models answered: {listed(found.runs, 3)}", lines, tables, cautions)


def _together(groups: Sequence[Group]) -> list[Group]:
    """Return the groups of one name together, so that models stand below one another."""
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys(one.name for one in groups))}
    return sorted(groups, key=lambda one: ranks[one.name])


def _table(caption: str, kind: str, groups: Sequence[Group], several_models: bool, few: int = 0) -> Table:
    rows = [
        [
            one.name,
            *([one.model] if several_models else []),
            *(f"{one.accuracy:.3f}", interval(one.ci95), f"{one.points:,.4g}", f"{one.n:,}"),
        ]
        for one in groups
    ]
    head = [kind, *(["model"] if several_models else []), "accuracy", "95 % interval", "right", "n"]
    marks = [(one.accuracy, one.ci95) for one in groups]
    names = (0, 1) if several_models else (0,)
    return Table(caption, head, rows, marks, few=few, names=names, less=[(len(head) - 2,)])


def _matrix(model: str, groups: Sequence[Group]) -> Table:
    """Return subjects by languages, for a page: a terminal has no room for it."""
    of_model = [one for one in groups if one.model == model]
    languages = sorted({one.language for one in of_model})
    cells = {(one.name, one.language): f"{one.accuracy:.2f} ({one.n:,})" for one in of_model}
    rows = [
        [subject, *(cells.get((subject, language), "") for language in languages)]
        for subject in sorted({one.name for one in of_model})
    ]
    caption = f"{model}: accuracy (n) by subject and language"
    return Table(caption, ["subject", *languages], rows, few=_FEW, on_page=range(1, len(languages) + 1))
