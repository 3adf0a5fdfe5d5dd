"""--data and --allow-partial-data: where the questions come from, and that bad data never pass for good ones."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmlubench.datasets.sets.subjects import SUBJECTS

COLUMNS = {
    "question": pa.string(),
    "subject": pa.string(),
    "choices": pa.list_(pa.string()),
    "answer": pa.int64(),
}


@pytest.fixture
def parquet(folder):
    """Write a test split: so many made-up questions for every subject, changed at will."""

    def write(counts, **changes):
        rows = [(subject, n) for subject, count in counts.items() for n in range(count)]
        values = {
            "question": [f"Question {n} of {subject}?" for subject, n in rows],
            "subject": [subject for subject, _ in rows],
            "choices": [["one", "two", "three", "four"]] * len(rows),
            "answer": [n % 4 for _, n in rows],
        }
        for name, change in changes.items():
            change(values[name])
        table = pa.table({name: pa.array(v, COLUMNS[name]) for name, v in values.items()})
        (folder.path / "data").mkdir(exist_ok=True)
        pq.write_table(table, folder.path / "data" / "test.parquet")
        return folder.path / "data" / "test.parquet"

    return write


FULL = {subject: known.questions for subject, known in SUBJECTS.items()}


def test_a_mock_is_asked_the_embedded_sample(folder):
    result = folder.run("--collect-only", "-q", "--model", "mock/A")
    result.stdout.fnmatch_lines(
        ["mmlubench: mmlu: 120 questions from embedded sample", "120 tests collected*"]
    )


def test_a_folder_of_parquet_files_is_asked_in_full(folder, parquet):
    parquet(FULL)
    result = folder.run("--collect-only", "-q", "--data", "data")
    result.stdout.fnmatch_lines(
        ["mmlubench: mmlu: 14,042 questions from parquet files in data", "14042 tests collected*"]
    )


@pytest.mark.real_data
def test_the_real_questions_can_be_asked(folder):
    where = Path(os.environ.get("MMLUBENCH_DATA", "")) / "mmlu"
    if not (where / "test.parquet").is_file():
        pytest.skip("MMLUBENCH_DATA does not name a folder with mmlu/test.parquet")
    result = folder.run(f"--data={where}", "--model", "mock/A", "-k", "virology", "-q")
    result.stdout.fnmatch_lines(["*n = 166)"])
    assert folder.json("manifest")["data"]["mmlu"]["questions"] == 14042


def test_a_folder_that_is_not_there_says_what_was_looked_for(folder):
    said = folder.refused("--data", "nowhere")
    assert said.startswith("nowhere: there is no such folder with mmlu; looked for test.parquet")
    assert "give hub, sample, or a folder or .tar" in said


def test_a_folder_without_data_says_so(folder):
    (folder.path / "empty").mkdir()
    assert folder.refused("--data", "empty").startswith("empty: it holds no data of mmlu; looked for")


def test_a_missing_column_is_named_with_its_file(folder, parquet):
    path = parquet({"anatomy": 3})
    pq.write_table(pq.read_table(path).drop_columns(["answer"]), path)
    said = folder.refused("--data", "data")
    assert said.startswith(
        "data/test.parquet: column 'answer' is missing; expected question, subject, choices, answer"
    )


def test_an_answer_outside_the_choices_is_named_with_file_and_row(folder, parquet):
    parquet(FULL, answer=lambda values: values.__setitem__(7, 4))
    said = folder.refused("--data", "data")
    assert said.startswith(
        "data/test.parquet, row 7: answer is 4, and a whole number from 0 to 3 was expected"
    )


def test_a_file_that_is_no_parquet_is_told(folder):
    folder.write("data/test.parquet", "question,answer\n")
    assert folder.refused("--data", "data").startswith(
        "data/test.parquet: it cannot be read as a parquet file"
    )


def test_too_few_questions_are_an_error_that_says_how_to_allow_them(folder, parquet):
    parquet({**FULL, "anatomy": 134})
    said = folder.refused("--data", "data")
    assert "wrong number of test questions: anatomy has 134 (expected 135)" in said
    assert "--allow-partial-data" in said


def test_partial_data_can_be_allowed_and_are_told_wherever_the_number_is(folder, parquet):
    parquet({"anatomy": 6, "virology": 6})
    result = folder.run("--data", "data", "--allow-partial-data", "--model", "mock/A")
    notice = "partial data: 2 of 57 subjects, 12 of 14,042 questions"
    result.stdout.fnmatch_lines([f"mmlubench: mmlu: 12 questions from *; {notice}", f"*{notice}*"])
    assert folder.entry()["notice"] == notice
    assert folder.json("manifest")["data"]["mmlu"]["notice"] == notice
    assert f'"notice": "{notice}"' in (folder.path / "reports" / "mmlu_mock-A_latest.json").read_text()


def test_more_questions_than_there_are_cannot_be_allowed(folder, parquet):
    parquet({"anatomy": 136})
    said = folder.refused("--data", "data", "--allow-partial-data")
    assert "anatomy has 136 (expected 135)" in said
