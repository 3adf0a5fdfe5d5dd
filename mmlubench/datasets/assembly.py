"""Assembly of a checked data set from the rows of a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

import orjson

from mmlubench.datasets import checks
from mmlubench.datasets.base import DataSet, Source, Spec
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
    questions = questions_of(spec, source, spec.scored)
    examples = questions_of(spec, source, spec.example_split)
    if not questions:
        raise DataError(source.name, f"it has no {spec.scored} split, which holds the questions to ask.")
    checks.unique(source.name, questions)
    return DataSet(
        name=spec.name,
        questions=tuple(questions),
        examples=by_subject(examples),
        source=source.name,
        revision=source.revision,
        sha256=fingerprint([*questions, *examples]),
        notice=_notice(spec, source, questions, examples, allow_partial, languages),
    )


def fingerprint(questions: Iterable[Question]) -> str:
    """Return the SHA-256, in hex, of id, text, choices and answer of every question, in order."""
    digest, separator = hashlib.sha256(b"["), b""
    remaining = iter(questions)
    while batch := list(islice(remaining, _HASHED_AT_ONCE)):
        rows = [(q.id, _copy(q.text), [*map(_copy, q.choices)], q.answer) for q in batch]
        digest.update(separator + orjson.dumps(rows)[1:-1])
        separator = b","
    digest.update(b"]")
    return digest.hexdigest()


def _copy(text: str) -> str:
    """Return a copy of a text that is not ASCII, to hash it without extra memory.

    orjson has Python cache the UTF-8 form of such a text inside the string object; a copy is freed with its cache.
    """
    return text if text.isascii() else (text + " ")[:-1]


def questions_of(spec: Spec, source: Source, split: str) -> list[Question]:
    """Return the checked questions of a split; empty if the source has no such split. Raises DataError."""
    files = source.splits.get(split, ())
    for rows in files:
        spec.check(rows)
    return spec.build(split, files)


def by_subject(questions: Iterable[Question]) -> dict[str, tuple[Question, ...]]:
    """Group questions by subject, in the order given."""
    found: dict[str, list[Question]] = {}
    for question in questions:
        found.setdefault(question.subject, []).append(question)
    return {subject: tuple(same) for subject, same in found.items()}


def _notice(
    spec: Spec,
    source: Source,
    questions: Sequence[Question],
    examples: Sequence[Question],
    partial: bool,
    languages: Sequence[str],
) -> str:
    """Check the counts, and return a notice of what is missing, if that is allowed. Raises DataError."""
    if not source.complete:
        return ""
    # Worked examples may be missing altogether, since a prompt may need none, but not in part.
    shots = dict.fromkeys(spec.counts, spec.shots_per_subject if examples else 0)
    found = _by_language(questions)
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
    checks.counts(source.name, f"worked examples ({spec.example_split})", examples, shots, partial=partial)
    every, most = sum(spec.counts.values()) * max(1, len(languages)), sum(shots.values())
    if len(questions) == every and len(examples) == most:
        return ""
    whole = f"{len(found)} of {len(languages)} languages" if languages else ""
    parts = [whole or f"{subjects[0]} of {len(spec.counts)} subjects"]
    parts += [f"{len(questions):,} of {every:,} questions"]
    parts += [f"{len(examples):,} of {most:,} worked examples"] if len(examples) != most else []
    return f"partial data: {', '.join(parts)}"


def _by_language(questions: Iterable[Question]) -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = {}
    for question in questions:
        found.setdefault(question.language, []).append(question)
    return found
