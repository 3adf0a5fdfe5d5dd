"""Assembly of a checked data set from the rows of a source."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice

import orjson

from mmlubench.datasets import checks
from mmlubench.datasets.base import DataSet, Source, Spec
from mmlubench.datasets.packed import PackedQuestions, Packer
from mmlubench.errors import DataError
from mmlubench.schema import Question

_HASHED_AT_ONCE = 1000


def assemble(
    spec: Spec,
    source: Source,
    *,
    allow_partial: bool = False,
    languages: Sequence[str] = (),
) -> DataSet:
    """Make a checked data set from the rows of a source; `languages` are those it should have. Raises DataError."""
    digest, ids = Fingerprint(), checks.Unique(source.name)
    questions = _packed(_portions(spec, source, spec.scored), digest, ids)
    examples = questions_of(spec, source, spec.example_split)
    if not questions:
        raise DataError(source.name, f"it has no {spec.scored} split, which holds the questions to ask.")
    ids.check(questions)
    digest.add(examples)
    found = source.counts or _counted(questions)
    partial = _notice(spec, source, found, examples, allow_partial, languages)
    return DataSet(
        name=spec.name,
        questions=questions,
        examples=by_subject(examples),
        source=source.name,
        revision=source.revision,
        sha256=digest.hexdigest(),
        notice="; ".join(filter(None, (partial, *spec.remarks(source, questions)))),
        left_unread=sum(sum(same.values()) for same in found.values()) - len(questions),
    )


def _packed(portions: Iterable[list[Question]], digest: Fingerprint, ids: checks.Unique) -> PackedQuestions:
    packer = Packer()
    for questions in portions:
        digest.add(questions)
        ids.add(questions)
        packer.add(questions)
    return packer.packed()


class Fingerprint:
    """The SHA-256 of id, text, choices and answer of every question, in order."""

    def __init__(self) -> None:
        self._digest, self._separator = hashlib.sha256(b"["), b""

    def add(self, questions: Iterable[Question]) -> None:
        """Add more questions, behind those before."""
        remaining = iter(questions)
        while batch := list(islice(remaining, _HASHED_AT_ONCE)):
            rows = [(q.id, _copy(q.text), [*map(_copy, q.choices)], q.answer) for q in batch]
            self._digest.update(self._separator + orjson.dumps(rows)[1:-1])
            self._separator = b","

    def hexdigest(self) -> str:
        """Return the hash, in hex; nothing may be added afterwards."""
        self._digest.update(b"]")
        return self._digest.hexdigest()


def fingerprint(questions: Iterable[Question]) -> str:
    """Return the SHA-256, in hex, of id, text, choices and answer of every question, in order."""
    digest = Fingerprint()
    digest.add(questions)
    return digest.hexdigest()


def _copy(text: str) -> str:
    """Return a copy of a text that is not ASCII, to hash it without extra memory.

    orjson has Python cache the UTF-8 form of such a text inside the string object; a copy is freed with its cache.
    """
    return text if text.isascii() else (text + " ")[:-1]


def questions_of(spec: Spec, source: Source, split: str) -> list[Question]:
    """Return the checked questions of a split; empty if the source has no such split. Raises DataError."""
    return [question for portion in _portions(spec, source, split) for question in portion]


def _portions(spec: Spec, source: Source, split: str) -> Iterator[list[Question]]:
    """Yield the checked questions of a split, part by part if the data set has parts. Raises DataError."""
    for _, files in groupby(source.splits.get(split, ()), lambda rows: rows.part):
        same = [*files]
        for rows in same:
            spec.check(rows)
        yield spec.build(split, same)


def by_subject(questions: Iterable[Question]) -> dict[str, tuple[Question, ...]]:
    """Group questions by subject, in the order given: by `DE_DE/anatomy` where they name their language."""
    found: dict[str, list[Question]] = {}
    for question in questions:
        key = f"{question.language}/{question.subject}" if question.language else question.subject
        found.setdefault(key, []).append(question)
    return {subject: tuple(same) for subject, same in found.items()}


def _notice(
    spec: Spec,
    source: Source,
    found: Mapping[str, Mapping[str, int]],
    examples: Sequence[Question],
    partial: bool,
    languages: Sequence[str],
) -> str:
    """Check the counts of each language and subject, and return a notice of what is missing, if that is allowed.

    Raises DataError.
    """
    if not source.complete:
        return ""
    # Worked examples may be missing altogether, since a prompt may need none, but not in part.
    shots = dict.fromkeys(spec.counts, spec.shots_per_subject if examples else 0)
    subjects = [
        checks.counts(
            f"{source.name}, {language}" if language else source.name,
            f"{spec.scored} questions",
            same,
            spec.counts,
            partial=partial,
        )
        for language, same in found.items()
    ]
    shown = Counter(example.subject for example in examples)
    checks.counts(source.name, f"worked examples ({spec.example_split})", shown, shots, partial=partial)
    doubt = _check_rows(spec, source, found, partial=partial)
    if doubt:
        return doubt
    every, most = _complete(spec, languages, found), sum(shots.values()) or len(examples)
    total = sum(sum(same.values()) for same in found.values())
    if total == every and len(examples) == most:
        return ""
    counts = [
        (len(found), len(languages), "languages"),
        # Of several languages, the subjects of the one with the fewest.
        (min(subjects, default=0) if spec.counts else 0, len(spec.counts), "subjects"),
        (total, every, "questions"),
        (len(examples), most, "worked examples"),
    ]
    parts = [f"{there:,} of {of:,} {what}" for there, of, what in counts if of and there != of]
    return f"partial data: {', '.join(parts)}"


def _rows_of(spec: Spec, language: str) -> int:
    return spec.rows if isinstance(spec.rows, int) else spec.rows.get(language, 0)


def _complete(spec: Spec, languages: Sequence[str], found: Mapping[str, Mapping[str, int]]) -> int:
    """Return the number of questions that there should be; of data whose size is not known, that of those found."""
    if spec.counts:
        return sum(spec.counts.values()) * max(1, len(languages))
    if not spec.rows:
        return sum(sum(same.values()) for same in found.values())
    return sum(_rows_of(spec, language) for language in languages or [""])


def _check_rows(spec: Spec, source: Source, found: Mapping[str, Mapping[str, int]], *, partial: bool) -> str:
    """Check the number of all rows of each language, where those of the subjects are not known.

    Raises DataError. Where the number itself was never verified and the data are those of the pinned commit, the number
    is what is wrong: then a warning is returned.
    """
    if spec.counts or not spec.rows:
        return ""
    by_language = {language if spec.languages else "": sum(same.values()) for language, same in found.items()}
    is_doubtful = "rows" in spec.about.unverified and source.revision == spec.revision
    doubts = []
    for language, count in by_language.items():
        expected = _rows_of(spec, language)
        if is_doubtful and count != expected:
            doubts.append(f"{language or 'it'} has {count:,} ({expected:,})")
            continue
        where = f"{source.name}, {language}" if language else source.name
        checks.counts(where, f"{spec.scored} questions", {"all": count}, {"all": expected}, partial=partial)
    if not doubts:
        return ""
    shown = f"{', '.join(doubts[:3])}{' and others' if len(doubts) > 3 else ''}"
    return f"warning: other numbers of questions than those in {spec.name}'s file, which nobody verified: {shown}"


def _counted(questions: PackedQuestions) -> dict[str, Counter[str]]:
    """Return the number of questions of each subject, by language."""
    found: dict[str, Counter[str]] = {}
    for group, count in questions.runs():
        found.setdefault(group.language, Counter())[group.subject] += count
    return found
