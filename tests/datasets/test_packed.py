"""Packed questions are the very questions that were packed, in any order and as often as they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets.packed import PackedQuestions, Packer, group_of, pick, runs
from mmlubench.schema import Question

texts = st.text(st.characters(exclude_categories=()), max_size=20)
questions = st.builds(
    Question,
    id=texts,
    benchmark=st.sampled_from(["mmlu", "own"]),
    subject=st.sampled_from(["law", "anatomy", "art"]),
    category=st.sampled_from(["stem", "other"]),
    text=texts,
    choices=st.lists(texts, max_size=5).map(tuple),
    answer=st.sampled_from("ABCD"),
    language=st.sampled_from(["", "DE_DE"]),
    rationale=texts,
)


def packed(*portions: list[Question]) -> PackedQuestions:
    packer = Packer()
    for portion in portions:
        packer.add(portion)
    return packer.packed()


def many(count: int) -> list[Question]:
    return [
        Question(
            f"mmlu/law/{n:04d}",
            "mmlu",
            "law" if n % 100 else "art",
            "other",
            f"What is {n}?",
            ("a", "b"),
            "A",
        )
        for n in range(count)
    ]


@given(st.lists(st.lists(questions, max_size=90), max_size=4), st.data())
def test_what_is_packed_comes_out_unchanged(portions: list[list[Question]], data: st.DataObject) -> None:
    given_ = [question for portion in portions for question in portion]
    found = packed(*portions)
    assert list(found) == given_ == found
    assert [group_of(question) for question in found] == [group for group, n in runs(found) for _ in range(n)]
    assert runs(found) == runs(given_)
    if given_:
        places = data.draw(st.lists(st.integers(0, len(given_) - 1), max_size=20), label="places")
        some = pick(found, places)
        assert list(some) == pick(given_, places)
        assert runs(some) == runs(list(some))
        assert found[-1] == given_[-1]
    assert found[3:70:2] == given_[3:70:2]


def test_questions_come_in_any_order_and_a_part_of_a_part_shares_the_texts() -> None:
    all_of_them = many(500)
    found = packed(all_of_them[:130], all_of_them[130:])
    assert (len(found), repr(found)) == (500, "<500 packed questions>")
    assert [found[n] for n in (499, 0, 250, 64, 63)] == [all_of_them[n] for n in (499, 0, 250, 64, 63)]
    assert list(found.pick(range(100, 400))[10:20]) == all_of_them[110:120]
    assert found != all_of_them[:-1]
    assert found != [*all_of_them[:-1], replace(all_of_them[-1], answer="B")]
    assert found != "questions"


def test_a_question_takes_a_fraction_of_its_memory() -> None:
    import tracemalloc

    def kept(make: Any) -> int:
        tracemalloc.start()
        thing = make()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size if thing else 0

    def long() -> list[Question]:
        return [replace(q, text=f"{q.text} Which of these is right? " * 9) for q in many(2000)]

    assert kept(lambda: packed(long())) < kept(long) / 4
