"""Is a model in this very process faster than llama.cpp's server? Scores MMLU by log-probability with both, in turn.

    python perf/bench_local.py --data DIR --folder MODEL_FOLDER --gguf MODEL.gguf \\
        [--limit 100] [--rounds 3] [--threads 2] [--recipe lm_eval] [--shots 0] [--dtype auto,bfloat16]

Needs torch, transformers and xllamacpp in the environment that runs it: pip install 'mmlubench[local,real]'. Both
sides have the same number of threads. A run of one question, measured too, is subtracted, so that neither the start of
Python nor the loading of weights counts; CPU seconds are those of pytest and, for llama.cpp, of its server. The median
of all rounds counts. Seconds say as much about the machine and its other work as about the two.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 1800
START_S = 60


class Cost(NamedTuple):
    """Seconds for some questions."""

    wall_s: float
    cpu_s: float

    def __sub__(self, other: object) -> Cost:
        assert isinstance(other, Cost)
        return Cost(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


class Side(NamedTuple):
    """One way to have the model, by its name in the table."""

    name: str
    model: str
    server_cpu: Callable[[], float]
    models_file: Path | None = None


def ask(side: Side, args: argparse.Namespace, limit: int, folder: Path) -> Cost:
    """Run pytest on so many questions. Raises RuntimeError for a run that did not score them."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(ROOT / "benchmarks"),
        "-k",
        "mmlu",
    ]
    command += ["--model", side.model, "--data", str(args.data), "--limit", str(limit), "--no-store"]
    command += ["--recipe", args.recipe, "--scoring", "logprob", "--min-letter-mass", "0"]
    command += [] if args.shots is None else ["--shots", str(args.shots)]
    command += ["--models-file", str(side.models_file)] if side.models_file else []
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(args.threads), "HF_HUB_OFFLINE": "1"}
    before, served, begun = _children_cpu(), side.server_cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    cost = Cost(time.perf_counter() - begun, _children_cpu() - before + side.server_cpu() - served)
    if done.returncode not in (0, 1) or "error 0" not in done.stdout:  # 1: some answers are wrong
        raise RuntimeError(f"{side.name}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return cost


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def llama_server(args: argparse.Namespace) -> Iterator[Side]:
    """A context with llama.cpp's server in a process of its own."""
    command = [sys.executable, __file__, "serve", str(args.gguf), str(args.threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        address = process.stdout.readline().strip()
        try:
            _wait(f"{address}/health")
            cpu = Path(f"/proc/{process.pid}/stat")
            yield Side("llama.cpp", f"llamacpp/smollm2@{address}/v1", lambda: _cpu_of(cpu))
        finally:
            process.stdin.close()  # it ends when its standard input does


def serve(gguf: str, threads: str) -> None:
    """Serve a GGUF file as the tests do, with so many threads."""
    sys.path.insert(0, str(ROOT / "tests" / "real"))
    parameters = import_module("serve_gguf").settings(gguf, "smollm2")
    for processor in (parameters.cpuparams, parameters.cpuparams_batch):
        processor.n_threads, processor.poll = int(threads), 0
    server = import_module("xllamacpp").Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


def _cpu_of(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(url: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urlopen(url, timeout=5) as reply:
                if reply.status == 200:
                    return
        except OSError:
            pass  # 503 while the model loads
        time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {START_S} s")


def in_process(args: argparse.Namespace, dtype: str, folder: Path) -> Side:
    """Return the side without a server, with weights of this type."""
    models = folder / f"{dtype}.yaml"
    models.write_text(
        f"models:\n  own-{dtype}:\n    model_name: transformers/{args.folder}\n    local: {{dtype: {dtype}}}\n"
    )
    return Side(f"in process, {dtype}", f"own-{dtype}", lambda: 0.0, models)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:4])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("data", "folder", "gguf"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, default in (("limit", 100), ("rounds", 3), ("threads", 2), ("shots", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--recipe", default="lm_eval")
    parser.add_argument("--dtype", default="auto", help="types of the weights in process, with commas")
    args = parser.parse_args()
    taken: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for _ in range(args.rounds):
            with llama_server(args) as server:
                for side in (*(in_process(args, dtype, folder) for dtype in args.dtype.split(",")), server):
                    start = ask(side, args, 1, folder)
                    cost = ask(side, args, args.limit, folder) - start
                    taken.setdefault(side.name, []).append(cost)
                    print(side.name, cost, flush=True)
    print(
        f"{args.limit} questions, {args.recipe}, {args.threads} threads; median of {args.rounds}, per question"
    )
    for name, costs in taken.items():
        wall, cpu = (statistics.median(each) / (args.limit - 1) * 1000 for each in zip(*costs, strict=True))
        print(f"{name:22} {wall:7.0f} ms wall {cpu:7.0f} ms CPU")


if __name__ == "__main__":
    main()
