"""Items: the questions that must lie on one side of a split, as who has learned one of them knows the others.

They are the translations of a question, and questions of equal text and choices, or of equal text and right answer,
whatever their subject: a run takes the last for trained on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from mmlubench.datasets.splits.trained import content_of, plain
from mmlubench.schema import Question, untranslated


@dataclass(frozen=True, slots=True)
class Item:
    """Questions that go together."""

    key: str
    """The first, in alphabetical order, of the names that its questions have in all languages."""
    subject: str
    """The subject of that question; one that repeats it may stand under another."""
    category: str
    places: tuple[int, ...]
    """The positions of its questions, in order."""


def items_of(questions: Sequence[Question]) -> list[Item]:
    """Return the items of questions, by key in alphabetical order: whatever order the questions have."""
    parents: dict[Hashable, Hashable] = {}

    def root(one: Hashable) -> Hashable:
        while (above := parents.setdefault(one, one)) != one:
            parents[one] = parents[above]
            one = parents[above]
        return one

    for question in questions:
        for same in (_choices(question), content_of(question)):
            parents[root(same)] = root(_name(question))
    places: dict[Hashable, list[int]] = {}
    for place, question in enumerate(questions):
        places.setdefault(root(_name(question)), []).append(place)
    return sorted((_item(questions, same) for same in places.values()), key=lambda item: item.key)


def _item(questions: Sequence[Question], places: Iterable[int]) -> Item:
    found = [*places]
    first = min((questions[place] for place in found), key=_name)
    return Item(_name(first), first.subject, first.category, tuple(found))


def _name(question: Question) -> str:
    return untranslated(question.id, question.language)


def _choices(question: Question) -> Hashable:
    """Return what is equal for questions of equal text and choices; the order of the choices does not matter."""
    return plain(question.text), tuple(sorted(map(plain, question.choices)))
