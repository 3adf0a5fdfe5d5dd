"""Where a store may be: nothing of others is touched, and what happens to the file meanwhile loses no reply."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mmlubench.engine.store import sqlite as store_module
from mmlubench.engine.store.network import is_refused, shared_type
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import StoreError, UserError
from tests.engine.test_store import fill, kept, key, rows_of


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_CHECK_EVERY_S", 0.0)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE cookies (name)")
        db.execute("INSERT INTO cookies VALUES ('chocolate')")
        db.commit()


def other_database_with_a_log(path: Path) -> None:
    script = (
        "import os, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode = WAL')\n"
        "db.execute('CREATE TABLE cookies (name)')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=False)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def database_that_is_not_begun(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 7")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("my thesis\n" * 1000),
        lambda path: path.write_bytes(b"SQLite format 3\0"),
        lambda path: path.write_bytes(os.urandom(20_000)),
        other_database,
        other_database_with_a_log,
        database_that_is_not_begun,
    ],
    ids=["empty", "text", "cut off", "bytes", "database", "database in use", "database without tables"],
)
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "thesis.txt"
    make(path)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"give another file with --store PATH, or leave the store out"):
        Store.open(path)
    with pytest.raises(UserError, match=r"give another file with --store PATH"):
        Store.open_to_read(path)
    assert contents(tmp_path) == before


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UserError, match="is a device or pipe, and a file is needed"):
            Store.open(path)


def test_a_file_of_others_where_the_log_should_be_is_left_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "store.sqlite-wal"
    log.write_text("notes")
    with pytest.raises(UserError, match=r"store\.sqlite-wal is a file of another program"):
        Store.open(tmp_path / "store.sqlite")
    assert contents(tmp_path) == {log.name: b"notes"}


def test_a_store_of_an_older_version_that_was_killed_before_it_was_ever_closed_is_ours(
    tmp_path: Path,
) -> None:
    # It wrote our number into the log, and not yet into the file itself.
    path = tmp_path / "store.sqlite"
    script = (
        "import os, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode = WAL')\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        "db.execute('CREATE TABLE replies (key BLOB PRIMARY KEY, model TEXT NOT NULL, at REAL NOT NULL, "
        "reply BLOB NOT NULL, crc INTEGER NOT NULL)')\n"
        "db.execute('PRAGMA application_id = 0x6D6D6C75')\n"
        "db.execute('PRAGMA user_version = 1')\n"
        "db.execute('COMMIT')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=False)
    assert int.from_bytes(path.read_bytes()[68:72], "big") == 0
    assert rows_of(fill(path, 3)) == 3


# -- links, modes --------------------------------------------------------------------------------------------------


def test_a_link_to_a_store_is_followed_also_when_that_is_damaged(tmp_path: Path) -> None:
    real, link = tmp_path / "data" / "replies.db", tmp_path / "reports" / "store.sqlite"
    fill(real, 200)
    link.parent.mkdir()
    link.symlink_to(real)
    with closing(Store.open(link)) as store:
        assert store.get(key(7)) == kept(7)
        store.put(key(500), kept(500))
    data = bytearray(real.read_bytes())
    data[20_000:28_000] = bytes(8_000)
    real.write_bytes(data)
    with closing(Store.open(link)) as store:
        assert "was damaged" in store.notice
        assert store.get(key(500)) == kept(500)
    assert link.is_symlink()
    assert [file.name for file in link.parent.iterdir()] == ["store.sqlite"]
    assert len(list(real.parent.glob("replies.db.corrupt-*"))) == 1


def test_a_link_to_nowhere_makes_the_store_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "store.sqlite"
    link.symlink_to(tmp_path / "far" / "away.db")
    assert rows_of(fill(link, 2)) == 2
    assert (tmp_path / "far" / "away.db").is_file()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_may_read_a_store_and_the_folders_made_for_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "there").mkdir(mode=0o755)
        path = tmp_path / "there" / "new" / "newer" / "store.sqlite"
        with closing(Store.open(path)) as store:
            store.put(key(1), kept(1))
            assert {mode(file) for file in path.parent.iterdir()} == {0o600}
        assert [mode(folder) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]
        assert mode(tmp_path / "there") == 0o755
        path.chmod(0o664)  # shared on purpose
        fill(path, 3)
        assert mode(path) == 0o664
    finally:
        os.umask(before)


# -- while it is open ----------------------------------------------------------------------------------------------


def test_a_store_that_is_deleted_while_it_is_open_is_made_anew_with_all_its_replies(tmp_path: Path) -> None:
    path = fill(tmp_path / "reports" / "store.sqlite", 30)
    store = Store.open(path)
    store.put(key(100), kept(100))
    shutil.rmtree(path.parent)
    store.put(key(200), kept(200))
    assert rows_of(path) == 32
    assert store.notice == (
        f"the store {path} was deleted or renamed while the run went on: it was made anew, "
        "with the replies of the old one"
    )
    store.put(key(300), kept(300))
    store.close()
    with closing(Store.open(path)) as again:
        assert all(again.get(key(n)) == kept(n) for n in [*range(30), 100, 200, 300])
        assert again.notice == ""


def test_a_store_that_is_deleted_after_the_last_reply_is_noticed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store.open(path)
    store.put(key(1), kept(1))
    path.unlink()
    store.close()
    assert rows_of(path) == 1


def test_several_processes_make_a_deleted_store_anew_together(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "store.sqlite"
    stores = [Store.open(path) for _ in range(3)]
    for number, store in enumerate(stores):
        store.put(key(number), kept(number))
    shutil.rmtree(path.parent)
    for number, store in enumerate(stores):
        store.put(key(10 + number), kept(10 + number))
    assert rows_of(path) == 6
    for store in stores:
        store.put(key(99), kept(99))
        store.close()
    assert rows_of(path) == 7
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.sqlite"]


def test_a_store_that_cannot_be_made_anew_is_an_error_and_not_safe(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "store.sqlite"
    store = Store.open(path)
    shutil.rmtree(path.parent)
    path.parent.write_text("in the way")
    with pytest.raises(StoreError) as told:
        store.put(key(1), kept(1))
    assert "cannot be written (" in str(told.value)
    assert "safe" not in str(told.value)
    path.parent.unlink()
    store.put(key(2), kept(2))
    store.close()
    assert rows_of(path) == 2


def test_a_file_of_others_in_its_place_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store.open(path)
    path.unlink()
    path.write_text("my thesis")
    with pytest.raises(StoreError, match="a file of another program"):
        store.put(key(1), kept(1))
    with pytest.raises(StoreError):
        store.close()
    assert path.read_text() == "my thesis"


def test_a_log_that_is_deleted_alone_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    # As a cleaner of /tmp does it, which takes old files one by one.
    path = tmp_path / "store.sqlite"
    store = Store.open(path)
    store.put(key(1), kept(1))
    path.with_name("store.sqlite-wal").unlink()
    with pytest.raises(StoreError, match=r"its log store\.sqlite-wal was deleted while the run went on"):
        store.put(key(2), kept(2))
    with pytest.raises(StoreError):
        store.close()
    with closing(Store.open(path)) as again:
        assert again.get(key(1)) == kept(1)
        assert again.notice == ""


def test_a_store_that_another_program_has_in_a_transaction_can_be_opened_and_read(tmp_path: Path) -> None:
    path = fill(tmp_path / "store.sqlite", 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM replies").fetchone()
        with closing(Store.open(path)) as store:
            assert store.get(key(1)) == kept(1)
            store.put(key(9), kept(9))
        other.execute("ROLLBACK")
    assert rows_of(path) == 4


def test_replies_from_the_future_are_older_than_a_run_that_asks_all_anew(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "store.sqlite")) as store:
        store.put(key(1), kept(1, at=9e9))  # the clock was set back since
        store.put(key(2), kept(2, at=1_000.0))
        store.date_back(5_000.0)
        first, second = store.get(key(1)), store.get(key(2))
        assert first is not None
        assert second is not None
        assert (first.at < 5_000.0, second.at) == (True, 1_000.0)


@pytest.mark.parametrize("name", ["a?b#c%41 d", "ä ö", "--x", "it's"])
def test_any_name_of_a_folder_will_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert rows_of(fill(Path(name) / "store.sqlite", 2)) == 2
    assert [folder.name for folder in tmp_path.iterdir()] == [name]


def test_a_damaged_store_keeps_its_name_where_there_is_no_room_for_a_copy(tmp_path: Path) -> None:
    path = fill(tmp_path / "store.sqlite", 300)
    data = bytearray(path.read_bytes())
    data[20_000:28_000] = bytes(8_000)
    path.write_bytes(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(UserError, match=r"cannot be opened \((disk I/O error|database or disk is full)"):
            Store.open(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path)["store.sqlite"] == data
    assert not list(tmp_path.glob("*corrupt*"))
    assert not list(tmp_path.glob(".*"))
    with closing(Store.open(path)) as store:
        assert store.stats()["rows"] > 250


def test_a_store_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\nimage /run fuse.fuse-overlayfs rw 0 0\n"
        "tmpfs /home/ann tmpfs rw 0 0\nhost:/ /my\\040data fuse.sshfs rw 0 0\nscratch /scratch lustre rw 0 0\n"
    )
    paths = ["/data/s", "/home/bob/s", "/home/ann/s", "/homes/s", "/my data/s", "/scratch/s", "/run/s"]
    found = [shared_type(Path(path), mounts) for path in paths]
    assert found == ["", "nfs4", "", "", "fuse.sshfs", "lustre", ""]
    assert [is_refused(kind) for kind in found] == [False, True, False, False, False, True, False]
    assert shared_type(Path("/home/bob/s"), tmp_path / "none") == ""
    path = fill(tmp_path / "store.sqlite", 1)
    monkeypatch.setattr(store_module, "shared_type", lambda _path: "nfs4")
    with pytest.raises(UserError) as refused:
        Store.open(path)
    assert str(refused.value) == (
        f"the store {path} lies on a network file system (nfs4), where SQLite damages it: give a file on a disk of "
        "this computer with --store PATH, or leave the store out with --no-store."
    )
    with closing(
        Store.open_to_read(path)
    ) as store:  # what is there can be copied with `mmlubench store merge`
        assert store.stats()["rows"] == 1


def test_a_store_on_a_file_system_that_others_may_reach_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fill(tmp_path / "store.sqlite", 1)
    with closing(Store.open(path)) as store:
        assert store.place == ""
    monkeypatch.setattr(store_module, "shared_type", lambda _path: "fuse.sshfs")
    with closing(Store.open(path)) as store:
        assert store.place == (
            f"the store {path} lies on a file system that other computers may reach (fuse.sshfs): let runs of one "
            "computer at a time use it, or give a file on a disk of this one with --store PATH"
        )
