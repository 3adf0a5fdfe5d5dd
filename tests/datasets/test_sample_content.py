"""The embedded sample of MMLU, read as plain JSON lines: what everybody's first run stands on."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
import pytest

from mmlubench.resources import fixture

KEYS = ["split", "subject", "question", "choices", "answer"]
FIVE_DEV = {
    "abstract_algebra",
    "anatomy",
    "astronomy",
    "college_computer_science",
    "high_school_geography",
    "philosophy",
}

Row = dict[str, Any]


def read(name: str) -> list[Row]:
    return [orjson.loads(line) for line in fixture(name).read_bytes().splitlines()]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read("questions/mmlu.jsonl")


@pytest.fixture(scope="module")
def replies() -> list[Row]:
    return read("replies/mmlu_sample.jsonl")


def of_split(rows: list[Row], split: str) -> list[Row]:
    return [row for row in rows if row["split"] == split]


def test_every_line_has_the_same_keys_in_the_same_order(rows: list[Row]) -> None:
    assert all(list(row) == KEYS for row in rows)


def test_values_are_of_the_documented_types(rows: list[Row]) -> None:
    for row in rows:
        assert row["split"] in ("test", "dev")
        assert type(row["answer"]) is int
        assert 0 <= row["answer"] <= 3
        assert len(row["choices"]) == 4
        assert all(isinstance(text, str) for text in [row["question"], *row["choices"]])


def test_all_57_subjects_have_two_test_questions_and_one_dev_question(rows: list[Row]) -> None:
    test = Counter(row["subject"] for row in of_split(rows, "test"))
    dev = Counter(row["subject"] for row in of_split(rows, "dev"))
    assert len(test) == len(dev) == 57
    assert min(test.values()) >= 2
    assert min(dev.values()) >= 1


def test_subjects_are_those_of_mmlu(rows: list[Row]) -> None:
    from mmlubench.datasets.sets.subjects import SUBJECTS

    assert {row["subject"] for row in rows} == set(SUBJECTS)


def test_some_subjects_have_exactly_five_dev_questions(rows: list[Row]) -> None:
    # Without them the five_shot recipe could not be tried offline as it is meant.
    dev = Counter(row["subject"] for row in of_split(rows, "dev"))
    assert {subject for subject, n in dev.items() if n == 5} >= FIVE_DEV
    assert max(dev.values()) == 5


def test_lines_are_sorted_by_subject_with_dev_before_test(rows: list[Row]) -> None:
    order = [(row["subject"], row["split"]) for row in rows]
    assert order == sorted(order)


@pytest.mark.parametrize("split", ["test", "dev"])
def test_no_letter_is_right_more_often_than_another(rows: list[Row], split: str) -> None:
    # A model that always says "C" must not look better than chance.
    answers = Counter(row["answer"] for row in of_split(rows, split))
    for position in range(4):
        assert 0.22 <= answers[position] / answers.total() <= 0.28


@pytest.mark.parametrize("split", ["test", "dev"])
@pytest.mark.parametrize("step", range(4))
def test_the_next_letter_cannot_be_told_from_the_last(rows: list[Row], split: str, step: int) -> None:
    answers = [row["answer"] for row in of_split(rows, split)]
    hits = sum((this + step) % 4 == following for this, following in pairwise(answers))
    assert hits / len(answers) < 0.4


def test_the_answers_of_one_subject_differ(rows: list[Row]) -> None:
    by_subject: dict[str, list[int]] = {}
    for row in of_split(rows, "test"):
        by_subject.setdefault(row["subject"], []).append(row["answer"])
    assert all(len(set(answers)) == len(answers) for answers in by_subject.values())


def test_the_right_choice_cannot_be_told_by_its_length(rows: list[Row]) -> None:
    longest = [
        all(
            len(row["choices"][row["answer"]]) > len(c)
            for i, c in enumerate(row["choices"])
            if i != row["answer"]
        )
        for row in rows
    ]
    assert sum(longest) / len(rows) < 0.35


@pytest.mark.parametrize("part", ["\n", '"', "{{", "<b>", "&", r"\frac", "é", "明治", "$"])
def test_the_text_has_what_breaks_careless_templates(rows: list[Row], part: str) -> None:
    assert any(part in row["question"] for row in rows)


def test_replies_are_there_for_each_test_question_and_nothing_else(
    rows: list[Row], replies: list[Row]
) -> None:
    seen: Counter[str] = Counter()
    ids = []
    for row in of_split(rows, "test"):
        ids.append(f"mmlu/{row['subject']}/{seen[row['subject']]:04d}")
        seen[row["subject"]] += 1
    assert [reply["id"] for reply in replies] == ids


def test_replies_have_text_and_a_known_finish_reason(replies: list[Row]) -> None:
    assert all(reply["completion"].strip() for reply in replies)
    assert Counter(reply["finish_reason"] for reply in replies) == {"stop": len(replies) - 1, "length": 1}
    assert all(reply["usage"]["input_tokens"] > 0 < reply["usage"]["output_tokens"] for reply in replies)


def test_replies_end_as_the_readme_of_the_fixtures_says(rows: list[Row], replies: list[Row]) -> None:
    # One more without a letter, and everybody's first run ends without a headline number.
    from mmlubench.grading import read_answer
    from mmlubench.schema import Completion, Question

    ends: Counter[str] = Counter()
    for row, reply in zip(of_split(rows, "test"), replies, strict=True):
        right = "ABCD"[row["answer"]]
        question = Question(
            reply["id"], "mmlu", row["subject"], "", row["question"], tuple(row["choices"]), right
        )
        answer = read_answer(question, Completion(reply["completion"], reply["finish_reason"]))
        ends["correct" if answer.letter == right else answer.failure.value] += 1
    assert ends == {"correct": 102, "wrong": 15, "unparsed": 1, "refused": 1, "truncated": 1}


def test_replies_come_in_many_spellings(replies: list[Row]) -> None:
    # A mock that only ever says "Answer: X" would hide a broken extractor.
    plainest = sum(reply["completion"] in {f"Answer: {letter}" for letter in "ABCD"} for reply in replies)
    assert plainest < len(replies) / 4
    assert any("<think>" in reply["completion"] for reply in replies)
