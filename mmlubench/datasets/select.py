"""Selection of questions: by subject, by category, without duplicates, and as a reproducible stratified sample."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import accumulate, chain, islice
from typing import NamedTuple

from mmlubench.datasets.packed import Group, Runs, pick, runs
from mmlubench.datasets.sets.subjects import CATEGORIES
from mmlubench.errors import EmptySelection
from mmlubench.schema import Question, untranslated

KeyOf = Callable[[int], str]


def select(
    questions: Sequence[Question],
    *,
    subjects: Collection[str] = (),
    categories: Collection[str] = (),
    limit: int | None = None,
    seed: int = 0,
) -> Sequence[Question]:
    """Return the questions of these subjects and categories, at most `limit` of them, in the order given.

    Empty `subjects` or `categories` mean all; capitals do not count in a name, and a space or hyphen may stand for an
    underscore. Raises EmptySelection for a name that no question has, and if no question has both a subject and a
    category asked for.
    """
    found = positions(
        runs(questions),
        subjects=subjects,
        categories=categories,
        limit=limit,
        seed=seed,
        key_of=lambda place: _key(questions[place]),
    )
    return pick(questions, found)


def positions(
    found: Runs,
    *,
    subjects: Collection[str] = (),
    categories: Collection[str] = (),
    limit: int | None = None,
    seed: int = 0,
    key_of: KeyOf | None = None,
) -> Iterable[int]:
    """Return the positions of the questions that `select` takes, in order, given the groups. Raises the same.

    `key_of` returns what the question at a position is called in all languages; without it the questions of a subject
    are taken for the same in each, in the same order, where there are equally many.
    """
    known = dict.fromkeys(group for group, _ in found)
    wanted = [*known]
    if known and subjects:
        names = _known("subject", subjects, dict.fromkeys(group.subject for group in known))
        wanted = [group for group in wanted if group.subject in names]
    if wanted and categories:
        names = _known("category", categories, _categories(known))
        wanted = [group for group in wanted if group.category in names]
    if known and not wanted:
        asked = [f"{what} {' or '.join(names)}" for what, names in _asked(subjects, categories)]
        raise EmptySelection(
            f"No question here is of {' and '.join(asked)}; ask for another, or leave it out."
        )
    ends = accumulate(count for _, count in found)
    ranges = [(group, range(end - n, end)) for (group, n), end in zip(found, ends, strict=True)]
    selected = [(group, places) for group, places in ranges if group in set(wanted)]
    if limit is None or limit >= sum(len(places) for _, places in selected):
        return chain.from_iterable(places for _, places in selected)
    return _drawn(selected, limit, seed, key_of)


def draw(questions: Sequence[Question], limit: int, seed: int = 0) -> Sequence[Question]:
    """Draw `limit` questions spread evenly over the subjects, in the order given; all if there are no more.

    Systematic sampling, stratified by subject: each subject's questions are shuffled and laid out evenly on
    [0, 1) from a random start, question `rank` of `count` at (rank + start) / count, and the lowest `limit`
    of all are taken. So a smaller draw is contained in every larger one, and the number drawn from a subject is
    within two questions of its proportional share. Over seeds every question has the same chance (within 1 % from
    20 questions on; in draws of fewer than 10 the largest subjects are favoured by up to 9 %). The draw depends only
    on the seed, the subjects and the order of the questions: it is the same in every process and for every model.
    It takes the same questions in every language: all those of a subject in any language are laid out, and those that
    some language lacks come last.
    """
    return select(questions, limit=limit, seed=seed)


def asking_order(questions: Sequence[Question], seed: int, *, evenly: bool) -> Sequence[int]:
    """Return the positions of all questions in a random order, of which every beginning is a sample of all.

    `evenly` is the order of `draw`: a larger draw goes on where a smaller one ended. Without it every order is as
    likely as any other, which is what proofs about samples without replacement suppose.
    """
    if not evenly:
        order = list(range(len(questions)))
        random.Random(f"{seed}/asking order").shuffle(order)
        return order
    found = runs(questions)
    ends = accumulate(count for _, count in found)
    ranges = [(group, range(end - n, end)) for (group, n), end in zip(found, ends, strict=True)]
    laid_out = _all_laid_out(ranges, seed, lambda place: _key(questions[place]))
    return [place for _, place in merge(*laid_out)]


class _Stratum(NamedTuple):
    benchmark: str
    language: str
    subject: str


def _drawn(selected: Iterable[tuple[Group, range]], limit: int, seed: int, key_of: KeyOf | None) -> list[int]:
    """Return the positions that are drawn of those selected, in order."""
    return sorted(place for _, place in islice(merge(*_all_laid_out(selected, seed, key_of)), limit))


def _all_laid_out(
    selected: Iterable[tuple[Group, range]], seed: int, key_of: KeyOf | None
) -> list[Iterable[tuple[float, int]]]:
    """Lay out all positions of each subject and language."""
    strata: dict[_Stratum, Sequence[int]] = {}
    for group, there in selected:
        key = _Stratum(group.benchmark, group.language, group.subject)
        strata[key] = [*strata[key], *there] if key in strata else there
    translated: dict[tuple[str, str], list[Sequence[int]]] = {}
    for stratum, places in strata.items():
        translated.setdefault((stratum.benchmark, stratum.subject), []).append(places)
    laid_out: list[Iterable[tuple[float, int]]] = []
    for (benchmark, subject), languages in translated.items():
        name = f"{seed}/{benchmark}/{subject}"
        by_key = _by_key(languages, key_of)
        if by_key:
            laid_out += _matched(by_key, name)
        else:
            orders = {len(places): _order(name, len(places)) for places in languages}
            laid_out += [_laid_out(places, *orders[len(places)]) for places in languages]
    return laid_out


def _key(question: Question) -> str:
    """Return what a question is called in all languages."""
    return untranslated(question.id, question.language)


def _order(seed: str, count: int) -> tuple[Sequence[int], float]:
    """Return the order in which the questions of a subject are laid out, and the start."""
    rng = random.Random(seed)  # seeded with text: `random` hashes it, unlike a tuple, alike in every process
    order = list(range(count))
    rng.shuffle(order)
    return order, rng.random()


def _laid_out(places: Sequence[int], order: Sequence[int], start: float) -> Iterator[tuple[float, int]]:
    return (((rank + start) / len(order), places[at]) for rank, at in enumerate(order))


def _by_key(languages: Sequence[Sequence[int]], key_of: KeyOf | None) -> list[dict[str, int]]:
    """Return the positions of a subject's questions by key, for each language.

    Empty if it is in one language only, or if no question is the same in two.
    """
    if key_of is None or len(languages) == 1:
        return []
    found = [{key_of(place): place for place in places} for places in languages]
    return found if len(set().union(*found)) < sum(map(len, found)) else []


def _matched(languages: Sequence[Mapping[str, int]], seed: str) -> list[Iterable[tuple[float, int]]]:
    """Lay out a subject in languages that lack some of its questions; each is the positions of its questions by key."""
    keys = [*dict.fromkeys(chain.from_iterable(languages))]
    order, start = _order(seed, len(keys))
    mixed = [keys[at] for at in order]
    mixed.sort(key=lambda key: not all(key in language for language in languages))  # stable
    return [
        [((rank + start) / len(mixed), language[key]) for rank, key in enumerate(mixed) if key in language]
        for language in languages
    ]


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


def _categories(known: Iterable[Group]) -> list[str]:
    """Return the categories that may be asked for: the four domains of MMLU, or those that the questions have."""
    found = dict.fromkeys(group.category for group in known)
    return list(CATEGORIES if found.keys() <= set(CATEGORIES) else found)


def _known(what: str, wanted: Collection[str], known: Collection[str]) -> set[str]:
    """Return the names asked for in the spelling of the data. Raises EmptySelection for an unknown name."""
    spellings: dict[str, list[str]] = {}
    for name in known:
        spellings.setdefault(_plain(name), []).append(name)
    names: set[str] = set()
    for name in wanted:
        found = [name] if name in known else spellings.get(_plain(name), [])
        if not found:
            hint = _hint(_plain(name), {_plain(one): one for one in known})
            raise EmptySelection(f"There is no {what} {name!r} in the data; {hint}")
        names.update(found)
    return names


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _hint(name: str, known: Mapping[str, str]) -> str:
    """Say which names there are; `known` has them by what is compared."""
    close = [known[one] for one in difflib.get_close_matches(name, known, n=3)]
    names = known.values()
    if len(names) <= 20:
        return f"known: {', '.join(names)}."
    listed = f"the {len(names)} subjects run from {min(names)} to {max(names)}."
    return f"did you mean {' or '.join(map(repr, close))}?" if close else listed
