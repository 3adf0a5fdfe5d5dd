"""--cluster ray on a real local cluster of two nodes: a run there is the plain run, whatever dies while it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest

from perf.local_ray import LocalRay
from tests.conftest import ROOT, Running
from tests.fake_server import FakeServer

pytestmark = pytest.mark.cluster

#: What differs from run to run: how long requests took and waited.
TIMES = re.compile(rb'"(latency_s|queued_s|rested_s|waited_s|at|time|sent_at)":[0-9.e+-]+')
BENCHMARK = """
import pytest
from mmlubench import Question

ROWS = [
    Question(f"rivers/x/{{n:04d}}", "rivers", "x", "y", f"Which is no. {{n}}?", ("Elbe", "Rhine"), "AB"[n % 2])
    for n in range({count})
]

@pytest.mark.questions("rivers", rows=ROWS)
async def test_rivers(question, solver):
    assert (await solver(question)).letter == question.answer
"""
LATENCY_S = 0.25


@pytest.fixture(scope="module")
def ray():
    with LocalRay(nodes=2, cpus=2, env={"PYTHONPATH": str(ROOT)}) as cluster:
        yield cluster


@pytest.fixture
def server():
    with FakeServer(latency_s=LATENCY_S) as server:
        yield server


class Project:
    """A folder with a benchmark of so many questions, and runs in it."""

    def __init__(self, path, ray, server):
        self.path, self._ray, self._server = path, ray, server
        path.joinpath("pytest.ini").write_text(
            "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
        )

    def ask(self, count):
        self.path.joinpath("test_rivers.py").write_text(BENCHMARK.format(count=count))

    def start(self, *options, plain=False, env=None):
        words = ["-k", "rivers"]
        if "--model" not in options:
            words += ["--model", f"vllm/fake@{self._server.url}"]
        if not plain:
            words += ["--cluster", "ray", "--cluster-address", self._ray.address]
        return Running(
            self.path, *words, *options, env={**self._ray.env, "PYTHONPATH": str(ROOT), **(env or {})}
        )

    def run(self, *options, plain=False, env=None, timeout_s=150):
        return self.start(*options, plain=plain, env=env).wait(timeout_s)

    def asked(self):
        """When each request was asked, by its body."""
        asked = defaultdict(list)
        for request in self._server.requests:
            asked[request.content].append(request.at)
        return asked

    def wait_for(self, running, requests, timeout_s=90):
        end = time.monotonic() + timeout_s
        while len(self._server.requests) < requests:
            if running.process.poll() is not None or time.monotonic() > end:
                pytest.fail(running.wait(5).output)
            time.sleep(0.05)


@pytest.fixture
def project(tmp_path, ray, server):
    return Project(tmp_path, ray, server)


def lines(ran, name, under="reports"):
    (run,) = [path for path in (ran.folder / under).iterdir() if path.joinpath("summary.json").is_file()]
    return TIMES.sub(b"T", (run / f"{name}.jsonl").read_bytes())


def figures(ran, under="reports"):
    (file,) = (ran.folder / under).glob("*/summary.json")
    (one,) = json.loads(file.read_text())["results"]
    for name in ("duration_s", "latency", "latency_s", "spent", "requests_per_s"):
        one.pop(name, None)
    return one


def pytests():
    """The working directories of all processes that run pytest."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"pytest" in path.joinpath("cmdline").read_bytes():
                found.append(str(path.joinpath("cwd").readlink()))
    return found


def children(parents):
    """The processes whose parents are these."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1]) in parents:
                found.append(int(path.name))
    return found


def check_equal(project, ran, *options, names=("results",)):
    """A run has what the plain one has, line by line, and its figures."""
    plain = project.run("--run-dir", "plain", *options, plain=True)
    for name in names:
        assert lines(ran, name) == lines(plain, name, "plain"), name
    if STORE[0] not in options:  # figures tell what was asked, and what was in the store
        assert figures(ran) == figures(plain, "plain")
    assert ran.status == plain.status
    return plain


#: The plain run finds all replies in the store of the run on the cluster.
STORE = ("--store", "reports/store.sqlite")


def test_a_run_on_the_cluster_is_the_plain_run(project, server):
    project.ask(120)
    ran = project.run("--shards", "3")
    assert "accuracy 0.500" in ran.output
    assert "3 shards on 2 machines" in ran.output
    assert len(server.requests) == 120
    plain = check_equal(project, ran, names=("results", "requests", "responses"))
    table = re.compile(r"^=+ rivers .*?(?=^time )", re.DOTALL | re.MULTILINE)
    assert table.search(ran.output)[0] == table.search(plain.output)[0]
    assert len(server.requests) == 240
    again = project.run("--run-dir", "again", *STORE)
    assert len(server.requests) == 240  # its shards got the replies of the user's store
    assert lines(again, "results", "again") == lines(ran, "results")


def test_what_dies_is_begun_again_and_nothing_answered_is_asked_twice(project, ray, server):
    project.ask(900)
    running = project.start("--shards", "4", "--concurrency", "16")
    kills = []
    project.wait_for(running, 150)
    os.kill(ray.processes(0, "ray::carry_out")[0], signal.SIGKILL)
    kills.append(time.monotonic())
    project.wait_for(running, 400)
    ray.kill_raylet(1)
    kills.append(time.monotonic())
    ran = running.wait(150)
    assert "begun again" in ran.output, ran.output
    assert "raylet" not in ran.output  # Ray's own pages
    asked = project.asked()
    assert len(asked) == 900
    # In flight, or answered within the last moments: a process outlives the raylet of its node by a second or two.
    for times in asked.values():
        for at in times[:-1]:
            assert any(kill - LATENCY_S - 3 <= at <= kill + 3 for kill in kills), (at, times, kills)
    assert sum(len(times) - 1 for times in asked.values()) < 150
    check_equal(project, ran, *STORE)
    assert len(asked) == len(project.asked())
    ray.add()


def test_a_pytest_that_a_signal_ends_is_begun_again(project, ray, server):
    project.ask(200)
    running = project.start("--shards", "2", "--concurrency", "8")
    project.wait_for(running, 50)
    os.kill(
        next(pid for node in (0, 1) for pid in children(ray.processes(node, "ray::carry_out"))),
        signal.SIGKILL,
    )
    ran = running.wait(90)
    assert "begun again" in ran.output, ran.output
    assert len(server.requests) < 240
    check_equal(project, ran, *STORE)


def test_ctrl_c_keeps_what_came_and_the_same_command_goes_on(project, server):
    project.ask(600)
    running = project.start("--shards", "2", "--concurrency", "16")
    project.wait_for(running, 150)
    running.interrupt(group=True)
    stopped = running.wait(60)
    assert stopped.status == pytest.ExitCode.INTERRUPTED, stopped.output
    assert "the same command goes on" in stopped.output
    asked = len(server.requests)
    assert 150 <= asked < 600
    ran = project.run("--shards", "2")
    assert len(project.asked()) == 600
    assert len(server.requests) == 600  # requests under way got the time to end, and none was asked twice
    check_equal(project, ran, *STORE)


def test_a_second_ctrl_c_waits_for_nothing_and_leaves_no_process(project, ray, server):
    server.play(latency_s=30)
    project.ask(50)
    running = project.start("--shards", "2")
    project.wait_for(running, 20)
    running.interrupt(group=True)
    time.sleep(1)
    running.interrupt(group=True)
    stopped = running.wait(20)
    assert stopped.status == pytest.ExitCode.INTERRUPTED, stopped.output
    assert "stopped at once" in stopped.output
    end = time.monotonic() + 20
    while any(str(project.path) in one for one in pytests()):
        assert time.monotonic() < end, pytests()
        time.sleep(0.2)


def test_the_budget_is_kept_over_all_shards_and_idle_parts_are_used(project, server):
    project.ask(120)
    price = {"input_per_mtok": 0.0, "output_per_mtok": 1000.0}  # US dollars for a million tokens
    entry = {"model_name": "vllm/fake", "base_url": server.url, "price": price}
    project.path.joinpath("models.yaml").write_text(json.dumps({"models": {"fake": entry}}))
    ran = project.run("--model", "fake", "--shards", "3", "--max-cost", "0.1")
    cost = 4 * 1000 / 1_000_000  # of the four tokens of a reply
    assert "--max-cost 0.1: $0.1 is spent by all shards" in ran.output
    assert len(server.requests) == 0.1 / cost
    options = ("--model", "fake", "--cluster", "none", "--max-cost", "1e-9")
    shown = project.run(*options, *STORE, plain=True)  # the command that it names for what came
    assert len(server.requests) == 0.1 / cost
    assert lines(shown, "results").count(b'"outcome":"skipped"') == 120 - 25


def test_a_model_without_a_price_is_told_and_not_as_a_spent_budget(project, server):
    project.ask(4)
    done = project.run("--shards", "2", "--max-cost", "0.1")
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "is spent by all shards" not in done.output
    assert "price" in done.output
    assert server.requests == []


def test_what_cannot_be_placed_or_reached_is_told(project, ray):
    project.ask(4)
    done = project.run("--shards", "2", env={"RAY_AUTH_TOKEN": "f" * 64})
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "RAY_AUTH_MODE is token here" in done.output
    assert "the same token everywhere" in done.output
    with LocalRay(nodes=1, cpus=0, env={"PYTHONPATH": str(ROOT)}) as empty:
        done = project.run("--shards", "2", "--cluster-address", empty.address, env=empty.env)
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "no machine of the cluster has a CPU to give" in done.output


def test_a_computer_outside_of_the_cluster_asks_by_its_client(project, ray, server):
    pytest.importorskip("grpc", reason="ray:// needs grpcio, which the extra ray installs")
    project.ask(20)
    ran = project.run("--shards", "2", "--cluster-address", f"ray://127.0.0.1:{ray.client_port}")
    assert len(server.requests) == 20
    check_equal(project, ran, *STORE)


def test_a_failed_test_of_the_users_own_is_named_once(project):
    project.ask(12)
    project.path.joinpath("test_own.py").write_text(
        "def test_rivers_have_water():\n    assert False, 'dry'\n"
    )
    ran = project.run("--shards", "2")
    assert ran.status == pytest.ExitCode.TESTS_FAILED
    assert ran.output.count("FAILED test_own.py::test_rivers_have_water") == 1


def test_shards_without_a_cluster_are_refused(project):
    project.ask(4)
    done = project.run("--shards", "2", plain=True)
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "--shards N goes with --cluster ray" in done.output


def test_an_error_of_the_command_line_is_told_once(project):
    project.ask(4)
    project.path.joinpath("conftest.py").write_text(
        "import os, pytest\n"
        "def pytest_collection_modifyitems(config):\n"
        "    if config.option.mmlubench_shard_id is not None:\n"
        "        raise pytest.UsageError('no such river')\n"
    )
    done = project.run("--shards", "3")
    assert done.status == pytest.ExitCode.USAGE_ERROR, done.output
    assert done.output.count("no such river") == 1
