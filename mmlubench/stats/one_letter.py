"""One letter: whether a model answers nearly everything with the same one, and so scores how often that is the key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from mmlubench.figures import several

#: The share of answers, 0 to 1, from which on they are nearly all, and by how much the share of keys must be below it.
_NEARLY_ALL, _MORE_THAN_KEYS = 0.9, 0.15
#: Below this number of answers that happens by chance.
_FEW = 20


class OneLetter(NamedTuple):
    """A letter that is nearly the only answer, and by far not the only key."""

    letter: str
    times: int
    """How often it was answered."""
    of: int
    """The number of answers that name a letter."""
    right: int
    """How often it is the right one among them."""

    def __str__(self) -> str:
        """Return a sentence without its subject and a full stop."""
        return (
            f"answers {self.letter} to {self.times:,} of {several(self.of, 'question')}, and that letter is right in "
            f"{self.right:,}: such an accuracy tells how often {self.letter} is the key, and not what a model knows"
        )


def one_letter(answers: Mapping[tuple[str | None, str], int], *, least: int = _FEW) -> OneLetter | None:
    """Return the letter that at least 90 % of the answers name; None if there is none, or if the keys name it as often.

    `answers` counts cases by the letter that was answered, None for none, and by the right one, both as the model saw
    them. The keys name it as often if not by 15 % of the answers less. Fewer than `least` answers are too few to tell.
    """
    named = {pair: count for pair, count in answers.items() if pair[0]}
    said, keys = Counter[str](), Counter[str]()
    for (letter, key), count in named.items():
        said[letter or ""] += count
        keys[key] += count
    of = said.total()
    if of < max(least, 1):
        return None
    letter, count = max(said.items(), key=lambda pair: pair[1])
    if count < _NEARLY_ALL * of or count - keys[letter] < _MORE_THAN_KEYS * of:
        return None
    return OneLetter(letter, count, of, keys[letter])
