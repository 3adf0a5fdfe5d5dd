"""What a fine-tuned model was trained on: the ids of its questions, beside its weights.

    outputs/NAME/finetune.json    {"trained_on": {"dataset": "mmmlu", "ids_sha256": …, "ids_file": "trained_ids.txt"}}
    outputs/NAME/trained_ids.txt  a line a question: id, side (train or validation), language, with tabs between them

Whoever trains writes the ids with `write_trained_ids`, and puts what it returns under `trained_on` of `finetune.json`.
A run that asks the model reads them with `read_trained`, and tells which of its questions the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mmlubench.datasets.splits.card import hash_of
from mmlubench.errors import DataError
from mmlubench.inputs import DATA_BYTES, FACTS_BYTES, read_bytes, read_lines
from mmlubench.jsonl import write_atomic
from mmlubench.schema import Question, untranslated

FACTS, IDS = "finetune.json", "trained_ids.txt"
_LEARNED, _WATCHED = "train", "validation"
#: MMMLU is the test split of MMLU, translated: its rows have the subjects and the numbers of MMLU's.
_SAME_ITEMS = {"mmmlu/": "mmlu/"}


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The questions that a model has learned."""

    dataset: str
    items: frozenset[str]
    """What `item_of` gives of each: the same in every language."""
    watched: frozenset[str] = frozenset()
    """The items by which its training was judged on its way; it did not learn them."""


def item_of(question_id: str, language: str) -> str:
    """Return what the id of a question is in all languages, and in all data sets that are translations of another."""
    item = untranslated(question_id, language)
    for translated, original in _SAME_ITEMS.items():
        if item.startswith(translated):
            return original + item.removeprefix(translated)
    return item


def write_trained_ids(
    folder: Path, dataset: str, train: Iterable[Question], validation: Iterable[Question] = ()
) -> dict[str, str]:
    """Write `trained_ids.txt` into the folder of a model or adapter, and return what `finetune.json` says of it.

    `train` are the questions that are really learned, `validation` those by which the training is judged. Raises
    OSError.
    """
    sides = {_LEARNED: [*train], _WATCHED: [*validation]}
    lines = [f"{q.id}\t{side}\t{q.language}\n" for side, questions in sides.items() for q in questions]
    write_atomic(folder / IDS, "".join(lines).encode())
    return {
        "dataset": dataset,
        "ids_sha256": hash_of(question.id for question in sides[_LEARNED]),
        "ids_file": IDS,
    }


def read_trained(folder: Path) -> TrainedOn | None:
    """Return what the model or adapter in a folder was trained on; None if its folder does not say.

    Raises DataError for ids that are missing, or are not those of its `finetune.json`.
    """
    try:
        facts = orjson.loads(read_bytes(folder / FACTS, FACTS_BYTES))
    except (OSError, ValueError):
        return None
    told = facts.get("trained_on") if isinstance(facts, Mapping) else None
    return _read(folder, told) if isinstance(told, Mapping) else None


def _read(folder: Path, told: Mapping[str, Any]) -> TrainedOn:
    path = folder / Path(str(told.get("ids_file") or IDS)).name
    try:
        rows = [line.decode().rstrip("\r\n").split("\t") for line in read_lines(path, DATA_BYTES)]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            path, f"the ids of the questions it was trained on cannot be read ({error})."
        ) from None
    by_side: dict[str, set[str]] = {_LEARNED: set(), _WATCHED: set()}
    learned = []
    for name, side, language in ([*row, "", ""][:3] for row in rows if row[0]):
        by_side.setdefault(side or _LEARNED, set()).add(item_of(name, language))
        if (side or _LEARNED) == _LEARNED:
            learned.append(name)
    if hash_of(learned) != told.get("ids_sha256"):
        raise DataError(path, f"they are not the ids of the {FACTS} beside it, whose hash differs.")
    return TrainedOn(str(told.get("dataset", "")), frozenset(by_side[_LEARNED]), frozenset(by_side[_WATCHED]))
