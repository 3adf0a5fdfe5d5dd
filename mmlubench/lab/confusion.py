"""Confusion of letters: which letter a model answers where another one is right, and which letters it favours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmlubench.figures import DASH, DOT, share
from mmlubench.records import BROKEN_OFF, FINISHED, RUNNING
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.compare.terminal import fits
from mmlubench.schema import ALPHABET, ANSWERED, Entry, Outcome
from mmlubench.stats.contamination import trained_on
from mmlubench.stats.one_letter import one_letter
from mmlubench.stats.summary import Summary

#: The columns behind the letters: replies without one, and cases without a reply.
_OTHERS = tuple(
    str(one) for one in (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.ERROR, Outcome.SKIPPED)
)

_UNFINISHED = {RUNNING: "still goes on", BROKEN_OFF: "was broken off"}
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


def cautions(one: Confusion, state: str, summaries: Iterable[Summary]) -> list[str]:
    """Return what makes these counts doubtful, a sentence each; `state` is that of the run, as an archive tells it."""
    told = [] if state == FINISHED else [f"The run {_UNFINISHED[state]}: these are the cases so far."]
    same = [found for found in summaries if (found.benchmark, found.model) == (one.benchmark, one.model)]
    if any(found.mock for found in same):
        told.append(f"MOCK: the answers of {one.model} are canned, and say nothing about a model.")
    told += [f"{trained_on(found.contaminated, found.n)}." for found in same if found.contaminated][:1]
    always = one_letter({(said, key): n for (key, said), n in one.counts.items() if said in ALPHABET})
    return told + ([f"{one.model} {always}."] if always else [])


class _Layout(NamedTuple):
    """One way to show the counts."""

    cell: Callable[[int, int], str]
    """Writes a count and its share of a second one."""
    is_split: bool
    """Whether each outcome without a letter has a column of its own."""
    meant: str


def _counted(count: int, of: int) -> str:
    return f"{count:,} {share(count / of)}" if of else f"{count:,}"


def _in_percent(count: int, of: int) -> str:
    return f"{100 * count / of:.0f}" if of else DASH


_SHARES = "Shares in a row are of the questions with that key."
#: The fullest first.
_LAYOUTS = (
    _Layout(_counted, True, _SHARES),
    _Layout(_counted, False, _SHARES),
    _Layout(
        _in_percent,
        False,
        "Per cent, in a row of the questions with that key; --json has the counts.",
    ),
)


def parts(one: Confusion, width: int, doubts: Sequence[str] = ()) -> Iterator[Part]:
    """Yield the table of an answered letter for each right one, as full as `width` columns hold, and what it means."""
    yield Sentence(f" {DOT} ".join(filter(None, (one.benchmark, one.model, one.recipe))), Tone.TITLE)
    for text in doubts:
        yield Sentence(text, Tone.MOCK if text.startswith("MOCK") else Tone.CAUTION)
    layout = next((one_of for one_of in _LAYOUTS if fits(_grid(one, one_of), width)), _LAYOUTS[-1])
    yield _grid(one, layout)
    yield Sentence(
        f"key: the right letter. {layout.meant} The last two rows: how often each letter was said, and how often it is "
        "right. Errors and skipped cases are in no n."
    )
    if not layout.is_split and (others := [name for name in one.columns if name in _OTHERS]):
        counts = ", ".join(f"{name} {one.of_answer(name):,}" for name in others)
        yield Sentence(f"None: replies that name no letter. Cases without a letter: {counts}.")


def _grid(one: Confusion, layout: _Layout) -> Grid:
    letters = [name for name in one.columns if name not in _OTHERS]
    others = [name for name in one.columns if name in _OTHERS]
    silent = [name for name in others if name not in _UNANSWERED]
    columns = {name: [name] for name in (*letters, *(others if layout.is_split else ()))}
    columns |= {"none": silent} if silent and not layout.is_split else {}

    def cells(counts: Mapping[str, int], of: int) -> list[str]:
        return [layout.cell(sum(counts.get(name, 0) for name in names), of) for names in columns.values()]

    rows: list[Sequence[str]] = []
    for key in one.keys:
        counts = {said: count for (right, said), count in one.counts.items() if right == key}
        recall, n = one.recall(key), one.of_key(key)
        rows.append([key, *cells(counts, n), f"{n:,}", DASH if recall is None else share(recall)])
    n, hits = one.answered, sum(one.counts.get((key, key), 0) for key in one.keys)
    said = cells({name: one.of_answer(name) for name in one.columns}, n)
    rows.append(["said", *said, f"{n:,}", share(hits / n) if n else DASH])
    keys = [layout.cell(one.of_key(name), n) if name in one.keys else "" for name in columns]
    rows.append(["right", *keys, f"{n:,}", ""])
    head = ["key", *columns, "n", "recall"]
    return Grid(
        head, rows, less=((len(head) - 1,), (len(head) - 2,))
    )  # the recall also stands in the diagonal


def _part(count: int, of: int) -> float | None:
    return count / of if of else None
