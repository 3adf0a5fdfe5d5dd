"""The folder of a run: only its owner reads it, and nothing of others in or beside it is touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from mmlubench.engine.store.sqlite import Store
from mmlubench.reports import report as report_module
from mmlubench.reports.report import File, FinishedRun, Report, files
from mmlubench.run.folder import RunFolder

LINES = {"requests": b"{}\n", "responses": b"{}\n", "results": b"{}\n"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("packed", [False, True])
def test_logs_and_results_are_for_their_owner_alone(packed: bool, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        tmp_path.chmod(0o755)
        folder = RunFolder(str(tmp_path / "deep" / "er"), mock=False, packed=packed)
        folder.append(0, LINES)
        folder.append_entry("debate_x", 0, b'"a": 1\n')
        folder.close()
        folder.write_json("manifest.json", {})
        folder.write_file(File("latest.json", "{}", beside=True))
        (tmp_path / "deep" / "er" / "latest.json").chmod(0o644)  # published on purpose
        folder.write_file(File("latest.json", "{}", beside=True))
        assert {mode(path) for path in folder.path.iterdir()} == {0o600}
        assert [mode(path) for path in (folder.path, folder.path.parent, folder.path.parent.parent)] == [
            0o700
        ] * 3
        assert mode(tmp_path) == 0o755
        assert mode(tmp_path / "deep" / "er" / "latest.json") == 0o644
    finally:
        os.umask(before)


def test_a_folder_is_discarded_without_what_others_have_put_into_it(tmp_path: Path) -> None:
    empty, shared = (RunFolder(str(tmp_path), mock=True) for _ in range(2))
    for folder in (empty, shared):
        folder.write_json("manifest.json", {})
    (shared.path / "notes.txt").write_text("mine")
    empty.discard()
    shared.discard()
    assert not empty.path.exists()
    assert [path.name for path in shared.path.iterdir()] == ["notes.txt"]


def test_a_report_beside_the_folder_replaces_neither_a_store_nor_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(str(tmp_path), mock=True)
    folder.close()
    for name in ("store.sqlite", "replies.db"):
        Store.open(tmp_path / name).close()
    (tmp_path / "figures").mkdir()
    (tmp_path / "link.html").symlink_to(tmp_path / "elsewhere.html")
    (tmp_path / "old.html").write_text("an earlier report")
    refused = ("store.sqlite", "store.sqlite-wal", "replies.db", "figures", "link.html")
    assert [name for name in (*refused, "old.html", "new.html") if folder.may_replace(name)] == [
        "old.html",
        "new.html",
    ]

    def wanted(_run: FinishedRun) -> Iterable[File]:
        return [File("store.sqlite", "gone", beside=True)]

    monkeypatch.setattr(report_module, "reports", lambda: {"bad": Report(files=wanted)})
    made, failures = files(None, (), folder.may_replace)
    assert made == []
    assert failures == [
        "the report bad failed (ValueError: 'store.sqlite' beside the run folder is a store, or no file, "
        "and is left as it is)."
    ]


def test_a_run_in_a_folder_of_others_only_adds_to_it(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("mine")
    folder = RunFolder(str(tmp_path), mock=True)
    with closing(Store.open(tmp_path / "store.sqlite")):
        folder.append(0, LINES)
        folder.close()
    assert (tmp_path / "results.jsonl").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_one_file_that_cannot_be_written_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path), mock=True)
    folder.append(0, LINES)
    (folder.path / "requests.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="requests"):
        folder.close()
    assert (folder.path / "results.jsonl").read_bytes() == b"{}\n"
    assert (folder.path / "responses.jsonl").read_bytes() == b"{}\n"
