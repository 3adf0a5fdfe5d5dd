"""A damaged store: every reply that can still be read is there again."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.engine.store import salvage
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import Store
from mmlubench.schema import Completion
from tests.engine.test_store import fill, kept, key, rows_of

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 short replies, and of three that fill several pages each."""
    path = fill(tmp_path_factory.mktemp("whole") / "store.sqlite", 300)
    with closing(Store.open(path)) as store:
        for number in range(1000, 1003):
            store.put(key(number), long(number))
    return path


def long(number: int) -> StoredReply:
    return StoredReply(Completion(f"{number} ä" * 3000, "stop"), "claude", 7.0)


def found(path: Path) -> set[int]:
    """The replies that are there, each as it was."""
    there = set()
    with closing(Store.open(path)) as store:
        for number in [*range(300), *range(1000, 1003)]:
            reply = store.get(key(number))
            if reply is not None:
                assert reply == (kept(number) if number < 1000 else long(number))
                there.add(number)
    return there


def rows_by_page(path: Path) -> dict[int, int]:
    """How many rows each page of the file holds."""
    with closing(salvage.Pages(path)) as pages:
        return {n: sum(1 for _ in salvage._rows_on(pages, n)) for n in range(1, pages.count + 1)}


def test_one_damaged_page_costs_the_replies_on_it_and_no_other(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    lost = []
    for page, rows in rows_by_page(whole).items():
        if page == 1:
            continue
        path = tmp_path / f"{page}.sqlite"
        path.write_bytes(data[: (page - 1) * PAGE] + b"\xff" * PAGE + data[page * PAGE :])
        there = found(path)
        # A page of a long reply holds no row, and takes that one reply with it.
        assert len(there) >= 303 - max(rows, 1), page
        lost.append(303 - len(there))
    assert 0 in lost  # those of the index and of the tree: every row was readable
    assert max(lost) < 20


def test_damage_of_the_tables_names_costs_nothing(whole: Path, tmp_path: Path) -> None:
    # Without them SQLite finds no table at all; only our number in the first 100 bytes has to be whole.
    path = tmp_path / "store.sqlite"
    path.write_bytes(whole.read_bytes()[:100] + b"\xff" * (PAGE - 100) + whole.read_bytes()[PAGE:])
    assert len(found(path)) == 303


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(100, 60 * PAGE), st.binary(min_size=1, max_size=300)), min_size=1, max_size=6
    )
)
def test_whatever_is_damaged_no_reply_comes_back_changed(
    whole: Path, damage: list[tuple[int, bytes]]
) -> None:
    folder = whole.parent / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    data = bytearray(whole.read_bytes())
    for place, noise in damage:
        data[place : place + len(noise)] = noise
    pages = {(place + offset) // PAGE + 1 for place, noise in damage for offset in (0, len(noise) - 1)}
    hit = sum(max(count, 1) for page, count in rows_by_page(whole).items() if page in pages)
    (folder / "store.sqlite").write_bytes(bytes(data[: whole.stat().st_size]))
    assert len(found(folder / "store.sqlite")) >= 303 - hit


def test_replies_in_the_log_of_a_killed_run_are_read_as_well(tmp_path: Path) -> None:
    path, killed = tmp_path / "store.sqlite", tmp_path / "killed" / "store.sqlite"
    killed.parent.mkdir()
    fill(path, 50)
    with closing(Store.open(path)) as store:
        for number in range(50, 80):
            store.put(key(number), kept(number))
        store.put(key(3), kept(3, at=2_000.0))  # newer than the one in the file
        shutil.copy(path, killed)
        shutil.copy(f"{path}-wal", f"{killed}-wal")
    killed.unlink()  # only the log is left
    with closing(Store.open(killed)) as store:
        assert "its log is there without it" in store.notice
        there = [number for number in range(80) if store.get(key(number)) is not None]
        assert set(range(50, 80)) <= set(there)
        newest = store.get(key(3))
        assert newest is not None
        assert newest.at == 2_000.0
    assert sorted(file.name.rpartition("-")[2] for file in killed.parent.glob("*.corrupt-*"))[-1] == "wal"


def test_replies_that_were_deleted_stay_deleted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    fill(path, 300)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM replies WHERE rowid > 100")  # the pages are free, and still full of them
    assert rows_of(path) == 100
    data = bytearray(path.read_bytes())
    data[PAGE + 50 : PAGE + 60] = b"\xff" * 10
    assert {row[0] for row in salvage.rows(path)} <= {key(number) for number in range(100)}
