"""Confusion of letters: which letter a model answers where another one is right, and which letters it favours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmlubench.figures import DASH, DOT, share
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.schema import ALPHABET, ANSWERED, Entry, Outcome

#: The columns behind the letters: replies without one, and cases without a reply.
_OTHERS = tuple(
    str(one) for one in (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.ERROR, Outcome.SKIPPED)
)

_UNANSWERED = (str(Outcome.ERROR), str(Outcome.SKIPPED))


@dataclass(frozen=True, slots=True)
class Confusion:
    """The answers of one model to one benchmark, by the right letter and the one that was answered."""

    benchmark: str
    model: str
    recipe: str
    """What replaced the recipe of the run; empty for that recipe."""
    counts: Mapping[tuple[str, str], int]
    """The number of cases by the right letter and by the answered one, or the outcome of a case without a letter."""

    @property
    def keys(self) -> list[str]:
        """The right letters, in order; the letters that were answered are among them, unless the model invents one."""
        return sorted({key for key, _ in self.counts})

    @property
    def columns(self) -> list[str]:
        """The letters that are right or were answered, then the outcomes of cases without a letter that there are."""
        there = {answer for _, answer in self.counts}
        return [one for one in ALPHABET if one in there | {*self.keys}] + [
            one for one in _OTHERS if one in there
        ]

    def of_key(self, key: str) -> int:
        """Return how many answered cases have this right letter: errors and skipped cases are not among them."""
        return sum(
            count for (right, said), count in self.counts.items() if right == key and said not in _UNANSWERED
        )

    def of_answer(self, answer: str) -> int:
        """Return how many cases were answered with this letter, or ended so."""
        return sum(count for (_, said), count in self.counts.items() if said == answer)

    @property
    def answered(self) -> int:
        """The number of answered cases, the denominator of accuracy."""
        return sum(map(self.of_key, self.keys))

    def recall(self, key: str) -> float | None:
        """Return the share of the cases of a right letter that were answered with it; None without such a case."""
        of = self.of_key(key)
        return self.counts.get((key, key), 0) / of if of else None

    def to_dict(self) -> dict[str, Any]:
        """Return counts and shares for JSON; shares are of the answered cases."""
        answered, letters = self.answered, [one for one in self.columns if one not in _OTHERS]
        rows = {
            key: {
                "answers": {answer: self.counts.get((key, answer), 0) for answer in self.columns},
                "n": self.of_key(key),
                "recall": self.recall(key),
            }
            for key in self.keys
        }
        return {
            "benchmark": self.benchmark,
            "model": self.model,
            "recipe": self.recipe,
            "answered": answered,
            "keys": rows,
            "share_of_keys": {one: _part(self.of_key(one), answered) for one in letters},
            "share_of_answers": {one: _part(self.of_answer(one), answered) for one in letters},
        }


def confusions(entries: Iterable[Entry]) -> list[Confusion]:
    """Count the answers of each benchmark, model and recipe of a run, in the order in which they come.

    Letters are those that the model was shown. Of a question that was asked several times the majority counts.
    """
    counts: dict[tuple[str, str, str], Counter[tuple[str, str]]] = {}
    for entry in entries:
        said = entry.prediction if entry.outcome in ANSWERED and entry.prediction else str(entry.outcome)
        counts.setdefault((entry.benchmark, entry.model, entry.recipe), Counter())[entry.answer, said] += 1
    return [Confusion(*who, found) for who, found in counts.items()]


def parts(one: Confusion) -> Iterator[Part]:
    """Yield the table of an answered letter for each right one, with counts and shares, and what it means."""
    yield Sentence(f" {DOT} ".join(filter(None, (one.benchmark, one.model, one.recipe))), Tone.TITLE)
    yield Grid(["right letter", *one.columns, "n", "recall"], _rows(one))
    yield Sentence(
        "shares in a row are of the questions with that right letter; the last two rows: how often each letter was "
        "answered, and how often it is the right one. Errors and skipped cases are in no n."
    )


def _rows(one: Confusion) -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    for key in one.keys:
        of = one.of_key(key)
        cells = [_cell(one.counts.get((key, answer), 0), of) for answer in one.columns]
        recall = one.recall(key)
        found.append([key, *cells, f"{of:,}", DASH if recall is None else share(recall)])
    every = [_cell(one.of_answer(answer), one.answered) for answer in one.columns]
    keys = [_cell(one.of_key(answer), one.answered) if answer in one.keys else "" for answer in one.columns]
    right = sum(one.counts.get((key, key), 0) for key in one.keys)
    found.append(
        ["answered", *every, f"{one.answered:,}", share(right / one.answered) if one.answered else DASH]
    )
    found.append(["is right", *keys, f"{one.answered:,}", ""])
    return found


def _cell(count: int, of: int) -> str:
    return f"{count:,} {share(count / of)}" if of else f"{count:,}"


def _part(count: int, of: int) -> float | None:
    return count / of if of else None
