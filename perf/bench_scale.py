"""How do memory, CPU time and the end of a run grow with its cases? Runs MMMLU, or its shape, with the mock.

    python perf/bench_scale.py --data DIR [--cases 5000 50000 196588] [--million] [--json FILE] [-- PYTEST-OPTIONS]

DIR is the folder of the 14 languages; `perf/mmmlu_shape.py` makes one out of MMLU. A million cases are 166,667
questions to six mocks, and take a quarter of an hour. Kilobytes and milliseconds a case are what each further case
takes: they are computed from the run before, so that the first row has none. CPU seconds are the steadier ones.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ALL = 196_588
MOCKS = ("mock", *(f"mock/{rule}" for rule in ("hash", "A", "B", "C", "D")))


class Run(NamedTuple):
    """What one run took; `after_s` is the time from the last line on the screen to the end of the process."""

    cases: int
    cpu_s: float
    wall_s: float
    peak_rss_mb: float
    after_s: float
    log_mb: float


def run(data: Path, questions: int, models: tuple[str, ...], more: list[str]) -> Run:
    """Ask so many questions of each model. Raises SystemExit if a case is missing."""
    named = [part for model in models for part in ("--model", model)]
    limit = [] if questions == ALL else ["--limit", str(questions)]
    with tempfile.TemporaryDirectory(prefix="mmlubench-scale-") as folder:
        command = ["benchmarks", "-k", "mmmlu", "--data", str(data), "--run-dir", folder, "-q"]
        command += ["-p", "no:cacheprovider", *limit, *named, *more]
        begin = last = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "pytest", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert child.stdout is not None
        tail = b""
        while chunk := os.read(child.stdout.fileno(), 65_536):
            last, tail = time.perf_counter(), (tail + chunk)[-3000:]
        _, status, taken = os.wait4(child.pid, 0)  # not child.wait(): only this tells CPU and memory
        end = time.perf_counter()
        child.returncode = os.waitstatus_to_exitcode(status)
        done = sum(path.read_bytes().count(b"\n") for path in Path(folder).glob("*/results.jsonl"))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.jsonl*"))
    if done != questions * len(models):
        raise SystemExit(
            f"{tail.decode(errors='replace')}\n{done:,} cases of {questions:,} for each of {len(models)} models"
        )
    cpu_s = taken.ru_utime + taken.ru_stime
    return Run(done, cpu_s, end - begin, taken.ru_maxrss / 1024, end - last, size / 1e6)


def show(this: Run, before: Run | None) -> None:
    """Print a row of the table."""
    kb = ms = "-"
    if before is not None and this.cases > before.cases:
        more = this.cases - before.cases
        kb = f"{(this.peak_rss_mb - before.peak_rss_mb) * 1024 / more:.2f}"
        ms = f"{(this.cpu_s - before.cpu_s) * 1000 / more:.2f}"
    print(
        f"{this.cases:>10,} {this.cpu_s:>8.1f} {this.wall_s:>8.1f} {this.peak_rss_mb:>8.0f} {kb:>9} {ms:>9} "
        f"{this.after_s:>8.2f} {this.log_mb:>8.1f}",
        flush=True,
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    above = os.environ.get("MMLUBENCH_DATA")
    parser.add_argument("--data", type=Path, help="folder of MMMLU (default: $MMLUBENCH_DATA/mmmlu)")
    parser.add_argument("--cases", type=int, nargs="*", default=[5000, 50_000, ALL], metavar="N")
    parser.add_argument("--million", action="store_true", help="a million cases as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("more", nargs="*", help="further options for pytest, behind --")
    options = parser.parse_args()
    if options.data is None and above:
        options.data = Path(above) / "mmmlu"
    if options.data is None or not options.data.is_dir():
        parser.error("say where MMMLU is: --data DIR, or MMLUBENCH_DATA=(the folder above mmmlu)")
    return options


def main() -> None:
    options = parse_options()
    wanted = [(cases, MOCKS[:1]) for cases in sorted(options.cases)]
    wanted += [(166_667, MOCKS)] if options.million else []
    print("     cases    CPU s   wall s  RSS MB  kB/case   ms/case  after s   log MB")
    runs: list[Run] = []
    for questions, models in wanted:
        runs.append(run(options.data.resolve(), questions, models, options.more))
        show(runs[-1], runs[-2] if len(runs) > 1 else None)
    if options.json:
        options.json.write_text(json.dumps([one._asdict() for one in runs], indent=2) + "\n")


if __name__ == "__main__":
    main()
