"""A folder as `hf download OWNER/NAME --repo-type dataset --local-dir DIR` leaves it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import find, load
from mmlubench.errors import DataError

COMMIT, OTHER = find("belebele").revision, "f" * 40


def belebele(hub_rows: ModuleType, folder: Path, *languages: str, count: int = 900) -> Path:
    """Write made-up rows of some languages, under the names that the hub has for them."""
    ((_, (row,)),) = hub_rows.CASES["belebele"].files.items()
    rows = [
        {**row, "link": f"link{n}", "question": f"{n}?", "correct_answer_num": str(n % 4 + 1)}
        for n in range(count)
    ]
    written: Path = hub_rows.write({f"data/{name}.jsonl": rows for name in languages}, folder)
    return written


def noted(folder: Path, name: str, commit: str) -> None:
    """Write what the hub's client notes of a file beside it."""
    note = folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{commit}\n0123abcd\n1700000000.0\n")


def test_only_the_languages_asked_for_are_read_and_a_missing_one_is_told(
    hub_rows: ModuleType, tmp_path: Path
) -> None:
    folder = str(belebele(hub_rows, tmp_path, "deu_Latn", "arb_Arab"))
    data = load("belebele", folder, languages=["de"])
    assert {question.language for question in data.questions} == {"de"}
    assert (len(data.questions), data.notice, data.revision) == (900, "", "")
    with pytest.raises(DataError, match="it lacks fr of belebele"):
        load("belebele", folder, languages=["de", "fr"])
    with pytest.raises(DataError, match="it lacks acm_Arab, afr_Latn, als_Latn and 117 more of belebele"):
        load("belebele", folder)
    assert "2 of 122 languages" in load("belebele", folder, allow_partial=True).notice


def test_it_may_lie_in_a_folder_named_after_the_data_set(hub_rows: ModuleType, tmp_path: Path) -> None:
    belebele(hub_rows, tmp_path / "belebele", "deu_Latn")
    assert len(load("belebele", str(tmp_path), languages=["de"]).questions) == 900


@pytest.mark.parametrize("commit", [COMMIT, OTHER])
def test_its_commit_is_named_and_another_one_than_the_pinned_is_warned_of(
    hub_rows: ModuleType, tmp_path: Path, commit: str
) -> None:
    belebele(hub_rows, tmp_path, "deu_Latn")
    noted(tmp_path, "data/deu_Latn.jsonl", commit)
    data = load("belebele", str(tmp_path), languages=["de"])
    assert data.revision == commit
    assert data.source == f"files in {tmp_path} of facebook/belebele@{commit[:8]}"
    warned = f"warning: this is facebook/belebele at ffffffff, and belebele is pinned to {COMMIT[:8]}"
    assert data.notice == (warned if commit == OTHER else "")


def test_a_folder_of_the_cache_of_the_hubs_client_names_its_commit(
    hub_rows: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "datasets--Rowan--hellaswag" / "snapshots" / find("hellaswag").revision
    hub_rows.write(hub_rows.CASES["hellaswag"].files, folder)
    assert load("hellaswag", str(folder), allow_partial=True).revision == find("hellaswag").revision


@pytest.mark.parametrize("name", ["arc_easy", "global_mmlu_lite"])
def test_parquet_files_name_the_commit_that_was_noted_beside_them(
    hub_rows: ModuleType, tmp_path: Path, name: str
) -> None:
    ((file, rows),) = hub_rows.CASES[name].files.items()
    hub_rows.write({file: rows}, tmp_path / name)
    noted(tmp_path / name, file, OTHER)
    data = load(name, str(tmp_path), allow_partial=True)
    assert data.revision == OTHER
    assert f"at ffffffff, and {name} is pinned to {find(name).revision[:8]}" in data.notice


def test_columns_that_were_renamed_are_told(hub_rows: ModuleType, tmp_path: Path) -> None:
    row: dict[str, Any] = {"passage": "?", "question": "?", "correct_answer_num": "1"}
    hub_rows.write({"data/deu_Latn.jsonl": [row]}, tmp_path)
    with pytest.raises(
        DataError, match=r"deu_Latn\.jsonl: column 'mc_answer1' is missing; expected question"
    ):
        load("belebele", str(tmp_path), languages=["de"])


def test_an_archive_and_its_unpacked_files_are_read_alike(hub_rows: ModuleType, tmp_path: Path) -> None:
    case = hub_rows.CASES["cmmlu"]
    hub_rows.write(case.files, tmp_path / "packed")
    hub_rows.write(
        {name.partition(".zip/")[2]: rows for name, rows in case.files.items()}, tmp_path / "plain"
    )
    packed, plain = (load("cmmlu", str(tmp_path / name), allow_partial=True) for name in ("packed", "plain"))
    assert packed.sha256 == plain.sha256


def test_a_folder_of_something_else_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    told = "looked for .*the files as `hf download m-a-p/SuperGPQA --repo-type dataset --local-dir DIR` puts them there"
    with pytest.raises(DataError, match=told):
        load("supergpqa", str(tmp_path))


def test_numbers_that_nobody_verified_are_doubted_and_not_the_data_of_the_pinned_commit(
    hub_rows: ModuleType, tmp_path: Path
) -> None:
    ((name, (row,)),) = hub_rows.CASES["include"].files.items()
    hub_rows.write({name: [{**row, "question": f"{n}?", "answer": n % 4} for n in range(138)]}, tmp_path)
    with pytest.raises(DataError, match=r"all has 138 \(expected 139\)"):
        load("include", str(tmp_path), languages=["de"])
    noted(tmp_path, name, find("include").revision)
    notice = load("include", str(tmp_path), languages=["de"]).notice
    assert (
        "other numbers of questions than those in include's file, which nobody verified: de has 138 (139)"
        in notice
    )
