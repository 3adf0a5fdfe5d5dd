"""All 14,042 questions of MMLU through llmock's batches, killed at five points, and started again.

    MMLUBENCH_DATA=DIR python perf/batches.py [--point waiting] [--limit 200]

llmock (pip install 'mmlubench[real]') speaks the batch APIs of OpenAI and Anthropic. Each run is killed (SIGKILL) at
one point, started again with the same command, and compared with an interactive run against the same server. Told
are the seconds of both commands together, the requests in batches that llmock itself lists, which must be as many as
the questions, and whether cases and replies are those of the interactive run. The exit status is 1 if either is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PORT = 38_417
MODELS = f"""
models:
  openai: {{model_name: openai/gpt-4o, base_url: "http://127.0.0.1:{PORT}/v1"}}
  anthropic: {{model_name: anthropic/claude-opus-4-6, base_url: "http://127.0.0.1:{PORT}/anthropic"}}
"""
LISTS = {"openai": "/v1/batches", "anthropic": "/anthropic/v1/messages/batches"}
#: A plugin that makes several batches of what one would hold, so that there is something between two of them.
SMALL = """
from mmlubench.batch.services.base import Bounds, Service
from mmlubench.batch.services.inline import AnthropicBatches
Service.bounds = AnthropicBatches.bounds = Bounds(count={most})
"""
#: The batches of a run.
BATCHES = 3
#: Seconds for which the command waits for its batches before it is killed there.
WAITED_S = 1.0
#: The points, and whether a command has reached them, by the states of its batches on disk.
Parts = list[dict[str, Any]]
POINTS: dict[str, Callable[[Path, Parts], bool]] = {
    "before": lambda folder, parts: any(folder.rglob("plan.json")),
    "between": lambda folder, parts: 0 < sum(part["state"] == "sent" for part in parts) < len(parts),
    "waiting": lambda folder, parts: bool(parts) and all(part["state"] == "sent" for part in parts),
    "collecting": lambda folder, parts: any(folder.rglob("results-*")),
    "after": lambda folder, parts: bool(parts) and all(part["state"] == "done" for part in parts),
}


class Bench:
    """The runs of one model, each in a folder of its own."""

    def __init__(self, model: str, folder: Path, data: str, limit: int | None) -> None:
        self.model, self.folder = model, folder
        self._asked = ["-k", "mmlu", "--data", data, *([f"--limit={limit}"] if limit else [])]
        self._plain = self._run("interactive").wait()
        self.cases = self._cases("interactive")

    def killed_at(self, point: str) -> bool:
        """Run by batches, kill it at a point, run it again, print what was found; return whether all is well."""
        before = self._listed()
        started = time.perf_counter()
        first = self._run(point, "--batch")
        while not POINTS[point](self.folder / point, self._parts(point)):
            if first.poll() is not None:
                print(f"{self.model:<10}{point:<12}the command ended before this point", flush=True)
                return False
            time.sleep(0.005)
        time.sleep(WAITED_S if point == "waiting" else 0)
        first.send_signal(signal.SIGKILL)
        first.wait()
        again = self._run(point, "--batch").wait()
        seconds = time.perf_counter() - started
        paid, batches = (now - then for now, then in zip(self._listed(), before, strict=True))
        same = (again, self._cases(point)) == (self._plain, self.cases)
        told = f"{seconds:6.1f} s  {paid:,} requests in {batches} batches paid for {len(self.cases):,} cases"
        verdict = "equal to the interactive run" if same else "NOT the interactive run"
        print(f"{self.model:<10}{point:<12}{told}, {verdict}", flush=True)
        return same and paid == len(self.cases)

    def _run(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", "-p", "small_batches", str(ROOT / "benchmarks"), "-q"]
        usual = ["--max-unparsed-rate=1", "--report-page=none", "-p", "no:cacheprovider"]
        command += [*self._asked, "--model", self.model, *usual, f"--run-dir={name}", *options]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)])}
        out = (self.folder / f"{name}.log").open("ab")
        return subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out, env=env)

    def _parts(self, name: str) -> Parts:
        """Return the states of the batches as mmlubench keeps them."""
        found = (self.folder / name).glob("batches/[!.]*/parts.json")
        return [part for file in found for part in json.loads(file.read_bytes())]

    def _listed(self) -> tuple[int, int]:
        """Return the requests in batches, and the batches, that llmock lists."""
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{LISTS[self.model]}?limit=1000") as reply:
            batches = json.load(reply)["data"]
        counts = [batch["request_counts"] for batch in batches]
        return sum(c.get("total", sum(c.values())) for c in counts), len(batches)

    def _cases(self, name: str) -> list[tuple[dict[str, Any], str]]:
        """Return the case and the text of its reply for each question, but for its time."""
        (run,) = (self.folder / name).glob("2*")
        texts = {line["id"]: line["completion"] for line in _lines(run / "responses.jsonl")}
        cases = _lines(run / "results.jsonl")
        return [({**case, "latency_s": None}, texts[case["id"]]) for case in cases]


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def main() -> int:
    """Measure both models at the points that were named, or at all; return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--point", choices=POINTS, action="append", help="all without it; may be repeated")
    parser.add_argument("--limit", type=int, help="so many questions in place of all")
    given = parser.parse_args()
    data = str(Path(os.environ["MMLUBENCH_DATA"]).resolve() / "mmlu")
    serve = [sys.executable, "-c", "from llmock.cli import app; app()", "serve", "--port", str(PORT)]
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(
            subprocess.Popen([*serve, "--log-level", "error"], stdout=subprocess.DEVNULL)
        )
        stack.callback(server.terminate)
        time.sleep(5)
        are_well = []
        for model in LISTS:
            folder = place / model
            folder.mkdir()
            (folder / "models.yaml").write_text(MODELS)
            (folder / "small_batches.py").write_text(
                SMALL.format(most=(given.limit or 14_042) // BATCHES + 1)
            )
            bench = Bench(model, folder, data, given.limit)
            are_well += [bench.killed_at(point) for point in given.point or POINTS]
    return 0 if all(are_well) else 1


if __name__ == "__main__":
    sys.exit(main())
