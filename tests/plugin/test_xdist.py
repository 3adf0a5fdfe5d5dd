"""`-n`: several processes, one run. Whoever adds `-n 2` must get the same figures and pay for nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: Each of these runs pytest in processes of its own, some of them several times.
pytestmark = pytest.mark.long

OTHER_TESTS = """
import pytest

@pytest.mark.parametrize("n", range(6))
def test_sum(n):
    assert n + n != 6
"""
TELLS_WHAT_IS_REPORTED = """
def pytest_mmlubench_case_finished(entry):  # called where the run is written
    with open("reported.txt", "a") as file:
        file.write(entry.id + "\\n")
"""
WAITS_FOR_THE_OTHER_WORKER = """
import asyncio
from pathlib import Path

import pytest
from mmlubench import Question

ROWS = [Question(f"towns/x/{n}", "towns", "x", "x", f"Which is no. {n}?", ("Paris", "Rome"), "A") for n in range(4)]

@pytest.mark.questions("towns", rows=ROWS)
async def test_towns(question, solver):
    answer = await solver(question)
    reported = Path("reported.txt")
    for _ in range(200 if question.id == "towns/x/1" else 0):  # at most ten seconds
        if reported.exists() and "towns/x/2" in reported.read_text():
            break
        await asyncio.sleep(0.05)
    else:
        assert question.id != "towns/x/1", "the last case of the other worker was not reported"
    assert answer.letter == question.answer
"""
WORKERS = (["-n", "2", "--dist", "worksteal"], ["-n", "4"])


@pytest.fixture(scope="module")
def plain(make_folder: Callable[..., Path], run_pytest: Callable[..., Any]) -> Any:
    return run_pytest(make_folder(), "--model", "mock")


def timeless(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in r.items() if name not in ("latency_s", "queued_s")} for r in records
    ]


@pytest.mark.parametrize("workers", WORKERS, ids=" ".join)
def test_the_files_of_a_run_do_not_tell_how_many_workers_wrote_them(
    workers: list[str], plain: Any, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    shared = run_pytest(make_folder(), "--model", "mock", *workers)
    assert shared.status == plain.status == 1  # some answers are wrong
    for name in ("requests", "responses", "results"):
        assert timeless(shared.lines(name)) == timeless(plain.lines(name))
    assert len(plain.outcomes()) == len(plain.lines("results")) == 120
    timed = ("duration_s", "latency")
    entries = [{k: v for k, v in run.entry.items() if k not in timed} for run in (shared, plain)]
    assert entries[0] == entries[1]
    count = plain.entry["outcomes"]
    for said in (
        f"correct {count['correct']} · wrong {count['wrong']} · unparsed {count['unparsed']}",
        f"{120 - count['correct']} failed, {count['correct']} passed in",
    ):
        assert said in plain.output
        assert said in shared.output


def test_workers_share_the_concurrency_and_ask_everything_once(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "60")
    options = ("--model", server.model, "--data", "sample", "--concurrency", "8")
    ran = run_pytest(make_folder(), *options, "-n", "2")
    stats = server.stats()
    assert (stats["total"], stats["unique_bodies"]) == (120, 120)
    assert 4 < stats["max_in_flight"] <= 8  # ahead of pytest, in every worker
    assert len(ran.lines("results")) == len(ran.outcomes()) == 120
    assert ran.entry["outcomes"]["error"] == 0


def test_workers_need_no_option_of_ours(
    plain: Any, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(), "-n", "2")
    assert timeless(ran.lines("results")) == timeless(plain.lines("results"))
    assert "MOCK" in ran.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--model", "nobody"], "--model nobody"),
        (["--recipe", "five_shot", "--shots", "9"], "9 worked examples"),
        (["--run-dir", "test_mmlu.py"], "--run-dir test_mmlu.py"),
        (["--dist", "each"], "--dist each asks every question once for each worker"),
    ],
    ids=["data", "model", "shots", "run-dir", "each"],
)
def test_a_mistake_is_told_once_and_leaves_nothing_behind(
    options: list[str], told: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    model = [] if "--model" in options else ["--model", "mock"]
    ran = run_pytest(make_folder(), "-n", "2", *model, *options)
    assert ran.status == 4
    errors = [line for line in ran.output.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert told in errors[0]
    assert ran.output.count(told) == 1
    assert "Traceback" not in ran.output
    assert ran.run_folders == []


def test_nothing_selected_is_said_as_in_a_plain_run(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder, select = make_folder(), ("--model", "mock", "-k", "mmlu and nobody")
    alone, shared = run_pytest(folder, *select), run_pytest(folder, *select, "-n", "2")
    (said,) = [line for line in alone.output.splitlines() if line.startswith("no case is selected")]
    assert said in shared.output
    assert alone.status == shared.status == 5
    assert shared.run_folders == []  # not even an empty one


def test_stopping_at_the_first_failure_stops_asking(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "100")
    options = ("--model", server.model, "--data", "sample", "--concurrency", "4")
    ran = run_pytest(make_folder(), *options, "-n", "2", "-x")
    assert ran.status == 2  # xdist's own way to say that it was stopped
    assert "stopping after 1 failures" in ran.output
    assert "INTERNALERROR" not in ran.output
    assert server.stats()["total"] < 40
    results = ran.lines("results")
    assert 1 <= len(results) < 30
    assert any(record["outcome"] == "wrong" for record in results)
    # What was answered and not graded was paid for, and is logged.
    assert len(results) <= len(ran.lines("responses")) <= server.stats()["total"]


def test_one_request_at_a_time_is_one_however_many_workers_there_are(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "10")
    options = ("--model", server.model, "--data", "sample", "--limit", "20", "--concurrency", "1", "-n", "2")
    ran = run_pytest(make_folder(), *options)
    assert len(ran.lines("results")) == 20
    assert (server.stats()["total"], server.stats()["max_in_flight"]) == (20, 1)


def test_a_worker_reports_its_last_case_while_others_still_work(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    # Held back until the others have come to their end, it would be missing in a run that is stopped meanwhile.
    folder = make_folder(test_mmlu=WAITS_FOR_THE_OTHER_WORKER, conftest=TELLS_WHAT_IS_REPORTED)
    ran = run_pytest(folder, "--model", "mock/A", "-n", "2")
    assert ran.outcomes() == {f"towns/x/{n}": "correct" for n in range(4)}


def test_ordinary_tests_beside_a_benchmark_stay_ordinary(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(test_sums=OTHER_TESTS), "-n", "2", "--model", "mock", "--limit", "20")
    wrong = sum(record["outcome"] != "correct" for record in ran.lines("results"))
    assert len(ran.lines("results")) == 20
    assert f"{wrong + 1} failed, {20 - wrong + 5} passed" in ran.output
    assert ran.entry["headline"]  # none of the cases is missing
    assert "assert (3 + 3) != 6" in ran.output  # a real failure keeps its traceback


def test_a_run_without_benchmarks_sees_nothing_of_us(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(test_sums=OTHER_TESTS), "-n", "2", "test_sums.py")
    assert ran.status == 1
    assert "1 failed, 5 passed" in ran.output
    assert ran.run_folders == []
    assert [line for line in ran.output.splitlines() if "mmlu" in line and "plugins:" not in line] == []
