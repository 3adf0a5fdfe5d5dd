"""The division of a split: no item on two sides, in every subject the same shares, the same on every machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.datasets.splits.card import SIDES
from mmlubench.datasets.splits.trained import content_of
from mmlubench.errors import UserError
from mmlubench.lab.split.dividing import divide, leaks
from mmlubench.lab.split.items import items_of
from mmlubench.schema import Question

SHARES = (80, 10, 10)
LANGUAGES = ("DE_DE", "FR_FR")


def question(subject: str, row: int, language: str = "", text: str = "") -> Question:
    within = f"{language}/" if language else ""
    said = text or f"{language} question {row} of {subject}"
    return Question(f"b/{within}{subject}/{row:04}", "b", subject, "c", said, ("x", "y"), "A", language)


@st.composite
def data_sets(draw: st.DrawFn) -> list[Question]:
    """Subjects of any size in two languages, of which some questions lack one, and some repeat others."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5).filter(lambda n: sum(n) >= 30))
    found = []
    for number, size in enumerate(sizes):
        for row in range(size):
            there = draw(st.sampled_from([LANGUAGES, LANGUAGES, LANGUAGES[:1], LANGUAGES[1:]]))
            text = draw(st.sampled_from(["", "", "", "", "", "", "What  is this?", "what is THIS?"]))
            found += [question(f"s{number}", row, language, text) for language in there]
    return found


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_items_stay_together_in_shares_that_hold_whatever_the_order_of_the_rows(
    questions: list[Question], seed: int, chance: Random
) -> None:
    items = items_of(questions)
    try:
        sides = divide(items, SHARES, seed)
    except UserError:
        return  # so many repeat one another that too few are left
    side_of = {
        questions[place].id: side for side, there in sides.items() for item in there for place in item.places
    }
    assert side_of.keys() == {one.id for one in questions}
    by_item: dict[str, set[str]] = {}
    by_text: dict[str, set[str]] = {}
    for one in questions:
        by_item.setdefault(one.id.replace(f"/{one.language}/", "/"), set()).add(side_of[one.id])
        by_text.setdefault(" ".join(one.text.split()).casefold(), set()).add(side_of[one.id])
    assert all(len(found) == 1 for found in (*by_item.values(), *by_text.values()))
    total = Counter(item.subject for item in items)
    for side, share in zip(SIDES, SHARES, strict=True):
        counts = Counter(item.subject for item in sides[side])
        for subject, n in total.items():
            assert abs(counts[subject] - n * share / 100) < 1
    shuffled = chance.sample(questions, len(questions))
    again = divide(items_of(shuffled), SHARES, seed)
    assert {side: [one.key for one in there] for side, there in again.items()} == {
        side: [one.key for one in there] for side, there in sides.items()
    }


def test_questions_that_a_run_would_take_for_one_another_go_together() -> None:
    one = question("s", 1, text="What  is this?")
    same_answer = replace(question("s", 2, text="what is THIS?"), choices=("X", "z"))
    other_answer = replace(question("s", 3, text="what is this?"), choices=("z", "y"))
    assert [item.places for item in items_of([one, same_answer, other_answer])] == [(0, 1), (2,)]
    assert content_of(one) == content_of(same_answer) != content_of(other_answer)


def test_the_shares_hold_for_all_subjects_together() -> None:
    # Of 57 subjects with 15 items each, rounded one way, the test side would have 57 or 114 in place of 85 or 86.
    items = items_of([question(f"s{n:02}", row) for n in range(57) for row in range(15)])
    sides = divide(items, SHARES, 0)
    for side, share in zip(SIDES, SHARES, strict=True):
        assert abs(len(sides[side]) - len(items) * share / 100) <= 1


def test_another_seed_is_another_split() -> None:
    items = items_of([question("s", row) for row in range(50)])
    tests = [tuple(item.key for item in divide(items, SHARES, seed)["test"]) for seed in range(5)]
    assert all(one != other for one, other in pairwise(tests))


def test_too_few_items_are_refused_in_a_sentence() -> None:
    with pytest.raises(
        UserError, match=r"^3 items are too few for a split of 80-10-10: nothing is left for "
    ):
        divide(items_of([question("s", row) for row in range(3)]), SHARES, 0)


@pytest.mark.parametrize(
    ("rows", "covered"),
    [(1, 0), (5, 0), (6, 13), (7, 26), (8, 39), (9, 52), (10, 65)],
)
def test_a_split_in_which_most_subjects_lack_a_side_is_refused(rows: int, covered: int) -> None:
    # Of 65 subjects 33 are half.
    items = items_of([question(f"s{n:02}", row) for n in range(65) for row in range(rows)])
    if covered >= 33:
        sides = divide(items, SHARES, 0)
        assert len(set.intersection(*({item.subject for item in sides[side]} for side in SIDES))) == covered
        return
    with pytest.raises(UserError, match=f"only {covered} of 65 would have an item on every side") as refused:
        divide(items, SHARES, 0)
    assert "stratified by subject" in str(refused.value)
    assert "give --stratify none, more data, or other --fractions." in str(refused.value)
    sides = divide(items, SHARES, 0, "none")
    assert [len(sides[side]) for side in SIDES] == pytest.approx(
        [0.8 * 65 * rows, 6.5 * rows, 6.5 * rows], abs=1
    )


def test_half_of_the_subjects_are_enough() -> None:
    large = [question(f"l{n}", row) for n in range(2) for row in range(10)]
    small = [question(f"s{n}", 0) for n in range(2)]
    assert divide(items_of([*large, *small]), SHARES, 0)["test"]
    with pytest.raises(UserError, match="only 2 of 5 would have an item on every side; give --stratify none"):
        divide(items_of([*large, *small, question("s3", 0)]), SHARES, 0)


def test_categories_are_offered_where_they_are_large_enough() -> None:
    rows = [replace(question(f"s{n:02}", 0), category=f"c{n % 4}") for n in range(57)]
    with pytest.raises(
        UserError, match="only 0 of 57 would have an item on every side; give --stratify category"
    ):
        divide(items_of(rows), SHARES, 0)
    sides = divide(items_of(rows), SHARES, 0, "category")
    assert all({item.category for item in sides[side]} == {"c0", "c1", "c2", "c3"} for side in SIDES)


def test_the_leaks_of_a_random_split_are_as_many_as_expected() -> None:
    # Of two translations, both are on one side with the probability .8² + .1² + .1² = .66.
    items = items_of([question("s", row, language) for row in range(500) for language in LANGUAGES])
    told = [leaks(items, SHARES, seed) for seed in range(40)]
    assert {one.items for one in told} == {500}
    assert told[0].expected == pytest.approx(500 * 0.34, rel=0.01)
    assert sum(one.found for one in told) / 40 == pytest.approx(told[0].expected, rel=0.03)
    alone = leaks(items_of([question("s", row) for row in range(50)]), SHARES, 0)
    assert (alone.items, alone.found, alone.expected) == (0, 0, 0)
