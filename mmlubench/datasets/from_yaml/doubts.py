"""What looks wrong in a user's own data although every row can be read: half a sentence each, for the run's notice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mmlubench.datasets.from_yaml.answers import number
from mmlubench.figures import several
from mmlubench.schema import ALPHABET, Question

#: Fewer questions have one right letter, or none that is A, too often by chance.
_FEW = 4


def one_letter(questions: Sequence[Question]) -> Iterator[str]:
    """Yield a warning if every question has the same right letter: a model that always says it scores 100 %."""
    letters = {question.answer for question in questions}
    if len(questions) >= _FEW and len(letters) == 1:
        yield (
            f"warning: {letters.pop()} is the right letter of all {len(questions):,} questions, so that the place of a "
            "choice gives it away; in a YAML, `shuffle: true` puts the choices in another order"
        )


def lettered_twice(questions: Sequence[Question]) -> Iterator[str]:
    """Yield a warning if all choices begin with their letters, which prompts write before them as well."""
    marked = r"\s*[(\[]?{}[).:\]]\s"
    if questions and all(
        re.match(marked.format(letter), choice)
        for question in questions
        for letter, choice in zip(question.order or ALPHABET, question.choices, strict=False)
    ):
        shown = f"{questions[0].choices[0]!r:.40}"
        others = ", which are others in the new order: take theirs out" if questions[0].order else ""
        yield f"warning: the choices begin with letters, as in {shown}, and prompts add their own{others}"


def repeated(questions: Sequence[Question]) -> Iterator[str]:
    """Yield warnings of questions that are there twice, and of choices that are."""
    answers: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    alike = 0
    for one in questions:
        right = one.choices[ALPHABET.index(one.answer)]
        answers.setdefault((one.language, one.text, tuple(sorted(one.choices))), set()).add(right)
        alike += len(set(one.choices)) < len(one.choices)
    if more := len(questions) - len(answers):
        unlike = sum(len(right) > 1 for right in answers.values())
        differing = f"; {several(unlike, 'question')} with different right answers" if unlike else ""
        yield f"warning: {several(more, 'question')} of {len(questions):,} there before (see --dedup){differing}"
    if alike:
        yield f"warning: two choices are the same in {several(alike, 'question')}"


def counted_from_one(answers: Iterable[Any], questions: Sequence[Question]) -> Iterator[str]:
    """Yield a warning if answers that were read as numbers from 0 may be counted from 1: none of them is 0."""
    numbers = [number(answer) for answer in answers]
    if len(numbers) < _FEW or None in numbers or 0 in numbers:
        return
    places = (ALPHABET.index(one.answer) for one in questions)
    in_data = (
        ALPHABET.index(one.order[place]) if one.order else place
        for one, place in zip(questions, places, strict=True)
    )
    if Counter(numbers) == Counter(in_data):  # else they are labels or texts of the choices
        yield (
            "warning: answers are numbers, read as counted from 0, and none is 0: say `index_base: 1` if they are "
            "counted from 1, else `index_base: 0`"
        )
