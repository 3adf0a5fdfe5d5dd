"""The store: what was answered is never asked again, whatever ended the run before.

The server tells: it counts all requests and, by their bodies, the different ones. Each question is a body of its own,
so the difference is what was asked again.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.store.sqlite import SCHEMA, Store

#: Each of these runs pytest in processes of its own, some of them several times.
pytestmark = pytest.mark.long

BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
SUMS = """
import pytest
from mmlubench import Question

ROWS = [
    Question(f"sums/addition/{{n:04}}", "sums", "addition", "stem", f"{{n}} + 1 = ?", ("1", "2", "3", "4"), "A")
    for n in range({count})
]

@pytest.mark.questions("sums", rows=ROWS)
async def test_sums(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""
SAMPLE = ("--data", "sample", "--limit", "20")


def content(ran: Any) -> list[dict[str, Any]]:
    """What `results.jsonl` says, but for how long each purchase took."""
    return [
        {name: value for name, value in line.items() if name != "latency_s"} for line in ran.lines("results")
    ]


def newest(ran: Any) -> bytes:
    return bytes((ran.run_folders[-1] / "results.jsonl").read_bytes())


def newest_entry(ran: Any) -> dict[str, Any]:
    (entry,) = json.loads((ran.run_folders[-1] / "summary.json").read_text())["results"]
    return dict(entry)


def asked_again(server: Any) -> int:
    stats = server.stats()
    return int(stats["total"] - stats["unique_bodies"])


@pytest.fixture
def asked_by(run_pytest: Callable[..., Any]) -> Callable[..., tuple[Any, int]]:
    """Run pytest, and tell how many requests it sent."""

    def run(server: Any, folder: Path, *options: str) -> tuple[Any, int]:
        before = server.stats()["total"]
        ran = run_pytest(folder, "--model", server.model, *options)
        return ran, server.stats()["total"] - before

    return run


# -- killed


def kill_at_some_moment(running: Any, server: Any, chance: random.Random) -> None:
    """Kill -9 the run and all its workers, while it starts, while it asks, or in between."""
    goal = server.stats()["total"] + chance.choice((0, 1, 5, 40, 80))
    end = time.monotonic() + 30
    while server.stats()["total"] < goal and running.process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(chance.random() * 0.25)
    running.kill()


def kill_twenty_times(
    folder: Path, server: Any, options: tuple[str, ...], start_pytest: Callable[..., Any]
) -> None:
    """After each kill: nothing was asked again beyond what was in flight at one of the kills."""
    chance = random.Random(20)
    for kills in range(1, 21):
        running = start_pytest(folder, "--model", server.model, *options)
        kill_at_some_moment(running, server, chance)
        output = running.process.communicate()[0]
        assert running.process.returncode == -9, output  # killed, and not ended by itself
        assert "damaged" not in output
        assert asked_again(server) <= kills * 16


@pytest.mark.long
@BOTH
def test_a_run_that_is_killed_twenty_times_pays_for_no_answer_twice_and_ends_as_if_undisturbed(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server = start_server("--latency-ms", "60", "--max-seconds", "300")
    files = {"test_mmlu": SUMS.format(count=3000)}
    folder, calm = make_folder(**files), make_folder(**files)
    options = ("--concurrency", "16", *workers)
    kill_twenty_times(folder, server, options, start_pytest)
    killed = {path.name for path in (folder / "reports").iterdir() if path.is_dir()}

    ran, _ = asked_by(server, folder, *options)
    stats = server.stats()
    assert stats["unique_bodies"] == 3000
    assert asked_again(server) <= 20 * 16
    (last,) = (path for path in ran.run_folders if path.name not in killed)
    ended = [json.loads(line) for line in (last / "results.jsonl").read_text().splitlines()]
    assert newest_entry(ran)["stored"] > 0

    again, asked = asked_by(server, folder, *options)
    assert asked == 0
    assert newest(again) == (last / "results.jsonl").read_bytes()

    undisturbed = run_pytest(calm, "--model", server.model, *options, "--concurrency", "64")
    for line in ended:
        del line["latency_s"]
    assert ended == content(undisturbed)


# -- two at once


@BOTH
def test_two_runs_at_once_on_one_store_buy_each_answer_once_and_end_with_the_same(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server("--latency-ms", "300"), make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "8", *workers)
    first = start_pytest(folder, *options)
    server.wait_for(10)
    second = start_pytest(folder, *options)
    outputs = [running.wait(timeout_s=90).output for running in (first, second)]
    assert all("n = 120" in output for output in outputs)
    assert server.stats()["total"] == 120
    assert "uses the store reports/store.sqlite now: each question is asked by one of the two" in outputs[1]
    assert "uses the store" not in outputs[0]
    one, two = ((run / "results.jsonl").read_bytes() for run in (folder / "reports").glob("2*"))
    assert one == two


@BOTH
def test_a_run_goes_on_alone_when_the_other_on_its_store_is_killed(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server("--latency-ms", "300"), make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "8", *workers)
    first, second = (start_pytest(folder, *options) for _ in range(2))
    server.wait_for(40)
    first.kill()
    assert "n = 120" in second.wait(timeout_s=60).output
    assert asked_again(server) <= 8


# -- run again


def test_a_finished_run_run_again_asks_nothing_and_writes_the_same(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    first, asked = asked_by(server, folder, *SAMPLE)
    assert asked == 20
    again, asked = asked_by(server, folder, *SAMPLE)
    assert asked == 0
    assert again.status == first.status
    one, two = again.run_folders
    assert (one / "results.jsonl").read_bytes() == (two / "results.jsonl").read_bytes()
    assert newest_entry(again)["stored"] == newest_entry(again)["requests"] == 20
    assert "20 answered by the store" in again.output
    responses = [json.loads(line) for line in (two / "responses.jsonl").read_text().splitlines()]
    assert all(record["stored"] for record in responses)


def test_another_number_of_workers_or_a_larger_choice_uses_the_same_answers(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    assert asked_by(server, folder, "--data", "sample", "--subject", "anatomy", "-n", "2")[1] > 1
    before = server.stats()["total"]
    assert asked_by(server, folder, "--data", "sample")[1] == 120 - before
    # Another prompt is another question.
    ran, asked = asked_by(server, folder, *SAMPLE, "--system", "Think of it.")
    assert asked == 20
    assert newest_entry(ran)["stored"] == 0


def test_what_failed_is_asked_again_and_nothing_else(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server = start_server("--latency-ms", "5", "--error-rate", "0.3", "--error-codes", "422")
    folder = make_folder()
    first, asked = asked_by(server, folder, "--data", "sample", "--concurrency", "2")
    failed = newest_entry(first)["outcomes"]["error"]
    assert 10 < failed < asked
    again, asked = asked_by(server, folder, "--data", "sample", "--concurrency", "2")
    assert asked == failed
    assert newest_entry(again)["stored"] == 120 - failed


def test_refresh_asks_everything_anew_and_keeps_the_new_answers(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    asked_by(server, folder, *SAMPLE)
    fresh, asked = asked_by(server, folder, *SAMPLE, "--refresh")
    assert asked == 20
    assert newest_entry(fresh)["stored"] == 0
    bought = newest(fresh)
    again, asked = asked_by(server, folder, *SAMPLE)
    assert asked == 0
    assert newest(again) == bought  # with the waits of the second purchase, not of the first


def test_a_clock_that_is_set_back_buys_nothing_twice_and_a_refresh_is_one(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    assert asked_by(server, folder, *SAMPLE)[1] == 20
    (folder / "conftest.py").write_text(SET_BACK)
    assert asked_by(server, folder, *SAMPLE)[1] == 0
    assert asked_by(server, folder, *SAMPLE, "--refresh")[1] == 20
    newest = max((folder / "reports").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    begun = datetime.fromisoformat(json.loads(newest.read_text())["created"]).timestamp()
    # As `mmlubench resume` does it.
    assert asked_by(server, folder, *SAMPLE, f"--mmlubench-refresh-since={begun:.3f}")[1] == 0
    assert asked_by(server, folder, *SAMPLE)[1] == 0
    (folder / "conftest.py").unlink()
    assert asked_by(server, folder, *SAMPLE, "--refresh")[1] == 20


#: In a folder's conftest.py: the clock goes back by an hour, and by another one a moment after the run began.
SET_BACK = """
import time
real = time.time
calls = []

def behind():
    calls.append(1)
    return real() - 3600 * (1 if len(calls) < 5 else 2)

time.time = behind
"""


def test_no_store_neither_reads_nor_writes_one(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    assert asked_by(server, folder, *SAMPLE, "--no-store")[1] == 20
    assert not list(folder.rglob("*.sqlite*"))
    assert asked_by(server, folder, *SAMPLE)[1] == 20
    assert asked_by(server, folder, *SAMPLE, "--no-store")[1] == 20


def test_a_store_elsewhere_is_shared_by_run_folders(
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
    tmp_path: Path,
) -> None:
    server, common = start_server("--latency-ms", "5"), ("--store", str(tmp_path / "deep" / "common.db"))
    one, another = make_folder(), make_folder()
    assert asked_by(server, one, *SAMPLE, *common)[1] == 20
    ran, asked = asked_by(server, another, *SAMPLE, *common, "--run-dir", "elsewhere")
    assert asked == 0
    assert "run folder: elsewhere/" in ran.output
    assert not list(one.rglob("*.sqlite*")) + list(another.rglob("*.sqlite*"))


@BOTH
def test_where_nothing_is_selected_no_store_is_made(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server(), make_folder()
    ran = run_pytest(folder, "--model", server.model, "--data", "sample", "-k", "mmlu and nobody", *workers)
    assert ran.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not [path for path in (folder / "reports").rglob("*") if path.is_file()]


# -- a store that cannot be used


def assert_refused(ran: Any, server: Any) -> str:
    """One sentence, exit status 4, nothing asked, no run folder."""
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in ran.output.splitlines() if line.strip()]
    assert "Traceback" not in ran.output
    assert server.stats()["total"] == 0
    assert not ran.run_folders
    return str(sentence)


@BOTH
def test_a_store_of_a_newer_version_is_refused_in_a_sentence(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server(), make_folder()
    Store.open(folder / "reports" / "store.sqlite").close()
    with sqlite3.connect(folder / "reports" / "store.sqlite") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.close()
    sentence = assert_refused(run_pytest(folder, "--model", server.model, *SAMPLE, *workers), server)
    assert f"is a store of version {SCHEMA + 1}" in sentence
    assert "--no-store" in sentence


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-q",)], ids=["plain", "n2", "quiet"])
def test_a_damaged_store_is_set_aside_and_the_run_goes_on(
    options: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_server: Callable[..., Any],
    asked_by: Callable[..., tuple[Any, int]],
) -> None:
    server, folder = start_server("--latency-ms", "5"), make_folder()
    store = folder / "reports" / "store.sqlite"
    Store.open(store).close()
    damaged = bytearray(store.read_bytes())
    damaged[100:4000] = b"\xff" * 3900
    store.write_bytes(damaged)

    ran, asked = asked_by(server, folder, *SAMPLE, *options)
    assert asked == 20
    (told,) = [line for line in ran.output.splitlines() if "was damaged" in line]
    (aside,) = (folder / "reports").glob("store.sqlite.corrupt-*")
    assert told.startswith("mmlubench: the store ")
    assert aside.name in told
    assert aside.read_bytes() == damaged
    with sqlite3.connect(store) as db:
        assert db.execute("SELECT count(*) FROM replies").fetchone() == (20,)
    db.close()


@BOTH
@pytest.mark.parametrize("run_dir", ["a-file", "/sys"])
def test_a_run_dir_that_cannot_be_written_is_named_and_not_the_store_in_it(
    run_dir: str,
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    if not Path("/sys").is_dir():
        pytest.skip("needs a folder that not even root can write to: /sys of Linux")
    server, folder = start_server(), make_folder()
    (folder / "a-file").write_text("in the way")
    options = ("--model", server.model, *SAMPLE, "--run-dir", run_dir, *workers)
    sentence = assert_refused(run_pytest(folder, *options), server)
    assert f"--run-dir {run_dir}: cannot be written" in sentence
    assert "--store" not in sentence


def test_a_store_that_cannot_be_opened_is_named_by_its_own_option(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server, folder = start_server(), make_folder()
    ran = run_pytest(folder, "--model", server.model, *SAMPLE, "--store", str(folder))
    assert f"the store {folder} is a folder, and a file is needed" in assert_refused(ran, server)


@BOTH
def test_a_store_that_cannot_be_made_is_told_before_anything_is_asked(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server(), make_folder()
    (folder / "a-file").write_text("in the way")
    path = folder / "a-file" / "store.sqlite"
    ran = run_pytest(folder, "--model", server.model, *SAMPLE, "--store", str(path), *workers)
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    assert ran.output.count(f"the store {path} cannot be opened") == 1
    assert "Traceback" not in ran.output
    assert (server.stats()["total"], ran.run_folders) == (0, [])
