"""Our ids for questions of other harnesses: by subject and row, else by the text of question and choices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.run.importing.sample import Sample
from mmlubench.schema import Question

#: What follows the name of the benchmark in an id of ours, as our exports have it.
_OURS = re.compile(r"(/[\w-]+){1,3}")
OURS, ROW, TEXT, UNKNOWN = "id", "subject and row", "text", "no question of ours"


@dataclass(frozen=True, slots=True)
class Found:
    """The question that a sample is of."""

    id: str
    subject: str
    category: str
    language: str
    answer: str
    choices: int
    way: str
    """How it was found, one of the words above."""


class Ids:
    """Finds questions; without the data set, only those that say their id, or their subject and row."""

    def __init__(self, benchmark: str, questions: Iterable[Question] = ()) -> None:
        self._benchmark = benchmark
        self._known: dict[str, Found] = {}
        self._texts: dict[bytes, list[str]] = {}
        self._choices: dict[bytes, list[tuple[str, str]]] = {}
        self._taken: Counter[bytes] = Counter()
        self._given: dict[str, Found] = {}
        for question in questions:
            self._add(question)
        self.ways: Counter[str] = Counter()
        """How many questions were found in which way."""

    def find(self, sample: Sample) -> Found:
        """Return the question of a sample; samples of one key are of one question."""
        if sample.key not in self._given:
            found = self._found(sample)
            self.ways[found.way] += 1
            self._given[sample.key] = found
        return self._given[sample.key]

    def _add(self, question: Question) -> None:
        found = Found(
            question.id, question.subject, question.category, question.language, question.answer,
            len(question.choices), TEXT,
        )  # fmt: skip
        self._known[question.id] = found
        self._texts.setdefault(_hash(question.text, question.choices), []).append(question.id)
        alike = self._choices.setdefault(_hash("", question.choices), [])
        alike.append((_plain(question.text), question.id))

    def _found(self, sample: Sample) -> Found:
        if _OURS.fullmatch(sample.key.removeprefix(self._benchmark)):
            return self._of(sample.key, sample, OURS)
        if not self._known:
            row_id = self._row_id(sample)
            return self._of(row_id, sample, ROW) if row_id else self._unknown(sample)
        same = self._texts.get(_hash(sample.question, sample.choices), []) or self._ending_alike(sample)
        row_id = self._row_id(sample)
        if row_id in same:
            return self._of(row_id, sample, ROW)
        # A question that stands in the data twice is found once for each of its samples.
        key = _hash(sample.question, sample.choices)
        place, self._taken[key] = self._taken[key], self._taken[key] + 1
        return self._of(same[place], sample, TEXT) if place < len(same) else self._unknown(sample)

    def _ending_alike(self, sample: Sample) -> list[str]:
        """Return the questions with the same choices whose text stands in a prompt with worked examples."""
        asked = _plain(sample.question)
        alike = self._choices.get(_hash("", sample.choices), []) if sample.choices else []
        return [
            found for text, found in alike if asked.endswith(text) or f"{text}\n" in asked or text in asked
        ]

    def _row_id(self, sample: Sample) -> str:
        if self._benchmark == "mmlu_pro" and sample.key.isdigit() and sample.subject:
            return f"mmlu_pro/{sample.subject}/{sample.key}"
        if self._benchmark == "commonsense_qa" and re.fullmatch(r"[0-9a-f]{32}", sample.key):
            return f"commonsense_qa/{sample.key}"
        if sample.row is None or sample.subject not in SUBJECTS:
            return ""
        if self._benchmark == "mmmlu":
            return f"mmmlu/{sample.language}/{sample.subject}/{sample.row:04d}" if sample.language else ""
        return f"mmlu/{sample.subject}/{sample.row:04d}"

    def _of(self, question_id: str, sample: Sample, way: str) -> Found:
        known = self._known.get(question_id)
        subject = known.subject if known else sample.subject
        return Found(
            question_id,
            subject,
            known.category if known else _category(self._benchmark, subject),
            known.language if known else sample.language,
            sample.answer or (known.answer if known else ""),
            known.choices if known else len(sample.choices) or 4,
            way,
        )

    def _unknown(self, sample: Sample) -> Found:
        """Return an id that the same question has in every import of this kind."""
        told = _hash(sample.question or sample.key, sample.choices).hex()[:12]
        subject = sample.subject or "unknown"
        middle = f"{sample.language}/{subject}" if sample.language else subject
        return self._of(f"{self._benchmark}/{middle}/x{told}", sample, UNKNOWN)


def _category(benchmark: str, subject: str) -> str:
    if benchmark in ("mmlu", "mmmlu"):
        return SUBJECTS[subject].category if subject in SUBJECTS else ""
    return subject


def _plain(text: str) -> str:
    return " ".join(text.split())


def _hash(text: str, choices: Iterable[str]) -> bytes:
    parts = [_plain(text), *map(_plain, choices)]
    return sha256("\0".join(parts).encode(errors="replace")).digest()
