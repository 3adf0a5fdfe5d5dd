"""Alignment: whether what is taken for one question in several languages has one right answer in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmlubench.figures import several
from mmlubench.schema import ALPHABET, Question, untranslated

#: From this share of different keys on, rows are probably no translations of one another: of other questions with four
#: choices three quarters differ, and of translations hardly any.
_OTHER_QUESTIONS = 0.05


@dataclass(frozen=True, slots=True)
class Alignment:
    """The items that are there in several languages."""

    items: int
    differ: int
    """How many of them have another right choice, as the data name it, in one language than in another."""

    @property
    def is_doubtful(self) -> bool:
        """Whether the languages are probably of other questions, or in another order."""
        return self.differ >= max(1.0, _OTHER_QUESTIONS * self.items)

    @property
    def sentence(self) -> str:
        """What is to be said; empty where all keys are the same."""
        if not self.differ:
            return ""
        told = (
            f"The right letter of {self.differ:,} of {several(self.items, 'item')} differs between languages"
        )
        if not self.is_doubtful:
            return f"{told}."
        return (
            f"{told}: their rows probably do not belong together, as where some lack other rows than others; give the "
            "complete data, or a column with the id of each question."
        )


def alignment(questions: Iterable[Question]) -> Alignment:
    """Compare the right choices of the languages of each item."""
    keys: dict[str, list[str]] = {}
    for one in questions:
        if one.language:
            place = ALPHABET.find(one.answer)
            key = one.order[place] if 0 <= place < len(one.order) else one.answer
            keys.setdefault(untranslated(one.id, one.language), []).append(key)
    together = [found for found in keys.values() if len(found) > 1]
    return Alignment(len(together), sum(len({*found}) > 1 for found in together))
