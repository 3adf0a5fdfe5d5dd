"""Contamination: which questions of a run its models were trained on, as far as their folders tell.

A folder that `mmlubench lab finetune` wrote has the ids of what it learned. A question is one of them in every
language, and MMLU's is that of MMMLU; in other data sets it is known by its text and right answer, in that language
alone. Models of others say nothing of their training, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from mmlubench.datasets.splits.trained import TrainedOn, content_of, item_of, read_trained
from mmlubench.errors import DataError, clause
from mmlubench.figures import several
from mmlubench.models.base import Told
from mmlubench.models.names.from_entry import IN_PROCESS
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Question
from mmlubench.stats.contamination import trained_on


class _Asked(Protocol):
    """A question, or what came of one."""

    @property
    def id(self) -> str: ...
    @property
    def language(self) -> str: ...


class Training:
    """What the models of a run were trained on. Each folder is read once, when it is first asked for."""

    def __init__(self) -> None:
        self._read: dict[Path, TrainedOn | str] = {}
        """What each folder says, or a sentence without a full stop if it cannot be read."""

    def count(
        self,
        specs: Iterable[ModelSpec],
        told: Mapping[str, Told],
        asked: Iterable[_Asked],
        elsewhere: Collection[str] = (),
    ) -> int:
        """Return how many of the questions any of these models was trained on.

        `elsewhere` are the ids that `elsewhere` gives, which need the texts of the questions.
        """
        learned, ids = self._learned(specs, told)[0], frozenset(elsewhere)
        return sum(one.id in ids or item_of(one.id, one.language) in learned for one in asked)

    def elsewhere(
        self, specs: Iterable[ModelSpec], told: Mapping[str, Told], asked: Iterable[Question]
    ) -> list[str]:
        """Return the ids of questions that any of these models has learned under another id, in another data set."""
        learned, contents = self._learned(specs, told)
        return [
            one.id
            for one in (asked if contents else ())
            if item_of(one.id, one.language) not in learned and content_of(one) in contents
        ]

    def _learned(
        self, specs: Iterable[ModelSpec], told: Mapping[str, Told]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Return the items and the contents that these models have learned."""
        known = [found for found in self._of(specs, told).values() if isinstance(found, TrainedOn)]
        nothing = frozenset[str]()
        return nothing.union(*(one.items for one in known)), nothing.union(*(one.contents for one in known))

    def knows(self, specs: Iterable[ModelSpec], told: Mapping[str, Told]) -> bool:
        """Whether the folder of any of these models says what it was trained on."""
        return any(isinstance(found, TrainedOn) for found in self._of(specs, told).values())

    def notes(self, specs: Iterable[ModelSpec], told: Mapping[str, Told]) -> Iterator[str]:
        """Yield a sentence without a full stop for each folder that says what it was trained on, or cannot be read."""
        seen: list[TrainedOn | str] = []
        for place, found in self._of(specs, told).items():
            if found in seen:  # the folder of the weights and the one above it tell of one training
                continue
            seen.append(found)
            if isinstance(found, TrainedOn):
                count = several(len(found.items), "item")
                yield f"{place} was trained on {count} of {found.dataset}"
            else:
                yield f"whether a model was trained on these questions is not known: {found}"

    def _of(self, specs: Iterable[ModelSpec], told: Mapping[str, Told]) -> dict[Path, TrainedOn | str]:
        found: dict[Path, TrainedOn | str] = {}
        for spec in specs:
            for place in _places(spec, told.get(spec.label, {})):
                if place not in self._read:
                    self._read[place] = _read(place)
                if self._read[place]:
                    found[place] = self._read[place]
        return found


def sentence(count: int, of: int, *, elsewhere: int = 0, accepted: bool) -> str:
    """Return what is said of a run with so many such questions, `elsewhere` in other data sets; without a full stop."""
    said = trained_on(count, of)
    if elsewhere:
        all_of = "" if elsewhere == count else f"{elsewhere:,} of them "
        said += f", {all_of}with equal text and right answer in another data set"
    if accepted:
        return f"{said}, which says nothing of questions that the model has not seen (--accept-contaminated)"
    held_out = "" if elsewhere == count else "ask the held-out side of its split (--split test), or "
    return f"{said}: {held_out}give --accept-contaminated for the accuracy on what was learned"


def _places(spec: ModelSpec, told: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the folders, on this computer, in which the weights of a model lie, and those above them.

    A checkpoint, or weights that were converted, lie in the folder that says what was learned.
    """
    roots = [str(told.get(part, {}).get("root") or "") for part in ("model", "adapter")]
    roots += [spec.model_id] if spec.client == IN_PROCESS else []
    roots += [spec.adapter_path] if spec.adapter_path else []
    for root in dict.fromkeys(filter(None, roots)):
        place = Path(root).expanduser()
        if place.exists():
            yield from (place, place.absolute().parent)


def _read(place: Path) -> TrainedOn | str:
    try:
        return read_trained(place) or ""
    except DataError as error:
        return clause(str(error))
