"""Ends that nobody planned: what was paid for is kept, the user reads a sentence, and the run can go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.store.sqlite import Store
from tests.fake_server import FakeServer, Reply
from tests.plugin.sums import sums

#: Much of this runs pytest in processes of its own, and stops it.
pytestmark = pytest.mark.long

#: Where workers add little but seconds: `.ci/run` runs them all.
WORKERS_LATER = pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["plain", "n2"]
)
NOISE = ("Traceback", "INTERNALERROR", "Task was destroyed", "never awaited", "Exception ignored")
#: In a folder's conftest.py: no file may grow beyond so many bytes, as on a disk that is full.
FULL = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"


def kept(folder: Path) -> int:
    """How many answers the store has."""
    store = Store.open(folder / "reports" / "store.sqlite")
    try:
        assert not store.notice  # whole
        return int(store.stats()["rows"])
    finally:
        store.close()


def assert_quiet(output: str) -> None:
    for noise in NOISE:
        assert noise not in output


# -- signals


@pytest.mark.parametrize(
    ("group", "workers"),
    [(True, ()), (True, ("-n", "2")), pytest.param(False, ("-n", "2"), marks=pytest.mark.long)],
    ids=["plain", "n2", "only-the-controller"],
)
def test_sigterm_ends_a_run_as_ctrl_c_does(
    group: bool,
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server("--latency-ms", "200"), make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4", *workers)
    running = start_pytest(folder, *options)
    server.wait_for(requests=17)
    if group:  # as systemd does it
        os.killpg(running.process.pid, signal.SIGTERM)
    else:
        running.process.send_signal(signal.SIGTERM)
    ran = running.wait(timeout_s=20)
    assert ran.status == pytest.ExitCode.INTERRUPTED
    assert_quiet(ran.output)
    assert "SIGTERM" in ran.output
    assert f"run folder: reports/{ran.run_folders[0].name}" in ran.output
    asked = server.stats()["total"]
    assert asked < 60
    # Those under way were waited for: every answer is logged and in the store.
    answers = [record for record in ran.lines("responses") if "completion" in record]
    assert len(answers) == asked == kept(folder)
    assert 8 <= len(ran.lines("results")) == ran.entry["n"]


def test_ctrl_c_in_the_midst_of_work_harms_no_request(
    make_folder: Callable[..., Path], start_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    # The loop is busy nearly all the time: raised where it happens to be, it would hit a request most of the time.
    server, folder = start_server("--latency-ms", "1"), make_folder(test_mmlu=sums(4000))
    running = start_pytest(folder, "--model", server.model, "--concurrency", "64")
    server.wait_for(requests=300)
    running.interrupt(group=True)
    ran = running.wait(timeout_s=20)
    assert ran.status == pytest.ExitCode.INTERRUPTED
    assert_quiet(ran.output)
    asked = server.stats()["total"]
    assert asked < 4000
    assert len(ran.lines("responses")) == asked == kept(folder)


#: In a folder's conftest.py: those under way get so long that only a second Ctrl-C can end a run in time.
PATIENT = """
from mmlubench.plugin import session
from mmlubench.plugin.xdist import controller
session.DRAIN_S = controller.DRAIN_S = 600.0
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_second_ctrl_c_stops_at_once_and_still_writes_everything(
    workers: tuple[str, ...], make_folder: Callable[..., Path], start_pytest: Callable[..., Any]
) -> None:
    with FakeServer(*["ok"] * 4, always=Reply(wait_s=600)) as server:  # four are answered, and no other
        options = ("--model", f"vllm/fake@{server.url}", "--data", "sample", "--concurrency", "4")
        running = start_pytest(make_folder(conftest=PATIENT), *options, *workers)
        server.wait_for(requests=8)
        said = read_until(
            running, lambda: running.interrupt(group=True), "Press Ctrl-C again to wait for none"
        )
        said += read_until(running, lambda: running.interrupt(group=True), "nothing more is waited for")
        ran = running.wait(timeout_s=60)
    assert ran.status == pytest.ExitCode.INTERRUPTED
    assert_quiet(said + ran.output)
    assert len(ran.lines("results")) == ran.entry["n"] == 4 <= kept(ran.folder)
    assert f"run folder: reports/{ran.run_folders[0].name}" in ran.output


def read_until(running: Any, do: Callable[[], object], text: str) -> str:
    """Do something, and read what a run prints up to this text."""
    do()
    said = ""
    for line in running.process.stdout:
        said += line
        if text in line:
            return said
    pytest.fail(f"{text!r} was not said:\n{said}")


#: In a folder's conftest.py: a signal to the run itself, and to no worker, at the end.
LATE = """
import os, signal, time
import pytest

@pytest.hookimpl(trylast=True)
def pytest_mmlubench_run_finished(run):
    os.kill(os.getpid(), signal.SIG{name})
    time.sleep(0.1)

@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary():
    os.kill(os.getpid(), signal.SIG{name})
"""


@WORKERS_LATER
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_signal_while_the_end_is_written_takes_nothing_from_it(
    name: str,
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
) -> None:
    folder = make_folder(conftest=LATE.format(name=name))
    ran = run_pytest(folder, "--model", "mock/A", "--limit", "20", *workers)
    assert ran.status == pytest.ExitCode.TESTS_FAILED
    assert_quiet(ran.output)
    assert "the results are being written, one moment" in ran.output
    assert "accuracy" in ran.output
    assert f"run folder: reports/{ran.run_folders[0].name}" in ran.output
    assert ran.entry["n"] == 20
    assert ran.output.rstrip().splitlines()[-1].startswith("=")  # pytest's own last line


def test_a_stopped_run_names_the_command_that_goes_on_and_that_works_as_printed(
    make_folder: Callable[..., Path], start_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "200")
    folder = make_folder() / "a folder; with 'signs'"
    shutil.copytree(folder.parent, folder)
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4", "--run-dir", "my $HOME")
    running = start_pytest(folder, *options)
    server.wait_for(requests=17)
    said = read_until(running, lambda: running.interrupt(group=True), "those under way get 5 s to end")
    assert "Ctrl-C: no further request is sent" in said
    ran = running.wait(timeout_s=30)
    asked = server.stats()["total"]
    (command,) = (line for line in ran.output.splitlines() if line.startswith("to go on: "))
    again = subprocess.run(
        command.removeprefix("to go on: "),
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "n = 120" in again.stdout, again
    assert server.stats()["total"] == 120 > asked
    assert "to go on:" not in again.stdout


# -- no room


@WORKERS_LATER
def test_a_full_disk_is_a_sentence_and_the_store_goes_on_when_there_is_room(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "5")
    folder = make_folder(conftest=FULL.format(size=90_000))
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4", *workers)
    ran = run_pytest(folder, *options)
    assert ran.status not in (0, 1)
    assert_quiet(ran.output)
    assert ran.output.count("the store reports/store.sqlite cannot be written (") == 1
    assert "the replies in it are safe" in ran.output
    assert "accuracy" in ran.output
    bought = server.stats()["total"]
    assert bought < 120
    safe = kept(folder)
    assert bought - 2 * 4 <= safe <= bought

    (folder / "conftest.py").unlink()
    again = run_pytest(folder, *options)
    assert server.stats()["total"] == bought + 120 - safe
    assert "120 cases" in again.output or "n = 120" in again.output


@WORKERS_LATER
def test_a_full_disk_without_a_store_says_what_cannot_be_written(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "5")
    folder = make_folder(conftest=FULL.format(size=50_000))
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4", "--no-store", *workers)
    ran = run_pytest(folder, *options)
    assert ran.status not in (0, 1)
    assert_quiet(ran.output)
    assert ran.output.count("cannot be written (File too large)") == 1
    assert "asks every case again, as --no-store keeps no reply" in ran.output
    assert "accuracy" in ran.output


def test_a_disk_that_is_really_full(
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
    tmp_path: Path,
) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tmp_path], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        server, folder = start_server("--latency-ms", "5"), make_folder()
        options = (
            "--model",
            server.model,
            "--data",
            "sample",
            "--run-dir",
            str(tmp_path),
            "--concurrency",
            "4",
        )
        ran = run_pytest(folder, *options)
        assert ran.status not in (0, 1)
        assert_quiet(ran.output)
        assert "cannot be written" in ran.output
        assert "accuracy" in ran.output
        bought = server.stats()["total"]
        assert bought < 120
        for run in (path for path in tmp_path.iterdir() if path.is_dir()):
            for file in run.iterdir():
                file.unlink()
        subprocess.run(["mount", "-o", "remount,size=4m", tmp_path], check=True)
        run_pytest(folder, *options)
        assert server.stats()["total"] <= 120 + 2 * 4
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.parametrize("name", ["requests", "responses", "results", "summary"])
def test_no_room_for_one_of_the_files_is_a_sentence_and_the_answers_are_safe(
    name: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    # /dev/full takes nothing: the real error of a full disk, for this file alone.
    server = start_server("--latency-ms", "5")
    folder = make_folder(conftest=NO_ROOM.format(name=name))
    options = ("--model", server.model, "--data", "sample", "--limit", "40", "--concurrency", "4")
    ran = run_pytest(folder, *options)
    assert ran.status not in (0, 1)
    assert_quiet(ran.output)
    assert ran.output.count("cannot be written (No space left on device)") == 1
    assert "and run the same command again, which asks only the failed cases" in ran.output
    assert "accuracy" in ran.output
    (folder / "conftest.py").unlink()
    assert kept(folder) == server.stats()["total"]
    again = run_pytest(folder, *options)
    assert server.stats()["total"] == 40
    assert "n = 40" in again.output


#: In a folder's conftest.py: the file of that name is one to which nothing can be written.
NO_ROOM = """
from mmlubench import jsonl

def full(path, flags, opener=jsonl.opener):
    return opener("/dev/full" if {name!r} in str(path) else path, flags & ~__import__("os").O_EXCL)

jsonl.opener = full
"""


@pytest.mark.parametrize("what", ["reports/2*", "reports"], ids=["run-folder", "reports"])
def test_a_folder_that_is_deleted_in_the_middle_is_a_sentence_and_loses_no_answer(
    what: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "5")
    folder = make_folder(
        conftest="import shutil, pathlib\n"
        "done = []\n"
        "def pytest_runtest_logfinish(nodeid):\n"
        "    done.append(nodeid)\n"
        "    if len(done) == 20:\n"
        f"        for path in list(pathlib.Path('.').glob({what!r})):\n"
        "            shutil.rmtree(path)\n"
    )
    ran = run_pytest(folder, "--model", server.model, "--data", "sample", "--limit", "40")
    assert ran.status not in (0, 1)
    assert_quiet(ran.output)
    assert "cannot be written (No such file or directory)" in ran.output
    assert "accuracy" in ran.output
    assert ("was deleted or renamed while the run went on: it was made anew" in ran.output) == (
        what == "reports"
    )
    assert kept(folder) == server.stats()["total"] == 40
    (folder / "conftest.py").unlink()
    again = run_pytest(folder, "--model", server.model, "--data", "sample", "--limit", "40")
    assert "n = 40" in again.output
    assert server.stats()["total"] == 40


@pytest.mark.parametrize(
    "more", [(), ("--log-compression", "zstd"), ("-n", "2")], ids=["plain", "zstd", "n2"]
)
def test_a_run_folder_that_is_deleted_ends_the_run_at_the_next_flush(
    more: tuple[str, ...],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder = start_server("--latency-ms", "300"), make_folder()
    options = ("--model", server.model, "--data", "sample", "--concurrency", "2", *more)
    running = start_pytest(folder, *options)
    server.wait_for(10)
    shutil.rmtree(next(path for path in (folder / "reports").iterdir() if path.is_dir()))
    ran = running.wait(timeout_s=30)
    assert ran.status not in (0, 1)
    assert_quiet(ran.output)
    assert "cannot be written (No such file or directory)" in ran.output
    assert server.stats()["total"] < 60  # it does not go on for nobody
    assert kept(folder) == server.stats()["total"]


# -- nobody reads


@WORKERS_LATER
def test_a_closed_stdout_is_no_flood_and_costs_no_answer(
    workers: tuple[str, ...], make_folder: Callable[..., Path], start_server: Callable[..., Any]
) -> None:
    server, folder = start_server("--latency-ms", "20"), make_folder()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--model", server.model]
    options = ["--data", "sample", "--concurrency", "4", *workers]
    with subprocess.Popen(
        [*command, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        server.wait_for(12)
        process.stdout.close()  # as `| head -1` does it
        said = process.stderr.read()
        status = process.wait(30)
    assert status != 0
    assert server.stats()["total"] < 60  # it does not go on for nobody
    assert_quiet(said)
    assert len(said.splitlines()) <= 2, said
    assert kept(folder) == server.stats()["total"]
