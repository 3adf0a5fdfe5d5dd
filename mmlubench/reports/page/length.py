"""Accuracy by the length of the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmlubench import figures
from mmlubench.reports.logs import Exchange
from mmlubench.reports.page.markup import EMPTY, Html, folded, join, table
from mmlubench.reports.page.plots import axis, dot, plot, scale_around, shares
from mmlubench.reports.page.shown import Shown
from mmlubench.reports.page.texts import common_beginning
from mmlubench.schema import ANSWERED, Entry
from mmlubench.stats.tally import Tally

_PARTS = 5
#: Below so many cases a fifth of them says nothing.
_FEW = 50
#: From so many results on, each is folded.
_MANY = 3


class Lengths:
    """The length of what was asked in each case of a result, without what all questions of its subject share."""

    def __init__(self) -> None:
        self._whole: dict[int, tuple[tuple[str, str], int]] = {}
        self._shared: dict[tuple[str, str], str] = {}

    def note(self, number: int, entry: Entry, exchanges: Sequence[Exchange]) -> None:
        """Note the length of the last message of the first request of a case."""
        request = exchanges[0].request if exchanges else None
        if request is None or number in self._whole:
            return
        messages = request.get("messages") or [{}]
        text = request.get("prompt") or messages[-1].get("content")
        if not isinstance(text, str):
            return
        kind = entry.subject, entry.language
        before = self._shared.get(kind)
        if before is None:
            self._shared[kind] = text
        elif not text.startswith(before):
            self._shared[kind] = before[: common_beginning(before, text)]
        self._whole[number] = kind, len(text)

    def known(self) -> dict[int, int]:
        """Return the lengths in characters, by the number of the case."""
        counts = Counter(kind for kind, _ in self._whole.values())
        return {
            number: whole - len(self._shared[kind]) if counts[kind] > 1 else whole
            for number, (kind, whole) in self._whole.items()
        }


def by_length(shown: Sequence[Shown], lengths: Sequence[Lengths]) -> Html:
    """Return the accuracy of each fifth of the questions, the shortest first."""
    parts = []
    for one, known in zip(shown, lengths, strict=True):
        inner = _fifths(one.entries, known.known())
        if inner:
            title = f"{one.benchmark} {figures.DOT} {one.name}"
            parts.append(folded(title, inner, is_open=len(shown) < _MANY))
    return join(parts)


def _fifths(entries: Sequence[Entry], lengths: dict[int, int]) -> Html:
    cases = [
        (length, entries[number]) for number, length in lengths.items() if entries[number].outcome in ANSWERED
    ]
    if len(cases) < _FEW:
        return EMPTY
    cases.sort(key=lambda case: case[0])
    found = []
    for part in range(_PARTS):
        within = cases[len(cases) * part // _PARTS : len(cases) * (part + 1) // _PARTS]
        found.append((within[0][0], within[-1][0], Tally(entry for _, entry in within).score()))
    scale = scale_around(end for *_, score in found for end in score.ci95)
    rows = []
    for shortest, longest, score in found:
        accuracy, ends = shares(score.accuracy, score.ci95)
        mark = plot(scale, dot(scale, score.accuracy, score.ci95))
        rows.append([f"{shortest:,}{figures.DASH}{longest:,}", mark, accuracy, ends, f"{score.answered:,}"])
    head = ["characters", axis(scale), "accuracy", "95 % interval", "n"]
    caption = "Fifths of the questions by length, without what all prompts of a subject share"
    return table(head, rows, caption=caption, class_="figures plotted")
