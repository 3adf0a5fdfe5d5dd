"""What several results have in common: the questions that all of them answered, and all that differs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.schema import Outcome
from mmlubench.stats.compare.result import TEXT_OF_RECIPE, Result
from mmlubench.stats.contamination import trained_on
from mmlubench.stats.one_letter import one_letter

#: Beyond this share of common questions with different keys, equal ids do not name equal questions.
_ANOTHER_KEY = 0.02


class CannotCompare(UserError):
    """The results have nothing in common that a comparison could be made of."""


@dataclass(frozen=True, slots=True)
class Common:
    """The questions that are compared, and those that are not."""

    ids: tuple[str, ...]
    asked: int
    """The questions that each result has, answered or not."""
    not_all: int
    """Questions that only some of the results have."""
    errors: int
    """Questions that all have, and that ended in an error in at least one."""
    skipped: int
    """Questions that all have, and that were skipped in at least one, and no error in any."""
    other_keys: int
    """Questions whose right answers differ between the data of the runs."""
    between: tuple[str, ...]
    """What differs between the results, and what the questions are restricted to, each a sentence."""
    doubts: tuple[str, ...]
    """What makes the answers of one result doubtful, each a sentence; its own run says so, too."""
    languages: int
    """The number of languages of these questions; 1 if they have none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """All that a reader must know first."""
        return self.between + self.doubts

    def to_dict(self) -> dict[str, object]:
        """Return the counts for JSON."""
        names = ("asked", "not_all", "errors", "skipped", "other_keys")
        return {"n": len(self.ids), **{name: getattr(self, name) for name in names}}


def common(results: Sequence[Result]) -> Common:
    """Find the questions that all results answered. Raises CannotCompare where there is none."""
    _check_benchmark(results)
    all_ids = [one.cases.keys() | one.unanswered.keys() for one in results]
    asked = set.intersection(*map(set, all_ids))
    answered = [key for key in results[0].cases if all(key in one.cases for one in results)]
    same = [key for key in answered if len({one.cases[key].answer for one in results}) == 1]
    _check_some(results, asked, answered, same)
    unanswered = [
        {one.unanswered[key] for one in results if key in one.unanswered} for key in asked - set(answered)
    ]
    not_all = len(set.union(*map(set, all_ids))) - len(asked)
    errors = sum(Outcome.ERROR in found for found in unanswered)
    other_keys = len(answered) - len(same)
    known = results[0].cases
    return Common(
        ids=tuple(same),
        asked=len(asked),
        not_all=not_all,
        errors=errors,
        skipped=len(unanswered) - errors,
        other_keys=other_keys,
        between=(
            *_settings(results),
            *_data(results),
            *_left_out(not_all, errors, len(unanswered) - errors, other_keys),
        ),
        doubts=(*_unreported(results), *_learned(results), *_of_one_letter(results, same)),
        languages=len({known[key].language for key in same}),
    )


def _check_benchmark(results: Sequence[Result]) -> None:
    names = sorted({one.benchmark for one in results})
    if len(names) > 1:
        raise CannotCompare(
            f"{' and '.join(names)} are different benchmarks: only results of one benchmark can be compared."
        )


def _check_some(
    results: Sequence[Result], asked: set[str], answered: Sequence[str], same: Sequence[str]
) -> None:
    names = " and ".join(one.name for one in results) if len(results) < 4 else f"these {len(results)} results"
    benchmark = results[0].benchmark
    for one in results:
        if not one.cases:
            raise CannotCompare(f"{one.name} answered no question of {benchmark}: nothing can be compared.")
    if not asked:
        raise CannotCompare(
            f"{names} have no question of {benchmark} in common: ask both the same questions, with the same "
            "--subject, --category, --language, --limit and --seed."
        )
    if not answered:
        raise CannotCompare(f"no question of {benchmark} was answered in each of {names}.")
    if len(answered) - len(same) > _ANOTHER_KEY * len(answered):
        raise CannotCompare(
            f"{names} have different data of {benchmark}: {len(answered) - len(same):,} of "
            f"{several(len(answered), 'question')} with equal ids have different right answers."
        )


def _settings(results: Sequence[Result]) -> list[str]:
    notes = []
    for name in dict.fromkeys(name for one in results for name in one.setting):
        if name == TEXT_OF_RECIPE and _differ(results, "recipe"):
            continue
        told = (one.setting.get(name, "") for one in results)
        # An option that only one run was given changes something; a fact that a run does not tell may be the same.
        found = list(dict.fromkeys(value or "not given" for value in told if value or name.startswith("--")))
        if len(found) > 1:
            notes.append(
                f"{name} differs ({_listed(found)}): what is compared is model and setting together."
            )
    return notes


def _differ(results: Sequence[Result], name: str) -> bool:
    return len({one.setting.get(name, "") for one in results}) > 1


def _data(results: Sequence[Result]) -> list[str]:
    facts = [one.data for one in results if one.data]
    hashes = {one.get("sha256") for one in facts}
    if len(hashes) == 1 and None not in hashes:
        return []  # the same questions, wherever they came from
    notes = []
    for name in ("revision", "source"):
        found = list(dict.fromkeys(str(one[name]) for one in facts if one.get(name)))
        if len(found) > 1:
            notes.append(f"the {name} of the data differs ({_listed(found)}).")
    # The hash is that of what was read: it differs, too, where one run read only its sample.
    if not notes and len(hashes - {None}) > 1:
        sizes = {(one.get("questions"), one.get("questions_read")) for one in facts}
        if len(sizes) == 1:
            notes.append("the data differ (sha256 in the manifests).")
    return notes


def _left_out(not_all: int, errors: int, skipped: int, other_keys: int) -> list[str]:
    counts = {
        "that not all of them have": not_all,
        "that ended in an error": errors,
        "that were skipped": skipped,
        "whose right answers differ": other_keys,
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    if not parts:
        return []
    first, *others = parts
    number, _, what = first.partition(" ")
    noun = "question" if number == "1" else "questions"
    return [f"left out: {'; '.join([f'{number} {noun} {what}', *others])}."]


def _unreported(results: Sequence[Result]) -> list[str]:
    return [
        f"{one.name} has no headline accuracy: {one.why_no_headline.rstrip('.')}."
        for one in results
        if one.why_no_headline
    ]


def _learned(results: Sequence[Result]) -> list[str]:
    """Name the results whose questions were trained on, unless that is why they have no headline accuracy."""
    return [
        f"{trained_on(one.contaminated, len(one.cases) + len(one.unanswered), one.name)}."
        for one in results
        if one.contaminated and not one.why_no_headline
    ]


def _of_one_letter(results: Sequence[Result], ids: Sequence[str]) -> list[str]:
    """Name the results that answer nearly all of these questions with one letter."""
    found = ((one.name, one_letter(Counter(one.cases[key].shown for key in ids))) for one in results)
    return [f"{name} {always}." for name, always in found if always]


def _listed(texts: Sequence[str], most: int = 4) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
