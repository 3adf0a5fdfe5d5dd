"""Selection of questions: by subject, by category, without duplicates, and as a reproducible stratified sample."""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection, Iterable, Sequence

from mmlubench.datasets.sets.subjects import CATEGORIES
from mmlubench.errors import EmptySelection
from mmlubench.schema import Question


def select(
    questions: Sequence[Question],
    *,
    subjects: Collection[str] = (),
    categories: Collection[str] = (),
    limit: int | None = None,
    seed: int = 0,
) -> list[Question]:
    """Return the questions of these subjects and categories, at most `limit` of them, in the order given.

    Empty `subjects` or `categories` mean all; a space or hyphen may stand for the underscore of a name. Raises
    EmptySelection for a name that no question has, and if no question has both a subject and a category asked for.
    """
    selected = list(questions)
    if selected and subjects:
        wanted = _known("subject", subjects, dict.fromkeys(q.subject for q in questions))
        selected = [question for question in selected if question.subject in wanted]
    if selected and categories:
        wanted = _known("category", categories, _categories(questions))
        selected = [question for question in selected if question.category in wanted]
    if questions and not selected:
        asked = [f"{what} {' or '.join(names)}" for what, names in _asked(subjects, categories)]
        raise EmptySelection(
            f"No question here is of {' and '.join(asked)}; ask for another, or leave it out."
        )
    return selected if limit is None else draw(selected, limit, seed)


def draw(questions: Sequence[Question], limit: int, seed: int = 0) -> list[Question]:
    """Draw `limit` questions spread evenly over the subjects, in the order given; all if there are no more.

    Systematic sampling, stratified by subject: each subject's questions are shuffled and laid out evenly on
    [0, 1) from a random start, question `rank` of `count` at (rank + start) / count, and the lowest `limit`
    of all are taken. So a smaller draw is contained in every larger one, and the number drawn from a subject is
    within two questions of its proportional share. Over seeds every question has the same chance (within 1 % from
    20 questions on; in draws of fewer than 10 the largest subjects are favoured by up to 9 %). The draw depends only
    on the seed, the subjects and the order of the questions: it is the same in every process and for every model,
    and takes the same questions in every language that has all of them.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for position, question in enumerate(questions):
        key = (question.benchmark, question.language, question.subject)
        groups.setdefault(key, []).append(position)
    keyed = []
    for (benchmark, _, subject), positions in groups.items():
        # Seeded with text: `random` hashes a text, unlike a tuple, to the same number in every process.
        rng = random.Random(f"{seed}/{benchmark}/{subject}")
        rng.shuffle(positions)
        start = rng.random()
        keyed += [((rank + start) / len(positions), position) for rank, position in enumerate(positions)]
    taken = sorted(position for _, position in sorted(keyed)[:limit])
    return [questions[position] for position in taken]


def dedup(questions: Iterable[Question]) -> list[Question]:
    """Return the questions without duplicates of an earlier one, in the order given.

    A duplicate has the text, choices and answer of another question in the same language, whatever its subject.
    105 of MMLU's 14,042 questions are duplicates, 78 of them under another subject.
    """
    first: dict[object, Question] = {}
    for question in questions:
        key = (question.benchmark, question.language, question.text, question.choices, question.answer)
        first.setdefault(key, question)
    return [*first.values()]


def _asked(subjects: Collection[str], categories: Collection[str]) -> list[tuple[str, Collection[str]]]:
    return [(what, names) for what, names in (("subject", subjects), ("category", categories)) if names]


def _categories(questions: Sequence[Question]) -> list[str]:
    """Return the categories that may be asked for: the four domains of MMLU, or those that the questions have."""
    found = dict.fromkeys(question.category for question in questions)
    return list(CATEGORIES if found.keys() <= set(CATEGORIES) else found)


def _known(what: str, wanted: Collection[str], known: Collection[str]) -> set[str]:
    """Return the names asked for in the spelling of the data. Raises EmptySelection for an unknown name."""
    names = {}
    for name in wanted:
        names[name] = name if name in known else name.strip().lower().replace(" ", "_").replace("-", "_")
        if names[name] not in known:
            raise EmptySelection(f"There is no {what} {name!r} in the data; {_hint(names[name], known)}")
    return set(names.values())


def _hint(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    if len(known) <= 20:
        return f"known: {', '.join(known)}."
    listed = f"the {len(known)} subjects run from {min(known)} to {max(known)}."
    return f"did you mean {' or '.join(map(repr, close))}?" if close else listed
