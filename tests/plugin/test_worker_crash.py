"""A worker process that dies takes one case with it, and none of the others.

With many cases under way in one process, the case that pytest is at is almost never the one that crashed it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.figures import TIMES
from mmlubench.plugin.xdist import worker_state
from mmlubench.plugin.xdist.worker_state import WorkerState

#: Each of these runs pytest in processes of its own, some of them several times.
pytestmark = pytest.mark.long

CRASHES = """
import os
import pytest

@pytest.mark.questions("mmlu")
async def test_mmlu(question, solver):
    answer = await solver(question)
    if question.id in {ids}:
        os._exit(1)
    assert answer.letter == question.answer, answer.explanation
"""
ORDINARY_CRASH = """
import os

def test_crash():
    os._exit(1)
"""
FIRST_WORKER_DIES_IMPORTING = """
import os

if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
    os._exit(1)
"""
FIRST_WORKER_FAILS_IMPORTING = """
import os

if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
    raise RuntimeError("no such thing here")
"""
FIRST_WORKER_DIES_CONFIGURING = """
import os

def pytest_configure(config):
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        os._exit(1)
"""
EVERY_WORKER_DIES_CONFIGURING = """
import os

def pytest_configure(config):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os._exit(1)
"""
DIES_AFTER_A_REPORT = """
import os

is_worker = False

def pytest_configure(config):
    global is_worker
    is_worker = hasattr(config, "workerinput")

def pytest_runtest_logfinish(nodeid):  # the report is with the controller, and the word that the case is over is not
    if is_worker and "{case}" in nodeid:
        os._exit(1)
"""
FIRST_WORKER_DIES_COLLECTING = """
import os

def pytest_collection_modifyitems(items):
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        os._exit(1)
"""
FIRST_WORKER_DIES_WITH_ITS_SHARE = """
import os, time

def pytest_collection_finish(session):  # called after xdist's own, which tells the controller what was collected
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        time.sleep(1.5)  # the controller hands out the share
        os._exit(1)
"""
CAUSE = "the xdist worker that ran this case crashed"


def crashing(make_folder: Callable[..., Path], *ids: str) -> Path:
    return make_folder(test_mmlu=CRASHES.format(ids=ids))


def usages(ran: Any) -> list[dict[str, int]]:
    return [line["usage"] for line in ran.lines("responses") if "usage" in line]


def errors(ran: Any) -> dict[str, str]:
    return {r["id"]: r["error"] for r in ran.lines("results") if r["outcome"] == "error"}


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--refresh",), marks=pytest.mark.long)], ids=["", "refresh"]
)
def test_the_case_that_crashed_is_an_error_and_the_rest_is_graded(
    options: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "30")
    folder = crashing(make_folder, "mmlu/college_biology/0001")
    options = ("-n", "2", "--model", server.model, "--data", "sample", "--concurrency", "8", *options)
    ran = run_pytest(folder, *options)
    assert ran.status == 1
    assert errors(ran) == {"mmlu/college_biology/0001": CAUSE}
    assert len(ran.lines("results")) == len(ran.outcomes()) == 120
    assert f"1 {TIMES} {CAUSE}" in ran.output
    assert "1 error in" in ran.output
    record = next(r for r in ran.lines("results") if r["outcome"] == "error")
    assert (record["subject"], record["category"]) == ("college_biology", "stem")
    # Only what one worker had in flight or had not yet handed over is asked a second time.
    assert server.stats()["unique_bodies"] == 120
    assert server.stats()["total"] <= 120 + 2 * 4


def test_a_crash_does_not_buy_a_second_time_what_may_be_spent(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    # All 120 cost 1.08 dollars. Each worker may spend 0.2, and one crashes when it has spent most of it.
    server = start_server("--latency-ms", "20")
    folder = crashing(make_folder, "mmlu/business_ethics/0001")
    price = {"input_per_mtok": 100.0, "output_per_mtok": 100.0}
    entry = {"model_name": "vllm/fake", "base_url": f"http://127.0.0.1:{server.port}/v1", "price": price}
    (folder / "models.yaml").write_text(json.dumps({"models": {"dear": entry}}))
    options = ("--model", "dear", "--data", "sample", "--concurrency", "2", "--max-cost", "0.4", "-n", "2")
    ran = run_pytest(folder, *options)
    assert errors(ran) == {"mmlu/business_ethics/0001": CAUSE}
    assert ran.entry["outcomes"]["skipped"] > 0
    spent = sum(0.0001 * (u["input_tokens"] + u["output_tokens"]) for u in usages(ran))
    assert 0.3 < spent <= 0.4
    assert server.stats()["total"] <= len(usages(ran)) + 1  # the one that crashed


def test_several_crashes_are_told_apart(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    # The replies of the mock come at once: both cases crash while pytest is still at the first of all.
    ids = ("mmlu/anatomy/0001", "mmlu/astronomy/0000")
    ran = run_pytest(crashing(make_folder, *ids), "-n", "2", "--model", "mock")
    assert errors(ran) == dict.fromkeys(ids, CAUSE)
    assert len(ran.lines("results")) == len(ran.outcomes()) == 120
    assert f"2 {TIMES} {CAUSE}" in ran.output


def test_an_ordinary_test_that_crashes_costs_no_case(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(test_crash=ORDINARY_CRASH), "-n", "2", "--model", "mock")
    assert errors(ran) == {}
    assert len(ran.lines("results")) == len(ran.outcomes()) == 120
    assert "crashed while running 'test_crash.py::test_crash'" in ran.output
    assert ran.status == 1


@pytest.mark.parametrize(
    "conftest",
    [
        FIRST_WORKER_DIES_IMPORTING,
        FIRST_WORKER_FAILS_IMPORTING,
        FIRST_WORKER_DIES_CONFIGURING,
        FIRST_WORKER_DIES_COLLECTING,
        FIRST_WORKER_DIES_WITH_ITS_SHARE,
    ],
    ids=("importing", "import error", "configuring", "collecting", "with its share"),
)
def test_the_share_of_a_worker_that_never_began_is_run_by_its_replacement(
    conftest: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(conftest=conftest), "-n", "2", "--model", "mock")
    assert "replacing crashed worker gw0" in ran.output
    assert len(ran.lines("results")) == len(ran.outcomes()) == 120
    assert errors(ran) == {}


def test_where_no_worker_lives_to_run_a_case_the_run_ends_and_says_why(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    # "No case is selected" would send the user to look for a mistake in -k.
    ran = run_pytest(make_folder(conftest=EVERY_WORKER_DIES_CONFIGURING), "-n", "2", "--model", "mock")
    assert "no case was run, as workers crashed before they ran any: what they wrote may stand above." in (
        ran.output.splitlines()
    )
    assert "no case is selected" not in ran.output
    assert "INTERNALERROR" not in ran.output
    assert ran.status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    assert ran.run_folders == []


@pytest.mark.parametrize("crashed", ["0000", "0001"])
def test_more_workers_than_cases_survive_a_crash(crashed: str, folder: Any) -> None:
    # A worker without a share, and a replacement without one, must end as well: the run would hang.
    folder.own_benchmark(count=2, before=f"import os\nif question.id.endswith('{crashed}'): os._exit(1)")
    result = folder.run_apart("-k", "capitals", "--model", "mock/A", "-n", "4")
    assert {line["id"][-4:]: line["outcome"] for line in folder.lines("results")} == {
        name: "error" if name == crashed else "correct" for name in ("0000", "0001")
    }
    assert "INTERNALERROR" not in result.stdout.str()


@pytest.mark.parametrize("case", ["0000", "0002", "0004"])
def test_a_case_that_was_reported_just_before_the_crash_is_there_once(case: str, folder: Any) -> None:
    folder.own_benchmark(count=6)
    folder.write("conftest.py", DIES_AFTER_A_REPORT.format(case=case))
    folder.run_apart("-k", "capitals", "--model", "mock/A", "-n", "2")
    results = [(line["id"][-4:], line["outcome"]) for line in folder.lines("results")]
    assert results == [(f"{n:04d}", "correct") for n in range(6)]
    assert folder.entry()["n"] == 6


def test_where_workers_may_not_be_replaced_the_run_ends_and_says_so(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder = crashing(make_folder, "mmlu/anatomy/0001")
    ran = run_pytest(folder, "-n", "2", "--model", "mock", "--max-worker-restart", "0")
    assert ran.status == 1
    assert "worker restarting disabled" in ran.output
    assert errors(ran) == {"mmlu/anatomy/0001": CAUSE}
    assert len(ran.lines("results")) == len(ran.outcomes()) < 120


# -- how a worker tells, after its death, which case it ran ---------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    worker_state.blank(tmp_path / "box")
    return tmp_path / "box"


def test_the_case_that_goes_on_is_the_one_that_is_noted(file: Path) -> None:
    box = WorkerState(file)
    seen: list[int | None] = []

    async def case(naps: int) -> str:
        for _ in range(naps):
            await asyncio.sleep(0)
            seen.append(worker_state.last_noted(file))
        return f"{naps} naps"

    async def both() -> list[str]:
        return list(await asyncio.gather(box.watch(7, case(2)), box.watch(8, case(2))))

    assert asyncio.run(both()) == ["2 naps", "2 naps"]
    assert seen == [7, 8, 7, 8]
    box.note()  # back in pytest's hands: no case is to blame
    assert worker_state.last_noted(file) is None


def test_a_watched_case_raises_and_is_cancelled_as_ever(file: Path) -> None:
    box = WorkerState(file)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("wrong")

    async def tidies_up(done: list[str]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            done.append("tidied up")

    async def cancelled() -> list[str]:
        done: list[str] = []
        task = asyncio.ensure_future(box.watch(1, tidies_up(done)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return done

    with pytest.raises(ValueError, match="wrong"):
        asyncio.run(box.watch(1, fails()))
    assert asyncio.run(cancelled()) == ["tidied up"]


def test_a_worker_that_has_run_nothing_is_known(file: Path) -> None:
    assert worker_state.has_begun(file)  # not known yet: on another host the file stays as it is
    box = WorkerState(file)
    assert not worker_state.has_begun(file)
    assert worker_state.last_noted(file) is None
    box.note()
    assert worker_state.has_begun(file)


def test_nothing_is_known_of_a_worker_on_another_host(tmp_path: Path) -> None:
    assert worker_state.last_noted(tmp_path / "missing") is None
    assert worker_state.has_begun(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        WorkerState(tmp_path / "missing")


def test_the_word_to_stop_reaches_a_worker_and_leaves_its_note(file: Path) -> None:
    box = WorkerState(file)
    box.note(2**40)
    assert not box.must_stop
    worker_state.stop(file)
    assert box.must_stop
    assert worker_state.last_noted(file) == 2**40
