"""How fast is the harness? Runs the real MMLU against a local server of fixed latency and prints the figures.

    python perf/bench_mmlu.py --data DIR [--scenario full|start|collect|idle|workers|all] [--json FILE]

full     all questions, one process             start    one question, end to end
workers  all questions, with -n 2               collect  --collect-only
idle     what the plugin costs a pytest run that does not use it

Seconds say as much about the machine and its other work as about the harness. So full and workers are measured in turn
with aiohttp alone (raw_client.py), and their ratios are shown: of CPU time to its CPU time, and of wall-clock time to
the least possible, which is requests / in flight x latency.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OWN_SERVER = Path(__file__).with_name("fixed_latency_server.py")
RAW_CLIENT = Path(__file__).with_name("raw_client.py")
FULL_MMLU = 14_042
CHILD_LIMIT_S = 900
RECORDS = ("results.jsonl", "requests.jsonl", "responses.jsonl")
GOALS = {
    ("full", "cpu_to_raw_client"): "≤ 2.2",
    ("full", "wall_to_floor"): "≤ 1.25",
    ("full", "peak_rss_mb"): "≤ 350",
    ("start", "cpu_s"): "≤ 1",
    ("start", "wall_s"): "≤ 2.5",
    ("collect", "wall_s"): "≤ 2",
    ("idle", "plugin_cpu_ms"): "< 30",
}
Figures = dict[str, float]


class Usage(NamedTuple):
    """What a child process took, its own children included; the peak is that of the largest process."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


class Server:
    """A model server in a child process, asked over HTTP what it saw."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.model = f"vllm/fake@http://127.0.0.1:{port}/v1"

    def get(self, path: str) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

    def wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 15
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.get("/health")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"The server did not start on port {self.port}; its own message stands above.")


@contextmanager
def running_server(script: Path, latency_ms: float) -> Iterator[Server]:
    """Start any server script that knows --port and --latency-ms and answers /health and /stats."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(script), "--port", str(port), "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    server = Server(port)
    try:
        server.wait_until_up(process)
        yield server
    finally:
        process.terminate()
        process.wait()


def measure(arguments: list[str], cwd: Path, accept: tuple[int, ...] = (0,)) -> Usage:
    """Run `python -m pytest ARGUMENTS` as one child process; any other exit status ends the benchmark."""
    return measure_python(["-m", "pytest", *arguments], cwd, accept)


def measure_python(arguments: list[str], cwd: Path, accept: tuple[int, ...] = (0,)) -> Usage:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        command = [sys.executable, *arguments]
        child = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output)
        watchdog = threading.Timer(CHILD_LIMIT_S, child.kill)
        watchdog.start()
        _, status, taken = os.wait4(child.pid, 0)  # not child.wait(): only this tells CPU and memory
        wall_s = time.perf_counter() - start
        watchdog.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in accept:
            output.seek(0)
            tail = output.read().decode(errors="replace")[-3000:]
            raise SystemExit(f"{tail}\npython ended with {child.returncode}: {' '.join(arguments)}")
    return Usage(wall_s, taken.ru_utime + taken.ru_stime, taken.ru_maxrss / 1024)


def count_lines(folder: Path, name: str) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob(name))


class Bench:
    """The scenarios; each method returns figures by name."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def mmlu(self, *more: str) -> list[str]:
        """Pytest's arguments for the benchmark."""
        return ["benchmarks", "-k", "mmlu", "--data", str(self.options.data), "-p", "no:cacheprovider", *more]

    def ask(self, questions: int, *more: str) -> Figures:
        """One run of `questions` questions against a fresh server, every record counted afterwards."""
        options = self.options
        limit = [] if questions == FULL_MMLU else ["--limit", str(questions)]
        with (
            running_server(options.server, options.latency_ms) as server,
            tempfile.TemporaryDirectory(prefix="mmlubench-perf-") as folder,
        ):
            load = os.getloadavg()[0]
            more = ("--model", server.model, "--concurrency", str(options.concurrency), *more)
            # Exit status 1 is right: a wrong answer is a failed test, and this server is mostly wrong.
            usage = measure(self.mmlu("-q", "--run-dir", folder, *limit, *more), ROOT, accept=(0, 1))
            seen = server.get("/stats")
            written = {name: count_lines(Path(folder), name) for name in RECORDS}
        wrong = {name: lines for name, lines in written.items() if lines != questions}
        if wrong or seen["total"] != questions:
            raise SystemExit(f"{questions} questions, {seen['total']} requests, but lines written: {written}")
        floor_s = questions * options.latency_ms / 1000 / min(options.concurrency, questions)
        return {
            "questions": questions,
            **usage._asdict(),
            "cpu_ms_per_case": usage.cpu_s * 1000 / questions,
            "requests_seen": seen["total"],
            "max_in_flight": seen["max_in_flight"],
            "span_s": seen["span_s"],
            "server_cpu_s": seen["server_cpu_s"],
            "floor_s": floor_s,
            "wall_to_floor": usage.wall_s / floor_s,
            "lines_in_each_jsonl": written[RECORDS[0]],
            "load_before": load,
        }

    def raw(self) -> Usage:
        """The same number of requests by aiohttp alone, against a fresh server."""
        options = self.options
        with running_server(options.server, options.latency_ms) as server:
            sizes = ["--requests", str(options.questions), "--concurrency", str(options.concurrency)]
            url = ["--url", f"http://127.0.0.1:{server.port}/v1", "--data", str(options.data)]
            return measure_python([str(RAW_CLIENT), *url, *sizes], ROOT)

    def beside_raw(self, *more: str) -> Figures:
        """The raw client, then a run: in turn, so that a busy minute hits both alike."""
        raw, run = self.raw(), self.ask(self.options.questions, *more)
        ratios = {"cpu_to_raw_client": run["cpu_s"] / raw.cpu_s, "wall_to_floor": run.pop("wall_to_floor")}
        shown = {"raw_client_cpu_s": raw.cpu_s, "raw_client_wall_s": raw.wall_s}
        return {**ratios, **shown, "raw_client_wall_to_floor": raw.wall_s / run["floor_s"], **run}

    def full(self) -> Figures:
        return median(self.beside_raw, self.options.rounds)

    def workers(self) -> Figures:
        return median(lambda: self.beside_raw("-n", "2"), self.options.rounds)

    def start(self) -> Figures:
        figures = median(lambda: self.ask(1), max(3, self.options.rounds))
        return {name: figures[name] for name in ("wall_s", "cpu_s", "peak_rss_mb", "load_before")}

    def collect(self) -> Figures:
        # Nobody is asked, so nobody needs to listen on this port.
        arguments = self.mmlu("--collect-only", "-qq", "--model", "vllm/fake@http://127.0.0.1:9/v1")
        return median(lambda: measure(arguments, ROOT)._asdict(), max(3, self.options.rounds))

    def idle(self) -> Figures:
        """With and without the plugin, in turn, so that a busy minute hits both alike."""
        with tempfile.TemporaryDirectory(prefix="mmlubench-perf-") as folder:
            Path(folder, "test_trivial.py").write_text("def test_trivial():\n    pass\n")

            def cpu_ms(*more: str) -> float:
                plain = ["-q", "-p", "no:cacheprovider", "test_trivial.py"]
                return 1000 * measure([*plain, *more], Path(folder)).cpu_s

            def both() -> Figures:
                bare, loaded = cpu_ms("-p", "no:mmlubench.plugin"), cpu_ms()
                return {"bare_cpu_ms": bare, "loaded_cpu_ms": loaded, "plugin_cpu_ms": loaded - bare}

            both()  # the first round fills the byte-code and disk caches
            return median(both, 7)


def median(once: Callable[[], Figures], rounds: int) -> Figures:
    """The median of each figure over some rounds; wall clock also with its spread."""
    taken = [once() for _ in range(rounds)]
    figures = {name: statistics.median(one[name] for one in taken) for name in taken[0]}
    if rounds > 1 and "wall_s" in figures:
        walls = [one["wall_s"] for one in taken]
        figures.update(rounds=rounds, wall_s_min=min(walls), wall_s_max=max(walls))
    return figures


def show(scenario: str, figures: Figures) -> None:
    print(f"\n{scenario}")
    for name, value in figures.items():
        number = f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
        goal = GOALS.get((scenario, name), "")
        print(f"  {name:<26}{number:>10}" + (f"   goal {goal}" if goal else ""), flush=True)


def parse_options() -> argparse.Namespace:
    scenarios = ["full", "start", "collect", "idle", "workers"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--scenario", choices=[*scenarios, "all"], default="full")
    add("--questions", type=int, default=FULL_MMLU, metavar="N")
    add("--latency-ms", type=float, default=50.0)
    add("--concurrency", type=int, default=64)
    add("--rounds", type=int, default=3, help="runs of full and workers; the median is shown")
    add("--server", default="fixed", help="fixed (perf/fixed_latency_server.py), or another server's script")
    add("--data", type=Path, help="folder of the full MMLU (default: $MMLUBENCH_DATA/mmlu)")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    options.scenarios = scenarios if options.scenario == "all" else [options.scenario]
    above = os.environ.get("MMLUBENCH_DATA")
    if options.data is None and above:
        options.data = Path(above) / "mmlu"
    if options.data is None and options.scenarios != ["idle"]:
        parser.error("say where the full MMLU is: --data DIR, or MMLUBENCH_DATA=(the folder above mmlu)")
    options.data = options.data and options.data.resolve()
    options.server = OWN_SERVER if options.server == "fixed" else Path(options.server).resolve()
    return options


def main() -> None:
    options = parse_options()
    bench = Bench(options)
    figures: dict[str, Figures] = {}
    for scenario in options.scenarios:
        figures[scenario] = getattr(bench, scenario)()
        show(scenario, figures[scenario])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
