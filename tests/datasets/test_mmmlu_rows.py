"""MMMLU: its languages, the folders it may lie in, and where its worked examples come from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import find, load
from mmlubench.datasets.select import select
from mmlubench.datasets.sets.mmmlu import LOCALES, MMMLU
from mmlubench.datasets.sources import parts, sample
from mmlubench.errors import DataError, EmptySelection, UserError

Row = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def german(shapes: ModuleType) -> list[Row]:
    rows: list[Row] = shapes.mmmlu_rows("DE_DE")
    return rows


@pytest.fixture
def folder(german: list[Row], shapes: ModuleType, parquet_folder: Write) -> Path:
    """German and French in the hub's layout."""
    parquet_folder({"test": german}, "data/mmmlu/DE_DE")
    return parquet_folder({"test": shapes.mmmlu_rows("FR_FR")}, "data/mmmlu/FR_FR").parents[1]


# -- which languages


def test_there_are_14_languages_and_196588_questions() -> None:
    assert len(LOCALES) == 14
    assert find("mmmlu").languages == LOCALES
    assert sum(MMMLU.counts.values()) * len(LOCALES) == 196_588
    assert find("mmlu").languages == ()


@pytest.mark.parametrize("name", ["DE_DE", "de_de", "DE-DE", "de", " De "])
def test_a_language_may_be_written_as_people_write_it(name: str) -> None:
    assert parts.wanted(MMMLU, [name]) == ("DE_DE",)


def test_no_language_means_all_and_the_order_is_that_of_the_data() -> None:
    assert parts.wanted(MMMLU, []) == LOCALES
    assert parts.wanted(MMMLU, ["zh", "ar", "zh_cn"]) == ("AR_XY", "ZH_CN")


def test_an_unknown_language_is_told_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        load("mmmlu", "sample", languages=["de_at"])
    assert str(caught.value).startswith("There is no language 'de_at'; mmmlu is in AR_XY, BN_BD, DE_DE, ")
    assert "did you mean" in str(caught.value)
    with pytest.raises(UserError, match=r"no language 'xx'.* ZH_CN\.$"):
        load("mmmlu", "sample", languages=["xx"])


def test_a_short_name_that_could_mean_two_languages_is_not_guessed() -> None:
    both = replace(MMMLU, parts=("PT_BR", "PT_PT"))
    with pytest.raises(UserError, match=r"Language 'pt' is ambiguous; mmmlu is in PT_BR, PT_PT\."):
        parts.wanted(both, ["pt"])


def test_a_data_set_of_one_language_says_so_in_a_way_that_a_run_of_several_survives() -> None:
    with pytest.raises(EmptySelection, match="in one language only: ask for de in a benchmark of several"):
        load("mmlu", "sample", languages=["de"])


# -- what is read


def test_only_the_languages_asked_for_are_read(folder: Path) -> None:
    (folder / "mmmlu" / "FR_FR" / "test.parquet").write_bytes(b"broken")
    loaded = load("mmmlu", str(folder), languages=["de"])
    assert Counter(question.language for question in loaded.questions) == {"DE_DE": 14_042}
    assert loaded.notice == ""


def test_a_row_becomes_the_question_it_says(folder: Path) -> None:
    loaded = load("mmmlu", str(folder), languages=["de", "fr"])
    question = next(q for q in loaded.questions if q.id == "mmmlu/DE_DE/anatomy/0017")
    assert question.text == 'Question 17 of anatomy in DE_DE,\nin "two" lines'
    assert question.choices == ("1", "2", "1.50", "007")
    assert (question.subject, question.category, question.answer) == ("anatomy", "other", "B")
    assert (question.language, question.case_id) == ("DE_DE", "DE_DE-anatomy-0017")
    assert [loaded.questions[i].language for i in (0, 14_041, 14_042, -1)] == ["DE_DE"] * 2 + ["FR_FR"] * 2


def test_choices_that_look_like_gaps_stay_text(folder: Path) -> None:
    loaded = load("mmmlu", str(folder), languages=["de"])
    assert loaded.questions[0].choices == ("None", "N/A", "null", "")


def test_missing_languages_are_named(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("mmmlu", str(folder))
    assert str(caught.value) == (
        f"{folder}/mmmlu: it lacks AR_XY, BN_BD, ES_LA and 9 more of mmmlu; get the complete data, "
        "or give --allow-partial-data."
    )


def test_partial_data_load_what_there_is_and_say_so(folder: Path) -> None:
    loaded = load("mmmlu", str(folder), allow_partial=True)
    assert loaded.notice == "partial data: 2 of 14 languages, 28,084 of 196,588 questions"


def test_a_language_that_is_named_has_to_be_there(folder: Path) -> None:
    with pytest.raises(DataError, match=r"it lacks HI_IN of mmmlu; get the complete data, or name others\."):
        load("mmmlu", str(folder), languages=["de", "hi"], allow_partial=True)


def test_a_missing_row_is_found_with_its_language(german: list[Row], parquet_folder: Write) -> None:
    folder = parquet_folder({"test": german[1:]}, "data/DE_DE").parent
    with pytest.raises(DataError, match=r"DE_DE: wrong number of test questions: abstract_algebra has 99 "):
        load("mmmlu", str(folder), languages=["de"])


def test_the_same_content_has_the_same_hash_in_every_layout(
    german: list[Row], shapes: ModuleType, parquet_folder: Write, tmp_path: Path
) -> None:
    content = shapes.mmmlu_csv(german)
    for path in ("c/mmmlu/test/mmlu_DE-DE.csv", "d/mmlu_DE-DE.csv"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(content)
    half = {"test": german[:9000]}, {"test": german[9000:]}
    parquet_folder(half[0], "b/DE_DE", "{}-00000-of-00002.parquet")
    folders = [
        parquet_folder({"test": german}, "a/mmmlu/DE_DE").parents[1],
        parquet_folder(half[1], "b/DE_DE", "{}-00001-of-00002.parquet").parent,
        tmp_path / "c",
        tmp_path / "d",
        parquet_folder({"DE_DE": german}, "e/mmmlu").parent,
        parquet_folder({"test": [{**row, "language": "DE_DE"} for row in german]}, "f"),
    ]
    loaded = [load("mmmlu", str(folder), languages=["de"]) for folder in folders]
    assert len({one.sha256 for one in loaded}) == 1
    assert all(one.questions == loaded[0].questions for one in loaded)
    assert loaded[2].source == f"CSV files in {tmp_path}/c/mmmlu"
    assert loaded[0].source == f"parquet files in {tmp_path}/a/mmmlu"


def test_a_row_of_no_known_language_is_named(german: list[Row], parquet_folder: Write) -> None:
    rows = [{**row, "language": "DE_DE"} for row in german[:3]]
    rows[1]["language"] = "DE_AT"
    with pytest.raises(
        DataError, match=r"row 1: language is 'DE_AT', and one of 14 was expected; did you mean"
    ):
        load("mmmlu", str(parquet_folder({"test": rows})), languages=["de"])


def test_a_folder_without_data_is_told_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("mmmlu", str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: it holds no data of mmmlu; looked for AR_XY/test.parquet, AR_XY/test-*.parquet, "
        "AR_XY.parquet, test/mmlu_AR-XY.csv, mmlu_AR-XY.csv, test.parquet with a column language, the "
        "files as `hf download openai/MMMLU --repo-type dataset --local-dir DIR` puts them there, also below "
        "mmmlu/; give hub, sample, or a folder that has them."
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Question": ""}, "Question is '', and a text that is not empty was expected"),
        ({"Question": None}, "Question is None, and a text that is not empty was expected"),
        ({"Subject": "anatomi"}, "one of the 57 known Subjects was expected; did you mean 'anatomy'?"),
        ({"Answer": "E"}, "Answer is 'E', and a letter from A to D was expected"),
        ({"Answer": "AB"}, "Answer is 'AB', and a letter from A to D was expected"),
        ({"Answer": None}, "Answer is None, and a letter from A to D was expected"),
        ({"C": None}, "C is empty, and a text was expected"),
    ],
)
def test_a_bad_row_is_named(german: list[Row], parquet_folder: Write, change: Row, problem: str) -> None:
    rows = [german[0], {**german[1], **change}]
    folder = parquet_folder({"test": rows}, "data/DE_DE")
    with pytest.raises(DataError) as caught:
        load("mmmlu", str(folder.parent), languages=["de"])
    assert str(caught.value).startswith(f"{folder}/test.parquet, row 1: {problem}"[:60])
    assert problem in str(caught.value)


# -- worked examples


def test_worked_examples_are_the_english_ones_of_mmlu_beside_it(
    folder: Path, made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    # A test row as an example would give away its own answer, here or in another language.
    parquet_folder(made_up, "data/mmlu")
    for data in (folder, folder / "mmmlu"):
        loaded = load("mmmlu", str(data), languages=["de"])
        assert len(loaded.examples) == 57
        assert [q.text for q in loaded.examples["virology"]] == [
            f"Question {n} of virology (dev)" for n in range(5)
        ]
        assert loaded.examples["virology"][0].id == "mmlu/virology/dev-0000"


def test_they_come_from_the_original_csv_files_too(
    folder: Path, made_up: dict[str, list[Row]], csv_folder: Write
) -> None:
    csv_folder(made_up, "data/mmlu")
    assert len(load("mmmlu", str(folder), languages=["de"]).examples) == 57


def test_a_folder_of_mmlu_that_has_only_test_rows_lends_nothing(
    folder: Path, made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    parquet_folder({"test": made_up["test"]}, "data/mmlu")
    assert load("mmmlu", str(folder), languages=["de"]).examples == {}


def test_without_mmlu_there_are_none_and_that_is_no_error(folder: Path) -> None:
    loaded = load("mmmlu", str(folder), languages=["de"])
    assert (loaded.examples, loaded.notice) == ({}, "")


def test_examples_that_cannot_be_used_are_told_but_stop_nothing(folder: Path) -> None:
    (folder / "mmlu").mkdir()
    (folder / "mmlu" / "dev.parquet").write_bytes(b"broken")
    loaded = load("mmmlu", str(folder), languages=["de"])
    assert loaded.examples == {}
    assert "no worked examples: " in loaded.notice
    assert "dev.parquet: it cannot be read as a parquet file" in loaded.notice


def test_where_none_are_wanted_none_are_looked_for(folder: Path) -> None:
    (folder / "mmlu").mkdir()
    (folder / "mmlu" / "dev.parquet").write_bytes(b"broken")
    loaded = load("mmmlu", str(folder), languages=["de"], examples=False)
    assert (loaded.examples, loaded.notice) == ({}, "")


def test_the_hash_is_of_the_questions_whether_examples_are_lent_or_not(
    folder: Path, made_up: dict[str, list[Row]], parquet_folder: Write
) -> None:
    # Else a run with shots and one without would not be known to ask the same.
    parquet_folder(made_up, "data/mmlu")
    with_them = load("mmmlu", str(folder), languages=["de"])
    assert with_them.sha256 == load("mmmlu", str(folder), languages=["de"], examples=False).sha256


def test_the_sample_has_every_language_and_english_examples() -> None:
    loaded = load("mmmlu", "sample")
    assert {question.language for question in loaded.questions} == set(LOCALES)
    assert all(not example.language for same in loaded.examples.values() for example in same)
    assert {question.subject for question in loaded.questions} <= loaded.examples.keys()
    only = load("mmmlu", "sample", languages=["ko", "de"])
    assert [*dict.fromkeys(question.language for question in only.questions)] == ["DE_DE", "KO_KR"]


def test_a_sample_may_lack_a_language_that_nobody_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = dict.fromkeys("ABCD", "x")
    line = {
        "split": "test",
        "language": "DE_DE",
        "Question": "?",
        **choices,
        "Answer": "A",
        "Subject": "anatomy",
    }
    (tmp_path / "mmmlu.jsonl").write_text(json.dumps(line))
    monkeypatch.setattr(sample, "fixture", lambda name: tmp_path / "mmmlu.jsonl")
    assert len(load("mmmlu", "sample", examples=False).questions) == 1
    with pytest.raises(
        DataError, match="embedded sample: it lacks FR_FR of mmmlu; get the complete data, or name"
    ):
        load("mmmlu", "sample", languages=["de", "fr"])


# -- what is done with them


def test_a_draw_takes_the_same_questions_in_every_language(folder: Path) -> None:
    # So that two languages differ by the language and not by which questions they happened to get.
    drawn = select(load("mmmlu", str(folder), allow_partial=True).questions, limit=200)
    by_language: dict[str, list[str]] = {}
    for question in drawn:
        by_language.setdefault(question.language, []).append(question.id.split("/", 2)[2])
    assert len(by_language["DE_DE"]) == 100
    assert by_language["DE_DE"] == by_language["FR_FR"]


def test_a_snapshot_is_held_against_its_hashes_for_what_is_used(folder: Path) -> None:
    from mmlubench.inputs import sha256

    files = {
        f"{locale}/test.parquet": {
            "sha256": sha256(folder / "mmmlu" / locale / "test.parquet"),
            "rows": 14_042,
        }
        for locale in ("DE_DE", "FR_FR")
    }
    about = {"dataset": "mmmlu", "revision": "e" * 40, "created": "", "mmlubench": "", "files": files}
    (folder / "mmmlu" / "snapshot.json").write_text(json.dumps(about))
    (folder / "mmmlu" / "FR_FR" / "test.parquet").write_bytes(b"changed")
    loaded = load("mmmlu", str(folder), languages=["de"])
    assert loaded.revision == "e" * 40
    assert loaded.source == f"parquet files in {folder}/mmmlu of openai/MMMLU@eeeeeeee"
    with pytest.raises(DataError, match=r"FR_FR/test\.parquet: expected sha256"):
        load("mmmlu", str(folder), languages=["fr"])
