"""Each packaged benchmark from a row as the hub has it to the question that a human reads in it.

The rows lie in a folder as `hf download` leaves it. What is right is what lm-eval's task of that name takes for right,
except for the order of choices where the right one always stands first in the data.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from mmlubench.datasets import find, load
from mmlubench.datasets.names import PACKAGED
from mmlubench.errors import DataError
from mmlubench.schema import ALPHABET, Question


def read(hub_rows: ModuleType, name: str, folder: Path) -> Question:
    hub_rows.write(hub_rows.CASES[name].files, folder)
    (question,) = load(name, str(folder), allow_partial=True).questions
    return question


@pytest.mark.parametrize("name", PACKAGED)
def test_a_row_of_the_hub_is_the_question_that_a_human_reads(
    hub_rows: ModuleType, name: str, tmp_path: Path
) -> None:
    case, question = hub_rows.CASES[name], read(hub_rows, name, tmp_path)
    assert question.text == case.text
    assert sorted(question.choices) == sorted(case.choices)
    assert question.choices[ALPHABET.index(question.answer)] == case.right
    assert (question.subject, question.category, question.language) == (
        case.subject,
        case.category,
        case.language,
    )
    if case.letter:
        assert (question.choices, question.answer) == (tuple(case.choices), case.letter)
    if case.id:
        assert question.id == case.id


@pytest.mark.parametrize("name", PACKAGED)
def test_rows_that_are_missing_are_told_and_not_scored(
    hub_rows: ModuleType, name: str, tmp_path: Path
) -> None:
    hub_rows.write(hub_rows.CASES[name].files, tmp_path)
    with pytest.raises(DataError, match=r"expected|lacks"):
        load(name, str(tmp_path))


def test_marks_of_wikihow_are_taken_out_as_lm_eval_does(hub_rows: ModuleType, tmp_path: Path) -> None:
    name = "data/validation-00000-of-00001.parquet"
    hub_rows.write({name: [hub_rows.WIKIHOW]}, tmp_path)
    (question,) = load("hellaswag", str(tmp_path), allow_partial=True).questions
    assert question.text == "Home and Garden: How to water a cactus. Feel the soil. Put a finger into it."
    # An ending of nothing but marks would be no choice at all, so it stays.
    assert question.choices == ("Freeze it.", "Give it water.. Let it drain.", "Sing.", "[title]")


@pytest.mark.parametrize("name", ["gpqa_diamond", "truthfulqa_mc1"])
def test_the_right_choice_stands_anywhere_and_where_it_stands_is_the_same_in_every_run(
    hub_rows: ModuleType, name: str, tmp_path: Path
) -> None:
    ((path, (row,)),) = hub_rows.CASES[name].files.items()
    rows = [{**row, "Record ID": f"rec{n}"} for n in range(60)]
    hub_rows.write({path: rows}, tmp_path)
    first, second = (load(name, str(tmp_path), allow_partial=True) for _ in range(2))
    assert [question.order for question in first.questions] == [
        question.order for question in second.questions
    ]
    assert len({question.answer for question in first.questions}) == len(first.questions[0].choices)
    assert "choices shuffled" in first.notice


def test_medmcqa_shows_examples_of_its_training_split(hub_rows: ModuleType, tmp_path: Path) -> None:
    ((path, (row,)),) = hub_rows.CASES["medmcqa"].files.items()
    train = [{**row, "id": f"t{n}", "cop": n % 4} for n in range(130)]
    hub_rows.write({path: [row], path.replace("validation", "train"): train}, tmp_path)
    shown = load("medmcqa", str(tmp_path), allow_partial=True).examples["Physiology"]
    assert len(shown) == 100  # of 182,822, no prompt shows more
    assert [shot.answer for shot in shown[:5]] == ["A", "B", "C", "D", "A"]
    assert shown[0].rationale == "Bile is made by liver cells."


def test_the_test_split_of_medmcqa_and_ceval_which_has_no_keys_is_never_asked() -> None:
    assert (find("medmcqa").scored, find("ceval").scored, find("hellaswag").scored) == (
        "validation",
        "val",
        "validation",
    )
