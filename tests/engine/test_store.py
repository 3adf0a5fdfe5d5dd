"""The store on disk: what was paid for must be there again, whatever happens to the process or the file."""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.store import sqlite as store_module
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import SCHEMA, Store
from mmlubench.errors import MmluBenchError, StoreError, UserError
from mmlubench.schema import Completion, Usage


def key(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def kept(number: int = 0, *, label: str = "claude", at: float = 1_000.0) -> StoredReply:
    completion = Completion(f"ANSWER: {number} " * 30, "stop", Usage(100, 5, cost_usd=0.01), "served", 0.5)
    return StoredReply(completion, label, at, attempts=2, latency_s=1.5)


def fill(path: Path, count: int) -> Path:
    """A store of so many replies, closed."""
    with closing(Store.open(path)) as store:
        for number in range(count):
            store.put(key(number), kept(number))
    return path


def rows_of(path: Path) -> int:
    """What another process would find."""
    with closing(sqlite3.connect(path)) as other:
        return int(other.execute("SELECT count(*) FROM replies").fetchone()[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store.open(path)) as opened:
        yield opened


# -- keeping and finding ---------------------------------------------------------------------------------------------


def test_a_reply_is_found_at_once_and_by_the_next_run(path: Path) -> None:
    with closing(Store.open(path)) as store:
        assert store.get(key(1)) is None
        store.put(key(1), kept(1))
        assert store.get(key(1)) == kept(1)
    with closing(Store.open(path)) as store:
        assert store.get(key(1)) == kept(1)
        assert store.get(key(2)) is None
        assert store.notice == ""


def test_the_newer_reply_takes_the_place_of_the_older(store: Store, path: Path) -> None:
    store.put(key(1), kept(1))
    store.put(key(1), kept(2))
    assert store.get(key(1)) == kept(2)
    assert rows_of(path) == 1


def test_nothing_of_the_question_and_no_key_is_in_the_file(store: Store, path: Path) -> None:
    store.put(key(1), kept(1))
    store.close()
    text = path.read_bytes()
    assert b"ANSWER: 1" in text
    assert b"messages" not in text


def test_a_reply_of_a_turn_is_found_before_it_is_written(store: Store, path: Path) -> None:
    async def turn() -> None:
        store.put(key(1), kept(1))
        assert store.get(key(1)) == kept(1)
        assert rows_of(path) == 0

    asyncio.run(turn())


# -- when it is written ----------------------------------------------------------------------------------------------


def test_replies_are_written_together_a_moment_after_the_first_of_them(store: Store, path: Path) -> None:
    async def case(number: int) -> None:
        store.put(key(number), kept(number))

    async def turns() -> list[int]:
        seen = []
        for first in (0, 20):
            tasks = [asyncio.create_task(case(first + n)) for n in range(20)]
            await asyncio.gather(*tasks)
            seen.append(rows_of(path))
            await asyncio.sleep(store_module._WRITE_EVERY_S)
            seen.append(rows_of(path))
        return seen

    assert asyncio.run(turns()) == [0, 20, 20, 40]


def test_replies_that_wait_while_the_loop_stands_still_are_written_with_the_next_case(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loop stops as soon as the case is done, and pytest, or a debugger, may take any time until it runs again.
    monkeypatch.setattr(store_module, "_WRITE_EVERY_S", 0.0)
    loop = asyncio.new_event_loop()

    async def case(number: int) -> None:
        await asyncio.sleep(0)
        store.put(key(number), kept(number))

    try:
        for number in range(3):
            loop.run_until_complete(loop.create_task(case(number)))
            store.keep_up()
            assert rows_of(path) == number + 1
    finally:
        loop.close()


def test_a_loop_that_ends_in_the_middle_of_a_turn_leaves_nothing_unwritten(store: Store, path: Path) -> None:
    for number in range(2):
        loop = asyncio.new_event_loop()
        loop.call_soon(store.put, key(number), kept(number))
        loop.call_soon(loop.stop)
        loop.run_forever()  # stops before the end of the turn
        loop.close()
    assert rows_of(path) == 0
    store.flush()
    assert rows_of(path) == 2


def test_outside_of_a_loop_it_is_written_at_once(store: Store, path: Path) -> None:
    store.put(key(1), kept(1))
    assert rows_of(path) == 1


WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import key, kept
from mmlubench.engine.store import sqlite
from mmlubench.engine.store.sqlite import Store

sqlite._WRITE_EVERY_S = 0.001

async def write(store, first):
    number = first
    while True:
        for number in range(number, number + 7):
            store.put(key(number), kept(number))
        await asyncio.sleep(sqlite._WRITE_EVERY_S)  # until then they are written
        number += 1
        print(number, flush=True)  # so many are promised

asyncio.run(write(Store.open(Path(sys.argv[2])), int(sys.argv[3])))
"""


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_a_killed_process_loses_none_of_what_it_had_kept(path: Path, side_by_side: int) -> None:
    chance = random.Random(side_by_side)
    promised: dict[int, int] = {}
    for round_ in range(3):
        firsts = [1_000_000 * (10 * round_ + one) for one in range(side_by_side)]
        here = str(Path(__file__).parent)
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, here, str(path), str(first)], stdout=subprocess.PIPE, text=True
            )
            for first in firsts
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline()  # it is under way
        time.sleep(chance.uniform(0, 0.2))
        for first, writer in zip(firsts, writers, strict=True):
            writer.send_signal(signal.SIGKILL)
            told = writer.communicate()[0].rpartition("\n")[0].split()
            promised[first] = int(told[-1]) if told else first
        with closing(Store.open(path)) as store:
            assert store.notice == ""
            for first, end in promised.items():
                missing = [n for n in range(first, end) if store.get(key(n)) != kept(n)]
                assert missing == []
    assert sum(end - first for first, end in promised.items()) > 100


def test_what_another_run_buys_meanwhile_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_LOOK_EVERY_S", 0.0)
    with closing(Store.open(path)) as store, closing(Store.open(path)) as other:
        assert store.get(key(1)) is None
        for number in range(5):
            other.put(key(number), kept(number))
            assert store.get(key(number)) == kept(number)
        assert other.prune(model="claude") == 5  # which numbers the rows anew
        assert store.get(key(1)) is None
        other.put(key(9), kept(9))
        assert store.get(key(9)) == kept(9)


def test_of_a_store_with_too_many_keys_none_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_KEYS", 10)
    with closing(Store.open(path)) as store:
        for number in range(30):
            assert store.get(key(number)) is None
            store.put(key(number), kept(number))
        assert [store.get(key(number)) for number in range(30)] == [kept(number) for number in range(30)]
        assert store._keys is None
    with closing(Store.open(path)) as store:
        assert [store.get(key(number)) for number in range(31)] == [*(kept(n) for n in range(30)), None]


# -- several processes -----------------------------------------------------------------------------------------------

SIDE_BY_SIDE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import key, kept
from mmlubench.engine.store.sqlite import Store

while time.time() < float(sys.argv[3]):
    pass
store = Store.open(Path(sys.argv[2]))
for number in range(int(sys.argv[4]), int(sys.argv[4]) + 200):
    store.put(key(number), kept(number))
    assert store.get(key(number)) == kept(number)
print(store.notice)
store.close()
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_processes_that_start_together_share_one_file(path: Path, damaged: bool) -> None:
    if damaged:
        path.write_bytes(_hole(bytearray(fill(path, 150).read_bytes())))
    at = time.time() + 1.0
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                SIDE_BY_SIDE,
                str(Path(__file__).parent),
                str(path),
                str(at),
                str(200 * one),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in range(3)
    ]
    notices = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(bool(notice) for notice in notices) == damaged
    assert rows_of(path) == 600
    assert len(list(path.parent.glob("*.corrupt-*"))) == damaged


def test_what_one_process_keeps_another_finds(path: Path, store: Store) -> None:
    with closing(Store.open(path)) as other:
        other.put(key(1), kept(1))
        assert store.get(key(1)) == kept(1)


# -- files that cannot be used ---------------------------------------------------------------------------------------


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    fill(path, 3)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(UserError) as refused:
        Store.open(path)
    assert str(refused.value) == (
        f"{path} is a store of version 99, and this mmlubench knows versions up to {SCHEMA}: use a newer mmlubench, "
        "or give another file with --store PATH, or leave the store out with --no-store."
    )
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_database_of_another_program_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "cookies.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE cookies (name)")
    before = path.read_bytes()
    with pytest.raises(UserError, match="of another program, and is left as it is: give another file"):
        Store.open(path)
    assert path.read_bytes() == before


def _cut(data: bytearray) -> bytes:
    return bytes(data[: len(data) // 2])


def _hole(data: bytearray) -> bytes:
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    return bytes(data)


@pytest.mark.parametrize("damage", [_cut, _hole])
def test_a_damaged_store_is_set_aside_and_never_deleted(
    path: Path, damage: Callable[[bytearray], bytes]
) -> None:
    damaged = damage(bytearray(fill(path, 500).read_bytes()))
    path.write_bytes(damaged)
    with closing(Store.open(path)) as store:
        [aside] = path.parent.glob("store.sqlite.corrupt-*")
        assert aside.read_bytes() == damaged
        assert store.notice.startswith(f"the store {path} was damaged (")
        copied = store.stats()["rows"]
        assert store.notice.endswith(
            f"it is now {aside.name} beside it, and a new one was begun with the {copied} replies that could be read"
        )
        assert "\n" not in store.notice
        found = [number for number in range(500) if store.get(key(number)) is not None]
        assert len(found) == copied >= 220
        assert all(store.get(key(number)) == kept(number) for number in found)
        store.put(key(1), kept(1))
        assert store.get(key(1)) == kept(1)
    with closing(Store.open(path)) as store:
        assert store.notice == ""


def test_a_second_damage_in_the_same_second_keeps_both_files(path: Path) -> None:
    damaged = []
    for count in (200, 300):
        damaged.append(_hole(bytearray(fill(path, count).read_bytes())))
        path.write_bytes(damaged[-1])
        Store.open(path).close()
    assert sorted(file.read_bytes() for file in path.parent.glob("*.corrupt-*")) == sorted(damaged)


def test_the_log_of_a_killed_run_goes_with_the_damaged_file(path: Path, tmp_path: Path) -> None:
    # It holds the last replies: whoever repairs the file needs them.
    killed = tmp_path / "killed" / "store.sqlite"
    killed.parent.mkdir()
    fill(path, 500)
    with closing(Store.open(path)) as store:
        store.put(key(7777), kept(7777))
        killed.write_bytes(_hole(bytearray(path.read_bytes())))
        shutil.copy(path.with_name("store.sqlite-wal"), killed.parent)
    Store.open(killed).close()
    aside = b"".join(file.read_bytes() for file in killed.parent.glob("*.corrupt-*"))
    assert b"ANSWER: 7777" in aside
    assert sorted(file.name for file in killed.parent.iterdir())[0] == "store.sqlite"


@pytest.mark.parametrize("column", ["reply", "key"])
def test_an_answer_that_changed_on_disk_is_asked_for_again(path: Path, column: str) -> None:
    # SQLite notices no flipped bit, and a wrong letter cannot be told from a right one.
    fill(path, 10)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if column == "reply":
            db.execute(
                "UPDATE replies SET reply = CAST(replace(CAST(reply AS TEXT), 'ANSWER: 3', 'ANSWER: 4') AS BLOB)"
            )
        else:
            db.execute("DELETE FROM replies WHERE key = ?", (key(4),))
            db.execute("UPDATE replies SET key = ? WHERE key = ?", (key(4), key(3)))
    with closing(Store.open(path)) as store:
        found = [
            number for number in range(10) if (reply := store.get(key(number))) and reply == kept(number)
        ]
        assert found == [n for n in range(10) if n != 3 and (column == "reply" or n != 4)]
        assert store.get(key(3)) is None
        assert column == "reply" or store.get(key(4)) is None
        store.put(key(3), kept(3))
        assert store.get(key(3)) == kept(3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_log_costs_only_the_replies_behind_the_tear(path: Path, tmp_path: Path, share: float) -> None:
    torn = tmp_path / "torn" / "store.sqlite"
    torn.parent.mkdir()
    with closing(Store.open(path)) as store:
        for number in range(100):
            store.put(key(number), kept(number))
        shutil.copy(path, torn)
        log = path.with_name("store.sqlite-wal").read_bytes()
    # A log that was cut by a full disk or a power cut.
    torn.with_name("store.sqlite-wal").write_bytes(log[: int(share * len(log))])
    with closing(Store.open(torn)) as store:
        found = [number for number in range(100) if store.get(key(number)) == kept(number)]
        assert found == list(range(len(found)))
        assert len(found) >= int(share * 100) - 2
        assert store.notice == "" or not found
        store.put(key(500), kept(500))
        assert store.get(key(500)) == kept(500)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Root may write everywhere: do without its rights for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's own ones are closed to them."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def assert_unusable(path: Path, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        Store.open(path)
    assert str(refused.value) == (
        f"the store {path} cannot be opened ({reason}): give another file with --store PATH, "
        "or leave the store out with --no-store."
    )


def test_a_read_only_folder_ends_in_a_sentence(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with as_anybody():
        assert_unusable(public_folder / "store.sqlite", "Permission denied")
        assert_unusable(public_folder / "new" / "store.sqlite", "Permission denied")


def test_a_read_only_store_is_noticed_before_anything_is_paid_for(public_folder: Path) -> None:
    path = fill(public_folder / "store.sqlite", 3)
    path.chmod(0o444)
    with as_anybody(), pytest.raises(UserError, match=r"cannot be opened \(.*(readonly|unable)"):
        Store.open(path)


def test_a_path_that_cannot_be_ends_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert_unusable(tmp_path / "file" / "store.sqlite", "File exists")
    assert_unusable(tmp_path / "file" / "deeper" / "store.sqlite", "Not a directory")
    with pytest.raises(
        UserError, match=r"is a folder, and a file is needed: give another file with --store PATH"
    ):
        Store.open(tmp_path)


# -- a disk that is full, a file that is locked ----------------------------------------------------------------------


@contextmanager
def no_room(store: Store) -> Iterator[None]:
    """The operating system lets no file grow, as on a full disk or with a quota."""
    log = store.path.with_name(store.path.name + "-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_page_left(store: Store) -> Iterator[None]:
    """SQLite's own way to meet a disk that is full."""
    database = store._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages + 20}")
    yield
    database.execute("PRAGMA max_page_count = 1000000")


def fill_up(store: Store) -> None:
    for number in range(10_000):
        store.put(key(number), kept(number))


@pytest.mark.parametrize(
    ("trouble", "name"), [(no_room, "disk I/O error|full"), (no_page_left, "database or disk is full")]
)
def test_a_full_disk_is_told_and_costs_nothing_that_was_kept(
    path: Path, trouble: Callable[[Store], Any], name: str
) -> None:
    with closing(Store.open(path)) as store:
        with trouble(store):
            with pytest.raises(StoreError) as told:
                fill_up(store)
            written = rows_of(path)
            assert 5 < written < 1_000
            assert re.match(
                rf"the store {path} cannot be written \(({name})\): remove the cause", str(told.value)
            )
            assert "--store PATH" in str(told.value)
            with pytest.raises(StoreError):  # nobody may ask and pay as long as replies cannot be kept
                store.get(key(0))
            assert rows_of(path) == written
        # Room was made: what waited is written with the next one.
        store.put(key(20_000), kept(20_000))
        assert rows_of(path) == written + 2
    with closing(Store.open(path)) as store:
        assert store.notice == ""
        assert all(store.get(key(number)) == kept(number) for number in [*range(written + 1), 20_000])


def test_a_disk_that_fills_up_is_told_to_the_next_who_asks(path: Path) -> None:
    async def turns(store: Store) -> None:
        for number in range(1_000):  # at once: nothing is written yet, and nothing told
            store.put(key(number), kept(number))
        await asyncio.sleep(store_module._WRITE_EVERY_S)
        with pytest.raises(StoreError):
            store.get(key(5_000))
        with pytest.raises(StoreError):
            store.put(key(5_000), kept(5_000))
        await asyncio.sleep(0)
        with pytest.raises(StoreError):
            store.flush()

    store = Store.open(path)
    with no_room(store):
        asyncio.run(turns(store))
        with pytest.raises(StoreError, match="the replies in it are safe"):
            store.close()
    assert rows_of(path) == 0  # they are written as a whole


def test_a_file_that_stays_locked_is_told_and_written_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PATIENCE_S", 0.0)
    with closing(Store.open(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"cannot be written .*locked"):
            store.put(key(1), kept(1))
        other.execute("ROLLBACK")
        assert store.get(key(1)) == kept(1)
        assert rows_of(path) == 1


def test_a_file_that_is_locked_for_a_while_neither_stops_the_event_loop_nor_loses_a_reply(path: Path) -> None:
    async def turns(store: Store, other: sqlite3.Connection) -> int:
        other.execute("BEGIN IMMEDIATE")  # as `sqlite3 store.sqlite` leaves it while somebody thinks
        for number in range(20):
            store.put(key(number), kept(number))
            await asyncio.sleep(0)
            store.flush()  # as before each case is reported
            assert store.get(key(number)) == kept(number)
        tries = store._database.execute("SELECT 1")  # it can be read meanwhile
        assert tries.fetchone() == (1,)
        assert rows_of(path) == 0
        other.execute("ROLLBACK")
        for turn in range(200):
            await asyncio.sleep(0.02)
            if rows_of(path) == 20:
                return turn
        return -1

    with closing(Store.open(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        waits: list[float] = []
        spy(store, waits)
        assert asyncio.run(turns(store, other)) >= 0  # written without a further reply
        assert len(waits) <= 3  # and not tried for each of the 20 replies


def spy(store: Store, tries: list[float]) -> None:
    """Count the transactions that a store begins."""
    begin = store._database.transaction

    def counted() -> Any:
        tries.append(time.monotonic())
        return begin()

    store._database.transaction = counted  # type: ignore[method-assign]


def test_ctrl_c_in_the_middle_of_writing_leaves_a_store_that_goes_on(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    real = store._database.connection

    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def executemany(self, command: str, _rows: object) -> None:
            real.executemany(command, interrupted())

    monkeypatch.setattr(store._database, "connection", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        store.put(key(1), kept(1))
    monkeypatch.undo()
    store.put(key(2), kept(2))
    assert rows_of(path) == 2


def test_a_closed_store_can_be_closed_again_and_says_so_when_asked(path: Path) -> None:
    store = Store.open(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.get(key(1))


def test_damage_that_shows_during_a_run_says_what_to_do(path: Path) -> None:
    data = bytearray(fill(path, 500).read_bytes())
    path.write_bytes(_hole(data))
    with closing(Store.open(path, check=False)) as store:
        assert store.notice == ""
        with pytest.raises(StoreError, match=r"is damaged .*run again, which copies what can be read"):
            [store.get(key(number)) for number in range(500)]


def test_trouble_with_the_store_is_neither_the_users_nor_the_providers() -> None:
    assert issubclass(StoreError, MmluBenchError)
    assert not issubclass(StoreError, UserError)


# -- looking after it ------------------------------------------------------------------------------------------------


def test_stats_of_a_new_store(store: Store) -> None:
    stats = store.stats()
    assert stats.pop("bytes") > 0
    assert stats == {"rows": 0, "models": {}, "oldest": None, "newest": None}


def test_stats_count_by_model_largest_first(store: Store, path: Path) -> None:
    for number, label in enumerate(["qwen", "claude", "claude"]):
        store.put(key(number), kept(label=label, at=100.0 + number))
    stats = store.stats()
    assert list(stats["models"].items()) == [("claude", 2), ("qwen", 1)]
    assert (stats["rows"], stats["oldest"], stats["newest"]) == (3, 100.0, 102.0)
    assert stats["bytes"] >= path.stat().st_size


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({"older_than_s": 3_600}, {2, 3}),
        ({"model": "qwen"}, {0, 2}),
        ({"older_than_s": 3_600, "model": "qwen"}, {0, 2, 3}),
        ({"model": "unknown"}, {0, 1, 2, 3}),
    ],
)
def test_prune_forgets_what_was_chosen_and_nothing_else(
    store: Store, chosen: dict[str, Any], left: set[int]
) -> None:
    now = time.time()
    for number, (label, age) in enumerate([("claude", 7_200), ("qwen", 7_200), ("claude", 60), ("qwen", 60)]):
        store.put(key(number), kept(label=label, at=now - age))
    assert store.prune(**chosen) == 4 - len(left)
    assert {number for number in range(4) if store.get(key(number))} == left


def test_prune_gives_the_space_back(store: Store) -> None:
    for number in range(500):
        store.put(key(number), kept(number, at=float(number)))
    before = store.stats()["bytes"]
    assert store.prune(older_than_s=time.time() - 450) in (450, 451)
    assert store.stats()["bytes"] < before / 4


def test_prune_without_a_choice_forgets_nothing(store: Store) -> None:
    store.put(key(1), kept(1))
    with pytest.raises(UserError, match="nothing says which replies to delete"):
        store.prune()
    assert store.get(key(1)) == kept(1)


def test_prune_works_while_a_run_uses_the_store(store: Store, path: Path) -> None:
    for number in range(20):
        store.put(key(number), kept(number))
    with closing(Store.open(path)) as other:
        assert other.prune(model="claude") == 20
    store.put(key(50), kept(50))
    assert rows_of(path) == 1
