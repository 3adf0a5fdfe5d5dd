"""The card of a split folder, `split.json`: what was divided, how, and the hashes by which a side is known again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mmlubench.errors import DataError
from mmlubench.inputs import FACTS_BYTES, read_bytes
from mmlubench.schema import known_values

NAME = "split.json"
#: The sides of a split: what is learned, by what the training is judged on its way, and what is asked at its end.
SIDES = ("train", "validation", "test")
#: The side that is asked where none is named: the one held out.
HELD_OUT = "test"


@dataclass(frozen=True, slots=True)
class SplitCard:
    """The content of a `split.json`. An item is a question in all its languages, with all that repeat it."""

    dataset: str
    source: str
    """The origin of the data that were divided, as the manifest of a run names it."""
    revision: str
    """Their revision in full; empty where it is not known."""
    sha256: str
    """Their hash, as in `datasets.base.DataSet`, before anything was filtered."""
    languages: tuple[str, ...]
    """The locales; empty for a data set in one language."""
    seed: int
    fractions: tuple[int, ...]
    """The shares in percent of `SIDES`."""
    questions: Mapping[str, int]
    """The number of questions on each side, all languages together."""
    items: Mapping[str, int]
    subjects: Mapping[str, Mapping[str, int]]
    """The number of items of each subject on each side."""
    ids_sha256: Mapping[str, str]
    """For each side the hash of the ids of its questions, as `hash_of` makes it."""
    files: Mapping[str, str]
    """The SHA-256 of each parquet file, by its path in the folder."""
    stratified_by: str = "subject"
    """What has its share on every side: each `subject`, each `category`, or `none` of them by itself."""
    max_question_tokens: int | None = None
    tokenizer: str = ""
    tokenizer_sha256: str = ""
    kept: Mapping[str, tuple[int, int]] | None = None
    """By language, how many questions are short enough, of how many; None without a limit."""
    leaks: Mapping[str, float] | None = None
    """What a random split of the rows would have had: `items` of several rows, how many of them were `found` on several
    sides by the same seed, and how many are `expected` over all seeds."""
    doubts: tuple[str, ...] = ()
    """What makes it doubtful that the sides have nothing in common, a sentence each."""
    created: str = ""
    """UTC, ISO 8601."""
    mmlubench: str = ""
    """The version of mmlubench that wrote the folder."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return asdict(self)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, in the folder of the split, that hold a file for each side: one for each language."""
        return self.languages or ("",)


def hash_of(ids: Iterable[str]) -> str:
    """Return the SHA-256, in hex, of ids in alphabetical order, a line each."""
    return sha256("".join(f"{one}\n" for one in sorted(ids)).encode()).hexdigest()


def is_split(folder: Path) -> bool:
    """Whether a folder has a `split.json`."""
    return (folder / NAME).is_file()


class Place(NamedTuple):
    """What `--data` names of a split."""

    folder: Path
    side: str = ""
    """The side of one of its files; empty for the folder."""
    language: str = ""
    """The language of that file; empty for the folder, and for a split without languages."""


def place_of(data: str, name: str) -> Place | None:
    """Return what `--data` names: a split folder, one in it named after the data set, or a file in one.

    None if it is none of them. Raises DataError for a file of a split that holds no side.
    """
    if data in ("hub", "sample"):
        return None
    root = Path(data).expanduser()
    if found := next((place for place in (root, root / name) if is_split(place)), None):
        return Place(found)
    folder = next((place for place in (root.parent, root.parent.parent) if is_split(place)), None)
    if folder is None or not root.is_file():
        return None
    if root.suffix != ".parquet" or root.stem not in SIDES:
        sides = ", ".join(f"{side}.parquet" for side in SIDES)
        raise DataError(
            root, f"this file of a split is none of its sides; give {folder}, or one of {sides} in it."
        )
    return Place(folder, root.stem, "" if root.parent == folder else root.parent.name)


def read_card(folder: Path) -> SplitCard:
    """Read the card of a split folder. Raises DataError for a folder without one, and for one that is none of ours."""
    path = folder / NAME
    try:
        values = orjson.loads(read_bytes(path, FACTS_BYTES))
        card = SplitCard(**known_values(values, SplitCard.__slots__))
        tuples = {name: tuple(getattr(card, name)) for name in ("languages", "fractions", "doubts")}
        sound = all(
            isinstance(one, Mapping) and set(SIDES) <= one.keys()
            for one in (card.questions, card.items, card.ids_sha256)
        )
    except FileNotFoundError:
        what = "it holds no" if folder.is_dir() else "there is no such folder with a"
        raise DataError(folder, f"{what} {NAME}; give a folder that `mmlubench lab split` wrote.") from None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        sound = False
    if not sound:
        raise DataError(path, "it is no card of a split; write the folder again by `mmlubench lab split`.")
    return SplitCard(**{**{name: getattr(card, name) for name in SplitCard.__slots__}, **tuples})
