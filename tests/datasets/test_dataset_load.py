"""What `load` makes of good data, and what it says of data that are not complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.datasets import load
from mmlubench.errors import DataError

Row = dict[str, Any]
Write = Callable[..., Path]


def without(rows: list[Row], subject: str, count: int) -> list[Row]:
    """The rows, less the first `count` of a subject."""
    gone = [row for row in rows if row["subject"] == subject][:count]
    return [row for row in rows if row not in gone]


def test_complete_data_load_without_a_word(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    mmlu = load("mmlu", str(parquet_folder(made_up)))
    assert (mmlu.name, mmlu.notice, mmlu.revision) == ("mmlu", "", "")
    assert len(mmlu.questions) == 14_042
    assert len(mmlu.examples) == 57
    assert {len(examples) for examples in mmlu.examples.values()} == {5}


def test_a_row_becomes_the_question_it_says(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    mmlu = load("mmlu", str(parquet_folder(made_up)))
    question = next(q for q in mmlu.questions if q.id == "mmlu/anatomy/0017")
    assert question.text == "Question 17 of anatomy (test)"
    assert question.choices == ("Choice A of 17", "Choice B of 17", "Choice C of 17", "Choice D of 17")
    assert (question.subject, question.category, question.answer) == ("anatomy", "other", "B")
    assert question.case_id == "anatomy-0017"


def test_worked_examples_keep_file_order_and_ids_of_their_own(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    # An id shared with a test question would let a mock answer the wrong one.
    mmlu = load("mmlu", str(parquet_folder(made_up)))
    assert [q.text for q in mmlu.examples["virology"]] == [
        f"Question {n} of virology (dev)" for n in range(5)
    ]
    every = [q.id for q in mmlu.questions] + [q.id for same in mmlu.examples.values() for q in same]
    assert len(set(every)) == len(every)


def test_order_of_subjects_in_the_file_changes_nothing(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    # Copies of the data differ in it; ids, order and hash must not.
    turned = {
        split: sorted(rows, key=lambda row: row["subject"], reverse=True) for split, rows in made_up.items()
    }
    one = load("mmlu", str(parquet_folder(made_up, "one")))
    two = load("mmlu", str(parquet_folder(turned, "two")))
    assert one.questions == two.questions
    assert list(one.examples) == list(two.examples)
    assert one.sha256 == two.sha256


def test_another_answer_gives_another_hash(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    first, *rest = made_up["test"]
    changed = {**made_up, "test": [{**first, "answer": 3 - first["answer"]}, *rest]}
    one = load("mmlu", str(parquet_folder(made_up, "one")))
    assert one.sha256 != load("mmlu", str(parquet_folder(changed, "two"))).sha256


def test_missing_worked_examples_are_no_error(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    # Zero-shot needs none; a prompt that does will say so.
    mmlu = load("mmlu", str(parquet_folder({"test": made_up["test"]})))
    assert mmlu.examples == {}
    assert mmlu.notice == ""


def test_a_missing_row_is_found(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    folder = parquet_folder({**made_up, "test": without(made_up["test"], "anatomy", 1)})
    with pytest.raises(DataError) as caught:
        load("mmlu", str(folder))
    assert str(caught.value) == (
        f"parquet files in {folder}: wrong number of test questions: anatomy has 134 (expected 135); "
        "get the complete data, or give --allow-partial-data."
    )


def test_many_missing_subjects_are_not_all_listed(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    rows = [row for row in made_up["test"] if row["subject"] > "b"]
    folder = parquet_folder({"test": without(without(rows, "virology", 2), "philosophy", 1)})
    expected = (
        r"abstract_algebra has 0 \(expected 100\), anatomy has 0 \(expected 135\), "
        r"astronomy has 0 \(expected 152\), and 2 more;"
    )
    with pytest.raises(DataError, match=expected):
        load("mmlu", str(folder))


def test_a_doubled_row_is_found_also_in_partial_data(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    folder = str(parquet_folder({"test": [*made_up["test"], made_up["test"][0]]}))
    for partial, way_out in ((False, ", or give --allow-partial-data"), (True, "")):
        with pytest.raises(
            DataError, match=rf"abstract_algebra has 101 \(expected 100\); .*data{way_out}\.$"
        ):
            load("mmlu", folder, allow_partial=partial)


def test_a_missing_worked_example_is_found(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    folder = parquet_folder({**made_up, "dev": without(made_up["dev"], "virology", 2)})
    expected = r"wrong number of worked examples \(dev\): virology has 3 \(expected 5\)"
    with pytest.raises(DataError, match=expected):
        load("mmlu", str(folder))


def test_partial_data_load_if_asked_for_and_say_what_there_is(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    rows = [row for row in made_up["test"] if row["subject"].startswith("high_school")]
    mmlu = load("mmlu", str(parquet_folder({"test": rows})), allow_partial=True)
    assert len(mmlu.questions) == 3_420
    assert mmlu.notice == "partial data: 14 of 57 subjects, 3,420 of 14,042 questions"


def test_partial_worked_examples_are_told_too(made_up: dict[str, list[Row]], parquet_folder: Write) -> None:
    folder = parquet_folder({**made_up, "dev": made_up["dev"][:6]})
    mmlu = load("mmlu", str(folder), allow_partial=True)
    assert mmlu.notice.endswith("partial data: 6 of 285 worked examples")


def test_complete_data_have_no_notice_even_if_partial_ones_were_allowed(
    made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    assert load("mmlu", str(parquet_folder(made_up)), allow_partial=True).notice == ""


def test_a_path_that_is_not_there_is_told_what_could_be(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("mmlu", str(tmp_path / "nowhere"))
    assert str(caught.value) == (
        f"{tmp_path}/nowhere: there is no such folder with mmlu; looked for test.parquet, test-*.parquet, "
        "all/test-*.parquet, test/<subject>_test.csv, the files as `hf download cais/mmlu --repo-type dataset "
        "--local-dir DIR` puts them there, also below mmlu/; give hub, sample, or a folder or .tar that has them."
    )


def test_a_folder_without_data_is_told_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("no data")
    with pytest.raises(DataError, match=r"it holds no data of mmlu; looked for test\.parquet"):
        load("mmlu", str(tmp_path))


def test_a_path_in_the_home_folder_may_start_with_a_tilde(
    made_up: dict[str, list[Row]], parquet_folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(parquet_folder(made_up, "home/mmlu").parent))
    assert len(load("mmlu", "~/mmlu").questions) == 14_042
