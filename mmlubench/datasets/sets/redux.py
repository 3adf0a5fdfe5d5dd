"""MMLU-Redux 2.0 (Gema et al. 2024, arXiv 2406.04127): expert annotations of errors in 5,700 questions of MMLU.

Each annotation belongs to one question of MMLU. It is found by subject, text and choices, since neither data set has
ids; white space is ignored, since the two data sets differ in it.

No commit of the repository is pinned, as none could be checked when this was written: the hub's `main` is read, and
the notice names its commit. A snapshot written by `mmlubench data fetch mmlu_redux --to DIR/mmlu_redux` does not
change. The hash of the resulting data set covers exactly the questions and answers that remain.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mmlubench.datasets import cells, checks, sources
from mmlubench.datasets.assembly import fingerprint
from mmlubench.datasets.base import DataSet, Rows, Source, Spec
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.errors import DataError, UserError
from mmlubench.schema import ALPHABET, Question

_OK, _WRONG, _CORRECTED = "ok", "wrong_groundtruth", "corrected"
MODES = (_OK, _CORRECTED)
#: The verdicts of an annotation; `expert` marks a question that was left to experts.
VERDICTS = (
    _OK,
    "bad_question_clarity",
    "bad_options_clarity",
    "no_correct_answer",
    "multiple_correct_answers",
    _WRONG,
    "expert",
)
_CHOICES = 4
_COLUMNS = ("question", "choices", "answer", "error_type", "correct_answer")

Key = tuple[str, ...]


class _Note(NamedTuple):
    verdict: str
    correct: str


def check(rows: Rows) -> None:
    """Raise DataError for the first row that is not a question of four choices with a known verdict."""
    checks.every_row(rows, _COLUMNS, _problem)


def _problem(text: object, choices: object, answer: object, verdict: object, _: object) -> str:
    return (
        cells.text("question", text)
        or cells.texts("choices", choices, _CHOICES)
        or cells.index("answer", answer, _CHOICES)
        or cells.one_of("error_type", verdict, VERDICTS)
    )


def questions(split: str, files: Sequence[Rows]) -> list[Question]:
    """Make the annotated questions, with the answers that MMLU gives them."""
    made = []
    for rows in files:
        columns = (rows.columns[name] for name in ("question", "choices", "answer"))
        category = SUBJECTS[rows.part].category
        for number, (text, choices, answer) in enumerate(zip(*columns, strict=True)):
            row_id = f"mmlu_redux/{rows.part}/{number:04d}"
            made.append(
                Question(row_id, "mmlu_redux", rows.part, category, text, tuple(choices), ALPHABET[answer])
            )
    return made


ANNOTATIONS = Spec(
    name="mmlu_redux",
    repository="edinburgh-dawg/mmlu-redux-2.0",
    config="",
    revision="main",
    columns={
        "question": "text",
        "choices": "texts",
        "answer": "integer",
        "error_type": "text",
        "correct_answer": checks.ANY,  # in a subject without errors the column holds only nulls and has no type
    },
    check=check,
    build=questions,
    counts=dict.fromkeys(SUBJECTS, 100),
    example_split="",
    spare=(),
    parts=tuple(SUBJECTS),
    part_column="subject",
)


def apply(data_set: DataSet, mode: str, data: str) -> DataSet:
    """Return MMLU with only the questions that the annotations accept, with the same ids and a notice of the counts.

    Mode `ok` keeps the questions without errors. Mode `corrected` also keeps those in which only the answer is wrong,
    with the corrected answer, if the annotation names exactly one of the choices (see `right_letter`). `data` is the
    source of MMLU, as for `load`: `hub`, or a folder that has `mmlu_redux/` in it or beside it. Raises UserError for
    another mode, DataError if there are no annotations or they match none of the questions.
    """
    if mode not in MODES:
        raise UserError(f"MMLU-Redux mode {mode!r} is unknown: give {' or '.join(MODES)}.")
    source = _source(data)
    notes = _notes(source)
    annotated = sum(map(len, notes.values()))
    kept, counted = _filter(data_set.questions, notes, mode)
    if not counted:
        raise DataError(source.name, f"its annotations match no question of {data_set.name}.")
    told = f"{_told(mode, counted, annotated)}; annotations from {source.name}"
    return replace(
        data_set,
        questions=tuple(kept),
        sha256=fingerprint([*kept, *(q for same in data_set.examples.values() for q in same)]),
        notice="; ".join(filter(None, (data_set.notice, told))),
    )


def verdicts(questions: Sequence[Question], data: str) -> tuple[dict[str, str], str]:
    """Return the verdict of every question of MMLU that is annotated, by its id, and where the annotations are from.

    `data` as for `apply`. Raises DataError if there are no annotations.
    """
    source = _source(data)
    return {question.id: note.verdict for question, note in _matched(questions, _notes(source))}, source.name


def _source(data: str) -> Source:
    spec = ANNOTATIONS
    if data == "hub":
        return sources.read(spec, data, spec.parts)
    if data == "sample":
        raise DataError(spec.name, "the embedded sample is not annotated; give --data hub or --data DIR.")
    path = Path(data).expanduser()
    places = (path / spec.name, path.parent / spec.name)
    found = next((place for place in places if place.is_dir()), path)
    return sources.read(spec, str(found), spec.parts)


def _notes(source: Source) -> dict[Key, deque[_Note]]:
    """Return the annotations of every question, in order: MMLU has some questions twice. Raises DataError."""
    notes: dict[Key, deque[_Note]] = {}
    for rows in source.splits[ANNOTATIONS.scored]:
        check(rows)
        columns = (rows.columns[name] for name in ("question", "choices", "error_type", "correct_answer"))
        for text, choices, verdict, correct in zip(*columns, strict=True):
            note = _Note(verdict, "" if correct is None else str(correct).strip())
            notes.setdefault(_key(rows.part, text, choices), deque()).append(note)
    return notes


def _key(subject: str, text: str, choices: Sequence[str]) -> Key:
    return (subject, *(" ".join(part.split()) for part in (text, *choices)))


def _filter(
    questions: Sequence[Question], notes: dict[Key, deque[_Note]], mode: str
) -> tuple[list[Question], Counter[str]]:
    """Return the questions that remain, and the number of each verdict, with corrected ones counted separately."""
    remaining, counted = [], Counter[str]()
    for question, note in _matched(questions, notes):
        letter = right_letter(question, note.correct) if note.verdict == _WRONG and mode != _OK else None
        counted[_CORRECTED if letter else note.verdict] += 1
        if note.verdict == _OK:
            remaining.append(question)
        elif letter:
            remaining.append(replace(question, answer=letter))
    return remaining, counted


def _matched(
    questions: Sequence[Question], notes: dict[Key, deque[_Note]]
) -> Iterator[tuple[Question, _Note]]:
    """Yield every question that is annotated; an annotation belongs to one question."""
    for question in questions:
        unused = notes.get(_key(question.subject, question.text, question.choices))
        if unused:
            yield question, unused.popleft()


def right_letter(question: Question, correct: str) -> str | None:
    """Return the letter that an annotation names as the right one: by number (from 0), by letter or by text.

    None if the annotation names no choice, different choices when read in these three ways, or the wrong answer itself.
    """
    named = {question.letters[i] for i in range(len(question.choices)) if correct == str(i)}
    named |= {letter for letter in question.letters if correct.upper() == letter}
    named |= {
        letter
        for letter, choice in zip(question.letters, question.choices, strict=True)
        if correct and correct == choice.strip()
    }
    named -= {question.answer} if len(named) == 1 else set()
    return named.pop() if len(named) == 1 else None


def _told(mode: str, counted: Counter[str], annotated: int) -> str:
    stay = [name for name in (_OK, _CORRECTED) if name == _OK or mode != _OK]
    kept = ", ".join(f"{counted[name]:,} {name}" for name in stay)
    others = [f"{name} {count:,}" for name, count in counted.most_common() if name not in stay]
    return (
        f"MMLU-Redux {mode}: kept {sum(counted[name] for name in stay):,} ({kept}); left out "
        f"{', '.join(others) or 'none'}, and all that are not annotated; "
        f"{annotated - sum(counted.values()):,} annotated rows match no question"
    )
