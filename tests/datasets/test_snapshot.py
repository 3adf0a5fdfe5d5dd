"""The folder that `mmlubench data fetch` writes, and what is noticed when it has changed. The hub: test_hub.py."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from mmlubench import __version__
from mmlubench.datasets import load
from mmlubench.datasets.sets.mmlu import MMLU
from mmlubench.datasets.sources import hub
from mmlubench.datasets.sources.snapshot import fetch
from mmlubench.errors import DataError, UserError

Row = dict[str, Any]
BROKEN = (
    '{"dataset": "mmlu", "revision": "", "created": "", "mmlubench": "", "files": {"test.parquet": "sha256"}}'
)


@pytest.fixture
def served(made_up: dict[str, list[Row]], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The hub's tables without the hub, for a test to change."""
    splits = {**made_up, "validation": made_up["dev"]}
    tables = {split: pa.Table.from_pylist(rows) for split, rows in splits.items()}
    monkeypatch.setattr(hub, "tables", lambda spec: tables)
    return SimpleNamespace(tables=tables)


@pytest.fixture
def folder(served: SimpleNamespace, tmp_path: Path) -> Path:
    return fetch("mmlu", tmp_path / "new" / "mmlu")


def test_a_fetched_folder_loads_and_knows_its_revision(folder: Path) -> None:
    mmlu = load("mmlu", str(folder))
    assert len(mmlu.questions) == 14_042
    assert mmlu.revision == MMLU.revision
    assert mmlu.source == f"parquet files in {folder} of cais/mmlu@c30699e8"


def test_the_snapshot_says_what_it_holds(folder: Path) -> None:
    snapshot = json.loads((folder / "snapshot.json").read_text())
    assert snapshot["dataset"] == "mmlu"
    assert snapshot["revision"] == MMLU.revision
    assert snapshot["mmlubench"] == __version__
    assert snapshot["created"].endswith("+00:00")
    files = {name: about["rows"] for name, about in snapshot["files"].items()}
    assert files == {"test.parquet": 14_042, "dev.parquet": 285, "validation.parquet": 285}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*files, "snapshot.json"])


def test_a_changed_file_is_named_with_both_hashes(folder: Path) -> None:
    expected = json.loads((folder / "snapshot.json").read_text())["files"]["dev.parquet"]["sha256"]
    (folder / "dev.parquet").write_bytes(b"changed")
    with pytest.raises(DataError) as caught:
        load("mmlu", str(folder))
    found = hashlib.sha256(b"changed").hexdigest()
    assert str(caught.value) == (
        f"{folder}/dev.parquet: expected sha256 {expected} by its snapshot.json, found {found}; "
        "fetch the data again, or remove snapshot.json to use the files as they are."
    )


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    (folder / "dev.parquet").unlink()
    with pytest.raises(DataError, match=r"dev\.parquet: expected sha256 .* found no such file;"):
        load("mmlu", str(folder))


def test_a_file_the_snapshot_does_not_know_is_not_trusted(folder: Path) -> None:
    path = folder / "snapshot.json"
    snapshot = json.loads(path.read_text())
    del snapshot["files"]["dev.parquet"]
    path.write_text(json.dumps(snapshot))
    with pytest.raises(DataError, match=r"dev\.parquet: it is not listed in the snapshot\.json beside it"):
        load("mmlu", str(folder))


def test_a_snapshot_of_another_data_set_is_not_taken_for_this_one(folder: Path) -> None:
    path = folder / "snapshot.json"
    path.write_text(path.read_text().replace('"mmlu"', '"mmlu_pro"'))
    with pytest.raises(DataError, match=r"it is a snapshot of mmlu_pro, and mmlu was expected"):
        load("mmlu", str(folder))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"dataset": "mmlu"}', "null", BROKEN])
def test_a_broken_snapshot_is_one_sentence(folder: Path, content: str) -> None:
    (folder / "snapshot.json").write_text(content)
    with pytest.raises(
        DataError, match=r"snapshot\.json: it is not a JSON object of dataset, revision, created"
    ):
        load("mmlu", str(folder))


def test_fetching_again_replaces_an_older_snapshot_and_touches_nothing_else(
    folder: Path, served: SimpleNamespace
) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "dev.parquet").write_bytes(b"changed")
    fetch("mmlu", folder)
    assert load("mmlu", str(folder)).notice == ""
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_fetch_that_was_cut_short_is_mended_by_the_next(
    folder: Path, served: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Cut after the first of the four moves: the old files no longer fit, which a load must notice.
    served.tables["test"] = served.tables["test"].take(list(reversed(range(14_042))))
    moves: list[Path] = []

    def replace(self: Path, to: Path) -> Path:
        if moves:
            raise KeyboardInterrupt
        moves.append(to)
        return rename(self, to)

    rename = Path.rename
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            fetch("mmlu", folder)
    with pytest.raises(DataError, match=r"test\.parquet: expected sha256"):
        load("mmlu", str(folder))
    fetch("mmlu", folder)
    assert len(load("mmlu", str(folder)).questions) == 14_042
    assert len(list(folder.iterdir())) == 4


def test_a_folder_with_only_the_rest_of_a_killed_fetch_is_free(
    served: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / ".fetch-abc").mkdir()
    assert len(load("mmlu", str(fetch("mmlu", tmp_path))).questions) == 14_042


def test_a_folder_with_anything_else_is_not_overwritten(served: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "test.parquet").write_text("mine")
    expected = r"is not empty and holds no snapshot\.json; give a new folder, or an older snapshot to replace"
    with pytest.raises(UserError, match=expected):
        fetch("mmlu", tmp_path)
    assert (tmp_path / "test.parquet").read_text() == "mine"


def test_a_file_beside_a_snapshot_is_not_overwritten(folder: Path, served: SimpleNamespace) -> None:
    path = folder / "snapshot.json"
    facts = json.loads(path.read_text())
    del facts["files"]["dev.parquet"]
    path.write_text(json.dumps(facts))
    (folder / "dev.parquet").write_text("mine")
    with pytest.raises(
        UserError, match=r"dev\.parquet is none of the snapshot beside it, and is left as it is"
    ):
        fetch("mmlu", folder)
    assert (folder / "dev.parquet").read_text() == "mine"


def test_a_snapshot_of_another_data_set_is_not_overwritten(folder: Path) -> None:
    path = folder / "snapshot.json"
    path.write_text(path.read_text().replace('"mmlu"', '"mmlu_pro"'))
    with pytest.raises(UserError, match="holds a snapshot of mmlu_pro; give another folder for mmlu"):
        fetch("mmlu", folder)


def test_a_file_is_no_folder(served: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file is a file, and a folder was expected"):
        fetch("mmlu", tmp_path / "file")


def test_a_place_that_cannot_be_written_is_one_sentence(served: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"below cannot be written \(.*\); give another folder\."):
        fetch("mmlu", tmp_path / "file" / "below")


def test_an_unknown_data_set_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no data set 'nonsense'"):
        fetch("nonsense", tmp_path)


def test_a_hub_that_gives_half_the_data_leaves_no_folder(served: SimpleNamespace, tmp_path: Path) -> None:
    served.tables["test"] = served.tables["test"][:100]
    with pytest.raises(
        DataError, match="hub cais/mmlu@c30699e8: wrong number of test questions: anatomy has 0"
    ):
        fetch("mmlu", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_snapshot_below_a_shared_folder_is_checked_too(folder: Path) -> None:
    assert load("mmlu", str(folder.parent)).revision == MMLU.revision


def test_plain_files_without_a_snapshot_have_no_revision(
    made_up: dict[str, list[Row]], parquet_folder: Callable[..., Path]
) -> None:
    assert load("mmlu", str(parquet_folder(made_up))).revision == ""
