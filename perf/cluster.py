"""A run on a Ray cluster on this machine: how much faster are eight workers than one, and what does a dead node cost?

    MMLUBENCH_DATA=DIR python perf/cluster.py speed [--questions 40000]
    MMLUBENCH_DATA=DIR python perf/cluster.py faults [--questions 196588] [--plain]

DIR has `mmlu/`; the questions are those of `mmmlu_shape.py`, no two of them the same. Every reply takes half a second,
so that two cores are enough for eight times 64 requests in flight. `speed` counts questions per second as the server
sees them, from the first request to the last reply. `faults` kills a worker after a quarter and the raylet of the
second node after half of the questions; `asked_twice` is what the server was asked beyond the number of questions, and
`lost` the questions that it was never asked or that have no result. With `--plain` the results are compared with those
of a run without a cluster that finds all replies in the store.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from local_ray import LocalRay
from mmmlu_shape import main as make_data

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "perf" / "fixed_latency_server.py"
TIMES = re.compile(rb'"(latency_s|queued_s|rested_s|waited_s|at|time|sent_at)":[0-9.e+-]+')
SHARDS, LATENCY_MS, PATIENCE_S = 8, 500, 3000.0


class Bench:
    """A folder with data and a test, a server, and runs that ask it."""

    def __init__(self, folder: Path, questions: int) -> None:
        self.folder, self.questions = folder, questions
        data = Path(os.environ["MMLUBENCH_DATA"])
        make_data(data, folder / "data")
        (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        (folder / "test_mmmlu.py").write_bytes((ROOT / "benchmarks" / "test_mmmlu.py").read_bytes())
        command = [
            sys.executable,
            str(SERVER),
            "--latency-ms",
            str(LATENCY_MS),
            "--max-seconds",
            str(PATIENCE_S),
        ]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        self.port = int(json.loads(self.server.stdout.readline())["port"])

    def get(self, path: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def start(
        self, run_dir: str, *options: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "mmmlu"]
        command += [
            "--data=data",
            "--model",
            f"vllm/fake@http://127.0.0.1:{self.port}/v1",
            "--run-dir",
            run_dir,
        ]
        command += ["--report-page", "none", "--min-accuracy", "0", *options]
        whole = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        with (self.folder / f"{run_dir}.log").open("wb") as log:
            return subprocess.Popen(command, cwd=self.folder, env=whole, stdout=log, stderr=log)

    def on(self, ray: LocalRay, run_dir: str, *options: str) -> subprocess.Popen[bytes]:
        place = ("--cluster", "ray", "--cluster-address", ray.address, "--shards", str(SHARDS))
        return self.start(run_dir, *place, *options, env=ray.env)

    def end(self, process: subprocess.Popen[bytes], run_dir: str) -> None:
        if process.wait(PATIENCE_S):
            raise SystemExit((self.folder / f"{run_dir}.log").read_text("utf-8", "replace")[-3000:])

    def wait_for(self, process: subprocess.Popen[bytes], requests: int) -> None:
        while self.get("/stats")["total"] < requests and process.poll() is None:
            time.sleep(0.5)

    def results(self, run_dir: str) -> bytes:
        (file,) = (self.folder / run_dir).glob("*/results.jsonl")
        return TIMES.sub(b"T", file.read_bytes())


def speed(bench: Bench) -> dict[str, Any]:
    """Questions per second of one worker and of eight."""
    one = max(64, bench.questions // SHARDS)
    bench.end(bench.start("one", "--limit", str(one)), "one")
    alone = bench.get("/stats")
    bench.get("/reset")
    with LocalRay(nodes=2, cpus=2, env={"PYTHONPATH": str(ROOT)}) as ray:
        begun = time.monotonic()
        bench.end(bench.on(ray, "eight", "--limit", str(bench.questions)), "eight")
        whole_s = time.monotonic() - begun
    eight = bench.get("/stats")
    rates = [stats["total"] / stats["span_s"] for stats in (alone, eight)]
    return {
        "questions": [alone["total"], eight["total"]],
        "per_s": [round(rate, 1) for rate in rates],
        "times": round(rates[1] / rates[0], 2),
        "in_flight": [alone["max_in_flight"], eight["max_in_flight"]],
        "command_s": round(whole_s, 1),
    }


def faults(bench: Bench, *, plain: bool) -> dict[str, Any]:
    """Seconds, answers lost and asked twice of a run while which a worker and a node die."""
    limit = ("--limit", str(bench.questions))
    with LocalRay(nodes=2, cpus=2, env={"PYTHONPATH": str(ROOT)}) as ray:
        begun = time.monotonic()
        process = bench.on(ray, "faults", *limit)
        bench.wait_for(process, bench.questions // 4)
        os.kill(ray.processes(0, "ray::carry_out")[0], signal.SIGKILL)
        bench.wait_for(process, bench.questions // 2)
        ray.kill_raylet(1)
        bench.end(process, "faults")
        whole_s = time.monotonic() - begun
    stats, results = bench.get("/stats"), bench.results("faults")
    found = {
        "questions": bench.questions,
        "command_s": round(whole_s, 1),
        "lost": bench.questions - min(stats["unique_bodies"], results.count(b"\n")),
        "asked_twice": stats["total"] - stats["unique_bodies"],
        "errors": results.count(b'"outcome":"error"'),
    }
    if plain:
        bench.get("/reset")
        bench.end(bench.start("plain", "--store", "faults/store.sqlite", *limit), "plain")
        found["equal"] = bench.results("plain") == results
        found["asked_by_plain"] = bench.get("/stats")["total"]
    return found


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "faults"])
    parser.add_argument("--questions", type=int, default=40_000)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmlubench-cluster-") as folder:
        bench = Bench(Path(folder), given.questions)
        try:
            found = speed(bench) if given.what == "speed" else faults(bench, plain=given.plain)
        finally:
            bench.server.kill()
            bench.server.wait(10)
        print(json.dumps({**found, "load": [round(one, 1) for one in os.getloadavg()]}))


if __name__ == "__main__":
    main()
