"""What a fine-tuned model was trained on: the ids and the contents of its questions, beside its weights.

    outputs/NAME/finetune.json    {"trained_on": {"dataset": "mmmlu", "ids_sha256": …, "ids_file": "trained_ids.txt"}}
    outputs/NAME/trained_ids.txt  a line a question: id, side (train or validation), language, content, tabs between

Whoever trains writes the ids with `write_trained_ids`, and puts what it returns under `trained_on` of `finetune.json`.
A run that asks the model reads them with `read_trained`, and tells which of its questions the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from mmlubench.datasets.splits.card import hash_of
from mmlubench.errors import DataError
from mmlubench.inputs import DATA_BYTES, FACTS_BYTES, read_bytes, read_lines
from mmlubench.jsonl import write_atomic
from mmlubench.schema import ALPHABET, Question, untranslated

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
    contents: frozenset[str] = frozenset()
    """What `content_of` gives of each; empty where the folder was written before it was recorded."""
    watched: frozenset[str] = frozenset()
    """The items by which its training was judged on its way; it did not learn them."""


def item_of(question_id: str, language: str) -> str:
    """Return what the id of a question is in all languages, and in all data sets that are translations of another."""
    item = untranslated(question_id, language)
    for translated, original in _SAME_ITEMS.items():
        if item.startswith(translated):
            return original + item.removeprefix(translated)
    return item


def plain(text: str) -> str:
    """Return a text as it is compared: spaces and capitals do not matter."""
    return " ".join(text.split()).casefold()


def content_of(question: Question) -> str:
    """Return 16 hex digits that are the same for questions of the same text and right answer, in any data set.

    Wrong choices do not count, as who knows the answer knows it among others: 6,784 of 12,032 questions of MMLU-Pro are
    such of MMLU with more choices. The text alone would: "Which of these is true?" is no question of its own.
    """
    right = dict(zip(ALPHABET, question.choices, strict=False)).get(question.answer, question.answer)
    return sha256(f"{plain(question.text)}\0{plain(right)}".encode(errors="surrogatepass")).hexdigest()[:16]


def write_trained_ids(
    folder: Path, dataset: str, train: Iterable[Question], validation: Iterable[Question] = ()
) -> dict[str, str]:
    """Write `trained_ids.txt` into the folder of a model or adapter, and return what `finetune.json` says of it.

    `train` are the questions that are really learned, `validation` those by which the training is judged. Raises
    OSError.
    """
    sides = {_LEARNED: [*train], _WATCHED: [*validation]}
    lines = [
        f"{one.id}\t{side}\t{one.language}\t{content_of(one)}\n"
        for side, questions in sides.items()
        for one in questions
    ]
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
    learned, contents = [], set()
    for name, side, language, content in ([*row, "", "", ""][:4] for row in rows if row[0]):
        by_side.setdefault(side or _LEARNED, set()).add(item_of(name, language))
        if (side or _LEARNED) == _LEARNED:
            learned.append(name)
            contents.add(content)
    if hash_of(learned) != told.get("ids_sha256"):
        raise DataError(path, f"they are not the ids of the {FACTS} beside it, whose hash differs.")
    return TrainedOn(
        str(told.get("dataset", "")),
        frozenset(by_side[_LEARNED]),
        frozenset(contents - {""}),
        frozenset(by_side[_WATCHED]),
    )
