"""The index of all cases: columns of small numbers, from which the page lists and filters without any text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmlubench.reports.page.causes import cause_of
from mmlubench.reports.page.shown import Shown
from mmlubench.schema import Entry, Outcome
from mmlubench.stats.compare.result import Case, case_of

#: What may have become of a question since the first result of its benchmark; the first stands for no comparison.
CHANGES = ("", "same", "gained", "lost", "other wrong answer")
_OUTCOMES = {outcome: number for number, outcome in enumerate(Outcome)}


@dataclass
class _Names:
    """Numbers for texts that many cases have."""

    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


class Index:
    """The columns, one row per case."""

    def __init__(self) -> None:
        self._columns: dict[str, list[int | float]] = {
            name: []
            for name in (
                *("result", "stem", "subject", "category", "language", "outcome", "rule", "cause"),
                *("change", "ms", "tokens", "text"),
            )
        }
        named = ("stem", "subject", "category", "language", "rule", "cause")
        self._names = {name: _Names() for name in named}
        self._tails: list[str] = []
        self._letters: dict[str, list[str]] = {"answer": [], "said": []}
        self._more: dict[int, list[int]] = {}

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self._tails)

    def add(self, number: int, shown: Shown, reference: Mapping[str, Case]) -> None:
        """Add the cases of a result; `reference` are those that a change is told from, by id."""
        columns, names = self._columns, self._names
        for entry in shown.entries:
            stem, _, tail = entry.id.rpartition("/")
            self._tails.append(tail.replace("\n", " "))
            columns["result"].append(number)
            columns["stem"].append(names["stem"].of(stem))
            columns["subject"].append(names["subject"].of(entry.subject))
            columns["category"].append(names["category"].of(entry.category))
            columns["language"].append(names["language"].of(entry.language))
            columns["outcome"].append(_OUTCOMES[entry.outcome])
            columns["rule"].append(names["rule"].of(entry.rule))
            columns["cause"].append(names["cause"].of(cause_of(entry)))
            columns["change"].append(_change(reference.get(entry.id), entry))
            columns["ms"].append(round(entry.latency_s * 1000))
            columns["tokens"].append(entry.usage.output_tokens)
            columns["text"].append(-1)
            self._letters["answer"].append(entry.answer[:1] or "-")
            self._letters["said"].append((entry.prediction or "-")[:1])

    def note_text(self, row: int, text: int) -> bool:
        """Note the number of a text of a case; return whether it is the first of this case."""
        if self._columns["text"][row] < 0:
            self._columns["text"][row] = text
            return True
        self._more.setdefault(row, []).append(text)
        return False

    def has_text(self, row: int) -> bool:
        """Whether a text of this case was noted."""
        return self._columns["text"][row] >= 0

    def to_dict(self, shown: Sequence[Shown], starts: Sequence[int]) -> dict[str, Any]:
        """Return the index for JSON; `starts` are the numbers of the first texts of all chunks."""
        results = [
            {"name": one.name, "benchmark": one.benchmark, "run": one.run.run_id, "mock": one.summary.mock}
            for one in shown
        ]
        return {
            "results": results,
            "outcomes": [outcome.value for outcome in Outcome],
            "changes": CHANGES,
            "names": {name: list(known.numbers) for name, known in self._names.items()},
            "columns": self._columns,
            "letters": {name: "".join(letters) for name, letters in self._letters.items()},
            "tails": "\n".join(self._tails),
            "more": {str(row): texts for row, texts in self._more.items()},
            "starts": starts,
        }


def _change(before: Case | None, entry: Entry) -> int:
    if before is None or entry.outcome in (Outcome.ERROR, Outcome.SKIPPED):
        return 0
    after = case_of(entry)
    if before.answer != after.answer:  # the data of the two runs differ
        return 0
    if after.points != before.points:
        return 2 if after.points > before.points else 3
    return 1 if after.letter == before.letter or after.points > 0 else 4
