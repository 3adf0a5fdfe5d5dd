"""Packed questions: a sequence that holds the texts of many questions compressed, and makes each question when asked.

A `Question` takes about 1.5 kB in memory, packed 0.25 kB. Unpacking one costs 5 µs if its neighbours are wanted as
well, as in a run, which goes through the questions in order.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple, overload

from mmlubench.schema import Question

#: The number of questions that are compressed together: many compress better, few are unpacked faster.
_TOGETHER = 64
#: The number of blocks that stay unpacked: a run reads questions in two places, where it asks and where it grades.
_RECENT = 8
#: Fast, and larger by a third than with the default.
_LEVEL = 1


class Group(NamedTuple):
    """What many questions have in common, by which they are selected."""

    benchmark: str
    language: str
    subject: str
    category: str


#: Groups in the order of their questions, each with the number of questions that follow one another.
Runs = list[tuple[Group, int]]


def group_of(question: Question) -> Group:
    """Return the group of a question."""
    return Group(question.benchmark, question.language, question.subject, question.category)


class _Store:
    """Compressed blocks of questions, shared by all sequences over them."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.groups: dict[Group, int] = {}
        """The number of each group."""
        self.group_numbers = array("I")
        """The number of the group of each question."""
        self.rows = lru_cache(maxsize=_RECENT)(self._unpacked)

    def add(self, questions: Iterable[Question]) -> None:
        remaining = iter(questions)
        while block := list(islice(remaining, _TOGETHER)):
            rows = [(q.id, q.text, q.choices, q.answer, q.rationale, q.order) for q in block]
            self.blocks.append(zlib.compress(json.dumps(rows).encode(), _LEVEL))
            for question in block:
                self.group_numbers.append(self.groups.setdefault(group_of(question), len(self.groups)))

    def _unpacked(self, number: int) -> list[tuple[str, str, list[str], str, str, str]]:
        return json.loads(zlib.decompress(self.blocks[number]))  # type: ignore[no-any-return]


class Packer:
    """Packs questions that come in portions."""

    def __init__(self) -> None:
        self._store = _Store()
        self._left: list[Question] = []

    def add(self, questions: Sequence[Question]) -> None:
        """Pack more questions, behind those before."""
        self._left += questions
        whole = len(self._left) - len(self._left) % _TOGETHER  # only the last block of all may be shorter
        self._store.add(self._left[:whole])
        del self._left[:whole]

    def packed(self) -> PackedQuestions:
        """Return all questions; nothing may be added afterwards."""
        self._store.add(self._left)
        return PackedQuestions(self._store, range(len(self._store.group_numbers)))


class PackedQuestions(Sequence[Question]):
    """A sequence of packed questions; a slice, or what `pick` gives, shares the texts."""

    def __init__(self, store: _Store, places: Sequence[int]) -> None:
        """`places` are the positions of these questions in the store."""
        self._store = store
        self._places = places
        self._groups = [*store.groups]

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> PackedQuestions: ...
    def __getitem__(self, index: int | slice) -> Question | PackedQuestions:
        if isinstance(index, slice):
            return PackedQuestions(self._store, self._places[index])
        place = self._places[index]
        block, at = divmod(place, _TOGETHER)
        name, text, choices, answer, rationale, order = self._store.rows(block)[at]
        benchmark, language, subject, category = self._groups[self._store.group_numbers[place]]
        return Question(
            name, benchmark, subject, category, text, tuple(choices), answer, language, rationale, order
        )

    def __len__(self) -> int:
        return len(self._places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (PackedQuestions, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as that of a list

    def __repr__(self) -> str:
        return f"<{len(self):,} packed questions>"

    def pick(self, indexes: Iterable[int]) -> PackedQuestions:
        """Return the questions at these positions of the sequence, in the order given."""
        return PackedQuestions(self._store, array("I", (self._places[index] for index in indexes)))

    def runs(self) -> Runs:
        """Return the groups of the questions in order, with the number of those that follow one another."""
        numbers = map(self._store.group_numbers.__getitem__, self._places)
        return [(self._groups[number], sum(1 for _ in same)) for number, same in groupby(numbers)]


def runs(questions: Sequence[Question]) -> Runs:
    """Return the groups of the questions in order, with the number of those that follow one another."""
    if isinstance(questions, PackedQuestions):
        return questions.runs()
    return [(group, sum(1 for _ in same)) for group, same in groupby(questions, group_of)]


def pick(questions: Sequence[Question], indexes: Iterable[int]) -> Sequence[Question]:
    """Return the questions at these positions, in the order given: packed if they were."""
    if isinstance(questions, PackedQuestions):
        return questions.pick(indexes)
    return [questions[index] for index in indexes]


def reordered(questions: Sequence[Question], indexes: Iterable[int]) -> Sequence[Question]:
    """Return the questions at these positions, in the order given; packed questions are packed anew.

    A run goes through its questions in order, and would unpack 64 of them for each one of a random order.
    """
    if not isinstance(questions, PackedQuestions):
        return pick(questions, indexes)
    every, packer = [*questions], Packer()
    packer.add([every[index] for index in indexes])
    return packer.packed()
