"""MMLU-Redux: which questions stay, with which key, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import DataSet, load
from mmlubench.datasets.assembly import fingerprint
from mmlubench.datasets.sets import redux
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.errors import DataError, UserError
from mmlubench.schema import Question

Row = dict[str, Any]
Write = Callable[..., Path]
Annotate = Callable[..., Path]


def question(number: int, subject: str = "anatomy", **change: Any) -> Question:
    made = Question(
        f"mmlu/{subject}/{number:04d}",
        "mmlu",
        subject,
        "other",
        f"Question {number}?",
        ("w", "x", "y", "z"),
        "B",
    )
    return replace(made, **change)


def data_set(*questions: Question) -> DataSet:
    return DataSet("mmlu", questions, {}, "made up", "", fingerprint(questions))


def note(of: Question, verdict: str = "ok", correct: str | None = None, **change: Any) -> Row:
    row = {
        "question": of.text,
        "choices": [*of.choices],
        "answer": of.letters.index(of.answer),
        "error_type": verdict,
        "correct_answer": correct,
        "subject": of.subject,
    }
    return {**row, **change}


@pytest.fixture
def annotate(parquet_folder: Write) -> Annotate:
    """Write annotations into `mmlu_redux/` with a row for every other subject, as those are looked for too."""

    def write(*notes: Row) -> Path:
        there = {row["subject"] for row in notes}
        others = [note(question(99, subject)) for subject in SUBJECTS if subject not in there]
        return parquet_folder({"test": [*notes, *others]}, "data/mmlu_redux").parent

    return write


def test_only_what_was_found_right_stays(annotate: Annotate) -> None:
    sound, unclear, unknown = question(0), question(1), question(2)
    data = annotate(note(sound), note(unclear, "bad_question_clarity"))
    left = redux.apply(data_set(sound, unclear, unknown), "ok", str(data))
    assert left.questions == (sound,)
    assert left.sha256 == fingerprint([sound])
    assert left.notice == (
        "MMLU-Redux ok: kept 1 (1 ok); left out bad_question_clarity 1, and all that are not annotated; "
        f"56 annotated rows match no question; annotations from parquet files in {data}/mmlu_redux"
    )


@pytest.mark.parametrize("correct", ["2", "C", "c", "y", " C "])
def test_a_wrong_key_is_corrected_where_the_right_one_is_named(annotate: Annotate, correct: str) -> None:
    wrong = question(0)
    data = str(annotate(note(wrong, "wrong_groundtruth", correct)))
    assert redux.apply(data_set(wrong), "corrected", data).questions == (replace(wrong, answer="C"),)
    assert redux.apply(data_set(wrong, question(1)), "ok", data).questions == ()


@pytest.mark.parametrize("correct", ["", None, "4", "E", "neither", "B or C", "B", "1", "x", "-1", "02"])
def test_a_question_whose_right_answer_is_not_named_is_left_out(
    annotate: Annotate, correct: str | None
) -> None:
    # Also where it names the one that was found wrong: a key that nobody knows would count right replies as wrong.
    wrong, sound = question(0), question(1)
    data = annotate(note(wrong, "wrong_groundtruth", correct), note(sound))
    left = redux.apply(data_set(wrong, sound), "corrected", str(data))
    assert left.questions == (sound,)
    assert "(1 ok, 0 corrected); left out wrong_groundtruth 1" in left.notice


@pytest.mark.parametrize(
    ("choices", "correct", "letter"),
    [
        (("4", "2", "1", "3"), "2", None),  # number 2 says C, the text 2 says B
        (("0", "1", "2", "3"), "2", "C"),  # both say C
        (("B", "C", "D", "A"), "C", None),
        (("2", "2", "7", "8"), "2", None),
        (("5", "6", "7", "8"), "8", "D"),
    ],
)
def test_an_answer_that_can_be_read_in_two_ways_is_not_guessed(
    choices: tuple[str, ...], correct: str, letter: str | None
) -> None:
    assert redux.right_letter(question(0, choices=choices, answer="A"), correct) == letter


def test_ids_and_order_stay(annotate: Annotate) -> None:
    questions = [question(number) for number in (3, 7, 9)]
    data = annotate(*(note(one) for one in reversed(questions)))
    left = redux.apply(data_set(*questions), "ok", str(data))
    assert [one.id for one in left.questions] == [
        "mmlu/anatomy/0003",
        "mmlu/anatomy/0007",
        "mmlu/anatomy/0009",
    ]


def test_white_space_does_not_keep_a_question_from_its_annotation(annotate: Annotate) -> None:
    mine = question(0, text=" Which of these?\nI. One\nII. Two")
    data = annotate(
        note(mine, question="Which of these?\r\nI. One \r\nII. Two", choices=["w ", "x", "y", " z"])
    )
    assert redux.apply(data_set(mine), "ok", str(data)).questions == (mine,)


def test_the_same_words_under_another_subject_are_another_question(annotate: Annotate) -> None:
    data = annotate(note(question(0, "virology")))
    with pytest.raises(DataError, match=r"its annotations match no question of mmlu\."):
        redux.apply(data_set(question(0, "anatomy")), "ok", str(data))


def test_a_question_that_is_there_twice_takes_an_annotation_each(annotate: Annotate) -> None:
    # So that as many are asked as were annotated.
    twice = [question(0), replace(question(0), id="mmlu/anatomy/0001")]
    once = annotate(note(twice[0]))
    assert redux.apply(data_set(*twice), "ok", str(once)).questions == (twice[0],)
    both = annotate(note(twice[0]), note(twice[0]))
    assert redux.apply(data_set(*twice), "ok", str(both)).questions == tuple(twice)


def test_annotations_are_found_in_the_folder_beside_it_and_one_for_each_subject(
    annotate: Annotate, parquet_folder: Write
) -> None:
    sound = question(0)
    data = annotate(note(sound))
    (data / "mmlu").mkdir()
    for place in (data, data / "mmlu", data / "mmlu_redux"):
        assert redux.apply(data_set(sound), "ok", str(place)).questions == (sound,)
    parquet_folder({"test": [{"other": 1}]}, "mmlu_redux")  # further away, so that it is not looked at
    assert redux.apply(data_set(sound), "ok", str(data)).questions == (sound,)
    for subject in SUBJECTS:
        row = note(question(0, subject))
        del row["subject"]  # as on the hub, where the configuration says it
        parquet_folder({"test": [row]}, f"other/mmlu_redux/{subject}")
    assert redux.apply(data_set(sound), "ok", str(data.parent / "other")).questions == (sound,)


def test_a_folder_without_annotations_is_told_what_was_looked_for(tmp_path: Path) -> None:
    expected = r"it holds no data of mmlu_redux; looked for abstract_algebra/test\.parquet, .*; give hub, or a folder"
    with pytest.raises(DataError, match=expected):
        redux.apply(data_set(question(0)), "ok", str(tmp_path))


def test_annotations_that_lack_a_subject_are_not_complete(parquet_folder: Write) -> None:
    data = parquet_folder({"test": [note(question(0))]}, "data/mmlu_redux").parent
    with pytest.raises(DataError, match=r"it lacks abstract_algebra, astronomy, business_ethics and 53 more"):
        redux.apply(data_set(question(0)), "ok", str(data))


def test_the_sample_has_no_annotations() -> None:
    with pytest.raises(
        DataError, match="the embedded sample is not annotated; give --data hub or --data DIR"
    ):
        redux.apply(load("mmlu", "sample"), "ok", "sample")


def test_an_unknown_mode_is_told_the_known_ones() -> None:
    with pytest.raises(UserError, match="MMLU-Redux mode 'fixed' is unknown: give ok or corrected"):
        redux.apply(data_set(question(0)), "fixed", "hub")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"question": ""}, "question is '', and a text"),
        ({"choices": ["a"]}, "choices is ['a'], and a list of 4 texts was expected"),
        ({"answer": 4}, "answer is 4, and a whole number from 0 to 3 was expected"),
        ({"error_type": "okay"}, "error_type is 'okay', and one of the 7 known error_types was expected"),
    ],
)
def test_a_bad_annotation_is_named(annotate: Annotate, change: Row, problem: str) -> None:
    good, bad = note(question(0)), note(question(1), **change)
    with pytest.raises(DataError) as caught:
        redux.apply(data_set(question(0)), "ok", str(annotate(good, bad)))
    assert "test.parquet, row 1: " in str(caught.value)
    assert problem in str(caught.value)


def test_what_is_fetched_is_all_of_it(shapes: ModuleType) -> None:
    spec = redux.ANNOTATIONS
    assert (len(spec.parts), sum(spec.counts.values())) == (57, 5_700)
