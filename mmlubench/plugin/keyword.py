"""The `-k` expression: which benchmarks it can select, so that the data sets of the others are never loaded.

pytest matches `-k` words as parts of names, so `-k mmlu` would also select `test_mmlu_pro`. Here a word that is exactly
the name of a benchmark means that benchmark and no other; every other word works as in pytest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product

import pytest

from mmlubench.errors import UserError
from mmlubench.plugin.private_pytest import Expression, words_of

#: The benchmarks whose files were found, of which some may not have been read yet.
FOUND = pytest.StashKey[set[str]]()
#: The most words whose truth is tried both ways, as n words have 2^n combinations.
_MOST_UNKNOWN = 8


def check(text: str, arguments: Collection[str]) -> None:
    """Raise UserError for an empty `-k`: pytest ignores it and selects everything, which costs money."""
    given = any(argument == "-k" or argument.startswith("-k=") for argument in arguments)
    if given and not text.strip():
        raise UserError(
            "-k is empty, which would select every benchmark: name one, as in -k mmlu, or leave -k out."
        )


class Keyword:
    """One compiled `-k` expression; a word that is one of `benchmarks` means exactly that benchmark.

    As everywhere in pytest's `-k`, capitals do not count.
    """

    def __init__(self, text: str, benchmarks: Collection[str]) -> None:
        self.text = text.strip()
        self._benchmarks = frozenset(benchmarks)
        self._in_small = {name.lower(): name for name in benchmarks}
        try:
            self._expression = Expression.compile(self.text) if self.text else None
        except SyntaxError:
            self._expression = None  # pytest itself reports the error, with its position

    @property
    def is_plain(self) -> bool:
        """Whether the expression says nothing about single questions: it is empty, or the name of a benchmark."""
        return self._expression is None or bool(self._named(self.text))

    @property
    def named(self) -> frozenset[str]:
        """The benchmarks that the expression names."""
        words = words_of(self._expression) if self._expression else frozenset[str]()
        return frozenset(filter(None, map(self._named, words)))

    def may_match(self, benchmark: str, names: Iterable[str], ids: Collection[str] | None) -> bool:
        """Whether some case of a test can match.

        `names` are the test's own names (file, function, marks); `ids` are words that may occur in its case ids,
        such as models and subjects, or None if they are not known. A word that may occur in an id is true for some
        cases only, so both values are tried.
        """
        if self._expression is None:
            return True
        known = {word: self._holds(word, benchmark, names) for word in words_of(self._expression)}
        some = [word for word, holds in known.items() if not holds and self._may_stand_in(word, ids)]
        if len(some) > _MOST_UNKNOWN:
            return True
        return any(
            self._evaluate({**known, **dict(zip(some, values, strict=True))})
            for values in product((True, False), repeat=len(some))
        )

    def matches(self, benchmark: str, names: Iterable[str]) -> bool:
        """Whether one case with these names matches."""
        if self._expression is None:
            return True
        return self._evaluate(
            {word: self._holds(word, benchmark, names) for word in words_of(self._expression)}
        )

    def _named(self, word: str) -> str:
        """Return the benchmark that a word names; empty if it names none."""
        return word if word in self._benchmarks else self._in_small.get(word.lower(), "")

    def _holds(self, word: str, benchmark: str, names: Iterable[str]) -> bool:
        if named := self._named(word):
            return named == benchmark
        return any(word.lower() in name.lower() for name in names)

    def _may_stand_in(self, word: str, ids: Collection[str] | None) -> bool:
        if self._named(word):
            return False
        if ids is None:
            return True
        # A word may span the parts of an id ("claude-anatomy") or name a row ("0017").
        return any(c.isdigit() or c == "-" for c in word) or any(word.lower() in part.lower() for part in ids)

    def _evaluate(self, values: dict[str, bool]) -> bool:
        assert self._expression is not None

        def holds(word: str, /, **kwargs: str | int | bool | None) -> bool:
            if kwargs:
                raise UserError(f"-k {self.text!r}: words take no arguments; leave the parentheses out.")
            return values[word]

        return self._expression.evaluate(holds)
