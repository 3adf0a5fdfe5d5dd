from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets.packed import Packer
from mmlubench.datasets.select import dedup, draw, select
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.errors import EmptySelection, UserError
from mmlubench.schema import Question


def made(subject: str, count: int, category: str = "other", benchmark: str = "mmlu") -> list[Question]:
    return [
        Question(f"{benchmark}/{subject}/{n:04d}", benchmark, subject, category, "?", ("a", "b"), "A")
        for n in range(count)
    ]


def full() -> list[Question]:
    return [q for name, known in SUBJECTS.items() for q in made(name, known.questions, known.category)]


FULL = full()


def ids(questions: Sequence[Question]) -> list[str]:
    return [question.id for question in questions]


def as_described(questions: list[Question], limit: int, seed: int) -> list[Question]:
    """The draw as the docstring of `draw` describes it, word by word."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for position, question in enumerate(questions):
        groups.setdefault((question.benchmark, question.language, question.subject), []).append(position)
    keyed = []
    for (benchmark, _, subject), positions in groups.items():
        rng = random.Random(f"{seed}/{benchmark}/{subject}")
        rng.shuffle(positions)
        start = rng.random()
        keyed += [((rank + start) / len(positions), position) for rank, position in enumerate(positions)]
    return [questions[position] for position in sorted(position for _, position in sorted(keyed)[:limit])]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "DE_DE", "FR_FR"])), max_size=120),
    st.integers(0, 130),
    st.integers(0, 5),
)
def test_the_draw_is_the_one_that_is_described(kinds: list[tuple[str, str]], limit: int, seed: int) -> None:
    # However it is computed: a draw of an earlier version must be drawn again.
    pool = [
        replace(made(subject, 1)[0], id=f"mmlu/{subject}/{n}", language=language)
        for n, (subject, language) in enumerate(kinds)
    ]
    packer = Packer()
    packer.add(pool)
    assert draw(pool, limit, seed) == as_described(pool, limit, seed)
    assert list(draw(packer.packed(), limit, seed)) == as_described(pool, limit, seed)


def test_the_draw_of_all_of_mmlu_is_the_one_that_is_described() -> None:
    for limit, seed in ((1, 0), (300, 0), (300, 1), (5000, 2), (14_041, 0)):
        assert draw(FULL, limit, seed) == as_described(FULL, limit, seed)


pools = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1).map(
    lambda counts: [question for subject, count in counts.items() for question in made(subject, count)]
)


@given(pools, st.integers(0, 400), st.integers(0, 5))
def test_a_draw_has_as_many_as_asked_for_once_each_in_data_order(
    pool: list[Question], limit: int, seed: int
) -> None:
    drawn = draw(pool, limit, seed)
    assert len(drawn) == min(limit, len(pool))
    positions = [pool.index(question) for question in drawn]
    assert positions == sorted(set(positions))


@given(pools, st.integers(0, 200), st.integers(0, 200), st.integers(0, 5))
def test_a_smaller_draw_is_part_of_a_larger_one(pool: list[Question], one: int, two: int, seed: int) -> None:
    # So that raising --limit asks only the questions that are new.
    small, large = sorted((one, two))
    assert set(ids(draw(pool, small, seed))) <= set(ids(draw(pool, large, seed)))


@given(pools, st.integers(1, 200), st.integers(0, 5))
def test_every_subject_gets_its_due(pool: list[Question], limit: int, seed: int) -> None:
    # A draw of the first rows would ask one subject alone, and score it.
    drawn = Counter(q.subject for q in draw(pool, limit, seed))
    sizes = Counter(q.subject for q in pool)
    for subject, size in sizes.items():
        assert abs(drawn[subject] - min(limit, len(pool)) * size / len(pool)) < 2


def test_a_draw_of_100_from_all_of_mmlu_follows_the_weights_of_the_subjects() -> None:
    drawn = Counter(question.category for question in draw(FULL, 100))
    assert drawn == pytest.approx(
        {"stem": 21.5, "humanities": 33.5, "social_sciences": 22, "other": 23}, abs=5
    )


def test_over_many_seeds_every_question_has_the_same_chance() -> None:
    # Else the accuracy of a draw would lean towards some questions.
    pool = [*made("a", 10), *made("b", 30), *made("c", 60)]
    seen = Counter(name for seed in range(3000) for name in ids(draw(pool, 20, seed)))
    assert min(seen.values()) > 500  # 600 expected, standard deviation 22
    assert max(seen.values()) < 700


def test_another_seed_gives_another_draw() -> None:
    assert ids(draw(FULL, 100, 0)) != ids(draw(FULL, 100, 1))


def test_no_limit_or_a_large_one_gives_all_in_data_order() -> None:
    assert select(FULL) == FULL
    assert select(FULL, limit=14_042) == FULL
    assert select(FULL, limit=99_999) == FULL


def test_the_draw_is_the_same_in_every_process() -> None:
    # xdist workers each draw for themselves; with different questions they would refuse to run.
    code = (
        "import json; from mmlubench.datasets.select import draw; from mmlubench.schema import Question;"
        "qs = [Question(f'mmlu/{s}/{n}', 'mmlu', s, 'x', '?', ('a',), 'A') for s in 'abc' for n in range(30)];"
        "print(json.dumps([q.id for q in draw(qs, 9)]))"
    )
    seen = set()
    for hash_seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        seen.add(tuple(json.loads(run.stdout)))
    assert len(seen) == 1
    assert len(seen.pop()) == 9


def test_the_draw_never_changes_between_versions() -> None:
    # Results of an older run could no longer be compared question by question.
    pool = [*made("anatomy", 12), *made("virology", 6)]
    expected = "anatomy/0001 anatomy/0005 anatomy/0010 anatomy/0011 virology/0001 virology/0003"
    assert [question.id.removeprefix("mmlu/") for question in draw(pool, 6)] == expected.split()


def test_a_draw_from_what_another_filter_left_is_even_too() -> None:
    left = [question for question in FULL if question.id.endswith("7")]
    drawn = draw(left, 57)
    assert set(ids(drawn)) <= set(ids(left))
    assert len({question.subject for question in drawn}) > 35


def test_two_benchmarks_with_a_subject_of_one_name_are_drawn_apart() -> None:
    pool = [*made("physics", 20), *made("physics", 20, benchmark="other")]
    drawn = Counter(question.benchmark for question in draw(pool, 10))
    assert drawn == {"mmlu": 5, "other": 5}


def test_subjects_can_be_picked() -> None:
    picked = select(FULL, subjects=["virology", "anatomy"])
    assert Counter(q.subject for q in picked) == {"anatomy": 135, "virology": 166}


def test_a_subject_may_be_written_as_words() -> None:
    assert len(select(FULL, subjects=["High School World-History"])) == 237


def test_categories_can_be_picked_and_drawn_from() -> None:
    assert len(select(FULL, categories=["stem"])) == 3_018
    drawn = select(FULL, categories=["stem", "Social Sciences"], limit=50)
    assert {q.category for q in drawn} == {"stem", "social_sciences"}
    assert len(drawn) == 50


def test_subject_and_category_narrow_each_other() -> None:
    assert len(select(FULL, subjects=["anatomy", "astronomy"], categories=["stem"])) == 152


def test_a_misspelt_subject_is_told_what_was_meant() -> None:
    with pytest.raises(
        UserError, match=r"^There is no subject 'anatomi' in the data; did you mean 'anatomy'"
    ):
        select(FULL, subjects=["anatomi"])


def test_a_subject_like_no_other_is_told_how_many_there_are() -> None:
    with pytest.raises(UserError, match="the 57 subjects run from abstract_algebra to world_religions"):
        select(FULL, subjects=["zzz"])


def test_few_subjects_are_all_named() -> None:
    with pytest.raises(UserError, match=r"There is no subject 'virology' in the data; known: anatomy\."):
        select(made("anatomy", 3), subjects=["virology"])


def test_an_unknown_category_is_told_the_four() -> None:
    message = "There is no category 'science' in the data; known: stem, humanities, social_sciences, other"
    with pytest.raises(UserError, match=message):
        select(FULL, categories=["science"])


def test_a_domain_that_partial_data_lack_is_no_silent_nothing() -> None:
    with pytest.raises(UserError, match="No question here is of category stem; ask for another"):
        select(made("anatomy", 3), categories=["stem"])


def test_a_subject_outside_the_category_is_an_error() -> None:
    with pytest.raises(UserError, match="No question here is of subject anatomy and category stem;"):
        select(FULL, subjects=["anatomy"], categories=["stem"])


def test_categories_of_another_data_set_are_its_own() -> None:
    with pytest.raises(UserError, match=r"known: business, law\."):
        select([*made("b", 1, "business"), *made("l", 1, "law")], categories=["stem"])


def test_nothing_to_choose_from_gives_nothing() -> None:
    assert select([], subjects=["anatomy"], categories=["stem"], limit=3) == []


def test_what_does_not_fit_one_benchmark_may_fit_another_of_the_run() -> None:
    # `--subject anatomy` over a folder of benchmarks must not end at the first that has no anatomy.
    with pytest.raises(EmptySelection):
        select(FULL, subjects=["law"])
    with pytest.raises(EmptySelection):
        select(FULL, categories=["law"])


@given(pools, st.integers(0, 100), st.integers(0, 5))
def test_every_language_gets_the_same_questions(pool: list[Question], limit: int, seed: int) -> None:
    # Else two languages would differ by what they were asked.
    both = [replace(question, language=language) for language in ("DE_DE", "FR_FR") for question in pool]
    drawn = draw(both, 2 * min(limit, len(pool)), seed)
    german, french = ([q.id for q in drawn if q.language == one] for one in ("DE_DE", "FR_FR"))
    assert german == french


def test_a_repeat_is_left_out_whatever_its_subject_and_the_first_one_stays() -> None:
    first, second = made("anatomy", 1), made("virology", 1)
    assert dedup([*first, *second]) == first
    assert dedup([*second, *first]) == second


@pytest.mark.parametrize(
    "change", [{"text": "other"}, {"choices": ("b", "a")}, {"answer": "B"}, {"language": "X"}]
)
def test_what_differs_in_anything_that_is_asked_is_no_repeat(change: dict[str, Any]) -> None:
    # In four places a translation has the same words for two questions of different answers.
    question = made("anatomy", 1)[0]
    assert len(dedup([question, replace(question, id="other", **change)])) == 2


@given(pools)
def test_a_second_time_nothing_is_left_out(pool: list[Question]) -> None:
    assert dedup(dedup(pool)) == dedup(pool)


def translated(language: str, rows: Sequence[int], subject: str = "anatomy") -> list[Question]:
    return [
        replace(made(subject, 1)[0], id=f"mmmlu/{language}/{subject}/{n:04}", language=language) for n in rows
    ]


@given(st.integers(1, 60), st.integers(0, 3), st.data())
def test_languages_that_lack_questions_are_asked_the_same_ones(
    limit: int, seed: int, data: st.DataObject
) -> None:
    # As after --dedup, --max-question-tokens, or in a data set whose translation is not complete.
    languages = {
        name: data.draw(st.sets(st.integers(0, 39), min_size=1)) for name in ("DE_DE", "FR_FR", "ZH_CN")
    }
    pool = [question for name, rows in languages.items() for question in translated(name, sorted(rows))]
    drawn: dict[str, set[str]] = {name: set() for name in languages}
    for question in draw(pool, limit, seed):
        drawn[question.language].add(question.id.rpartition("/")[2])
    assert sum(map(len, drawn.values())) == min(limit, len(pool))
    everywhere = len(set.intersection(*languages.values()))
    # The last question may be asked in some languages only, where the limit ends between them.
    assert len(set.intersection(*drawn.values())) >= min(limit // len(languages), everywhere)
    more = {question.id for question in draw(pool, limit + 7, seed)}
    assert {question.id for question in draw(pool, limit, seed)} <= more


def test_languages_of_several_subjects_are_compared_question_by_question() -> None:
    whole = [
        replace(question, id=question.id.replace("mmlu/", f"mmmlu/{language}/"), language=language)
        for language in ("DE_DE", "FR_FR")
        for question in FULL
    ]
    pool = [
        question for question in whole if not (question.language == "FR_FR" and hash_of(question) % 50 == 0)
    ]
    assert len(pool) < len(whole)
    drawn: dict[str, set[str]] = {"DE_DE": set(), "FR_FR": set()}
    for question in draw(pool, 200):
        drawn[question.language].add(question.id.replace(f"/{question.language}", ""))
    assert (len(drawn["DE_DE"]), len(drawn["FR_FR"])) == (100, 100)
    assert drawn["DE_DE"] == drawn["FR_FR"]


def hash_of(question: Question) -> int:
    return sum(question.id.encode())
