"""The data of an exploration: the questions, what their columns hold, and what stands beside them.

Beside them may be other splits, the questions in English, and the annotations of MMLU-Redux; each may be missing, and
then a sentence says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmlubench import datasets
from mmlubench.datasets import DataSet, Rows, Spec, sources
from mmlubench.datasets.packed import pick
from mmlubench.datasets.sets import redux
from mmlubench.datasets.splits.card import HELD_OUT, SIDES, Place, place_of, read_card
from mmlubench.datasets.splits.sides import read_side
from mmlubench.errors import DataError, UserError, clause
from mmlubench.lab import data_sets
from mmlubench.lab.explore.schema import Schema, Watch
from mmlubench.schema import Question

#: The data set whose questions MMMLU translates, and that MMLU-Redux annotates.
_ENGLISH = "mmlu"
_TRANSLATED = "mmmlu"


@dataclass(frozen=True)
class Reading:
    """What was read of a data set."""

    spec: Spec
    data: DataSet | None
    """None for rows that no run would take."""
    schema: Schema
    problem: str = ""
    """Why no run would take the rows; empty if one would."""
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The texts of the questions of each other split."""
    english: Sequence[Question] = ()
    """The questions in English that these are translations of, where they are another data set."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """MMLU-Redux's verdict by item, such as `anatomy/0017`."""
    verdicts_from: str = ""
    missing: tuple[str, ...] = ()
    """What could not be had, a sentence each."""


def read(spec: Spec, data: str, languages: tuple[str, ...] = ()) -> Reading:
    """Read a data set from `data`, as `--data` names it; of a translated one, only these languages.

    Rows that a run would refuse give a `Reading` with a `problem`. Raises UserError for an unknown language, DataError
    for data that cannot be had.
    """
    watch = Watch(spec)
    wanted = data_sets.check_languages(spec, languages)
    try:
        loaded = datasets.load(watch.spec, data, allow_partial=True, languages=wanted, examples=False)
    except DataError as error:
        if not watch.has_read:
            raise
        return Reading(spec, None, watch.schema(), problem=str(error))
    if languages and not spec.languages:
        loaded = replace(loaded, questions=pick(loaded.questions, data_sets.of_languages(loaded, languages)))
    if (place := place_of(data, spec.name)) is not None:
        return _of_split(spec, place, loaded, languages)
    missing: list[str] = []
    spare: dict[str, int] = {}
    others = _others(spec, data, watch, loaded, missing, spare)
    english = _english(data, missing) if spec.name == _TRANSLATED else ()
    verdicts, where = _verdicts(spec, english or loaded.questions, data, missing)
    schema = watch.schema()
    schema = replace(schema, rows=schema.rows | spare)
    return Reading(spec, loaded, schema, "", others, english, verdicts, where, tuple(missing))


def _of_split(spec: Spec, place: Place, loaded: DataSet, languages: tuple[str, ...]) -> Reading:
    """Return the reading of a side of a split: beside it are the other sides, whose questions it should not have."""
    card, read_now = read_card(place.folder), place.side or HELD_OUT
    named = {question.language for question in loaded.questions} if languages or place.language else ()
    sides = {side: read_side(place.folder, card, side, named) for side in SIDES}
    texts = {side: frozenset(one.text for one in there) for side, there in sides.items() if side != read_now}
    rows = {side: len(there) for side, there in sides.items()}
    missing = [
        "beside a split are neither the columns of its data set, nor English, nor verdicts of MMLU-Redux"
    ]
    return Reading(spec, loaded, Schema((), rows), others=texts, missing=tuple(missing))


def _others(
    spec: Spec, data: str, watch: Watch, loaded: DataSet, missing: list[str], spare: dict[str, int]
) -> dict[str, frozenset[str]]:
    """Return the texts of the questions of other splits, and note in `spare` the rows of those that no run reads."""
    found = {}
    examples = watch.texts(spec.example_split) if spec.example_split else frozenset()
    examples |= {question.text for same in loaded.examples.values() for question in same}
    if examples:
        found[spec.example_split] = examples
    elif spec.example_split and not spec.source:
        missing.append(f"the split {spec.example_split} is not there, so nothing says what stands in it, too")
    for split in spec.spare if not spec.source else ():
        try:
            source = sources.read(replace(spec, scored=split, example_split="", spare=()), data)
        except DataError as error:
            missing.append(f"the split {split} could not be had: {clause(error.problem)}")
            continue
        texts = [text for rows in source.splits.get(split, ()) for text in _texts(rows)]
        if texts:
            found[split], spare[split] = frozenset(texts), len(texts)
        else:
            missing.append(f"the split {split} is not there, so nothing says what stands in it, too")
    return found


def _texts(rows: Rows) -> Sequence[str]:
    return next((values for name, values in rows.columns.items() if name.lower() == "question"), ())


def _english(data: str, missing: list[str]) -> Sequence[Question]:
    """Return MMLU from the place where its translations are: the hub, or a folder in or beside theirs."""
    spec = datasets.find(_ENGLISH)
    try:
        source = sources.examples(replace(spec, example_split=spec.scored), data)
        if source is not None:
            return datasets.assembly.questions_of(spec, source, spec.scored)
        why = f"there is no folder {_ENGLISH} in {data} or beside it"
    except DataError as error:
        why = clause(error.problem)
    missing.append(f"the questions in English ({_ENGLISH}) could not be had, to compare with: {why}")
    return ()


def _verdicts(
    spec: Spec, questions: Sequence[Question], data: str, missing: list[str]
) -> tuple[dict[str, str], str]:
    if spec.name not in (_ENGLISH, _TRANSLATED) or not questions or questions[0].benchmark != _ENGLISH:
        return {}, ""
    try:
        found, where = redux.verdicts(questions, data)
    except UserError as error:
        missing.append(f"the annotations of MMLU-Redux could not be had: {clause(str(error))}")
        return {}, ""
    return {item.partition("/")[2]: verdict for item, verdict in found.items()}, where
