"""How long does it take to merge the shards of a large run, and how much memory? The cases are made up.

    python perf/merge_shards.py [--cases 196588] [--shards 8] [--page]

Makes shards of so many cases, as 14 languages of 57 subjects, each with one request and its reply, and merges them in a
process of its own. `lines_s` is the time to bring the lines of all files into one order alone, without figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from mmlubench.run.folder import Place, RunFolder
from mmlubench.run.merging.lines import placed
from mmlubench.run.shard_folder import PLACES, SHARD
from mmlubench.run.sharding import Shard, shard_of

LANGUAGES, SUBJECTS = 14, 57
PROMPT = "Question: " + "what is the right one of these " * 12


def make(folder: Path, cases: int, total: int, page: str) -> None:
    """Write finished shards with made-up cases."""
    whole = [RunFolder(Place(str(folder), f"{Shard(n, total).name}"), mock=False) for n in range(total)]
    rows = [0] * total
    for place in range(cases):
        question = f"mmmlu/L{place % LANGUAGES:02}/subject_{place // LANGUAGES % SUBJECTS:02}/{place:06}"
        shard = shard_of(question, total)
        rows[shard] += 1
        whole[shard].append(place, _lines(question, place))
    for number, one in enumerate(whole):
        one.close()
        (one.path / PLACES).write_bytes(json.dumps(one.blocks()).encode())
        results = sha256((one.path / "results.jsonl").read_bytes()).hexdigest()
        one.write_json("manifest.json", _manifest(one.run_id, rows[number], page))
        one.write_json(SHARD, _description(number, total, rows[number], results, cases))


def _lines(question: str, place: int) -> dict[str, bytes]:
    _, language, subject, _ = question.split("/")
    usage = {"input_tokens": 150 + place % 40, "output_tokens": 20, "cost_usd": None}
    result = {
        **{"id": question, "benchmark": "mmmlu", "subject": subject, "category": "stem", "model": "made-up"},
        **{
            "outcome": "correct" if place % 3 else "wrong",
            "answer": "A",
            "prediction": "A" if place % 3 else "B",
        },
        **{
            "rule": "letter",
            "latency_s": 0.5,
            "usage": usage,
            "requests": 1,
            "language": language,
            "choices": 4,
        },
    }
    request = {"kind": "benchmark", "id": question, "model": "made-up", "messages": [{"content": PROMPT}]}
    response = {"id": question, "model": "made-up", "text": "The answer is A."}
    content = {"results": result, "requests": request, "responses": response}
    return {name: json.dumps(line).encode() + b"\n" for name, line in content.items()}


def _manifest(run_id: str, rows: int, page: str) -> dict[str, Any]:
    recipe = {"name": "zero_shot", "version": "1", "description": "made up", "template": "{{ question }}"}
    return {
        "run_id": run_id,
        "created": "2026-01-02T03:04:05.000+00:00",
        "settings": {"report_page": page},
        "models": {"made-up": {"label": "made-up", "client": "vllm", "model_id": "made-up"}},
        "recipe": recipe,
        "data": {"mmmlu": {"cases": {"made-up": rows}, "notice": "made up"}},
        "solver": "single",
    }


def _description(number: int, total: int, rows: int, results: str, cases: int) -> dict[str, Any]:
    return {
        **{"number": number, "total": total, "rows": rows, "results_sha256": results},
        **{"status": 0, "failed": 0, "failed_cases": 0, "places": cases},
        "strategy": {"name": "zero_shot", "scoring": "text"},
        "identity": {"cases": {"mmmlu": {"made-up": cases}}},
    }


def main() -> None:
    """Make the shards, merge them, and print one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=196_588)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--page", action="store_true", help="write report.html, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmlubench-merge-") as scratch:
        folder = Path(scratch) / "shards"
        make(folder, given.cases, given.shards, "figures" if given.page else "none")
        begin = time.perf_counter()
        lines = sum(1 for _ in placed({n: folder / Shard(n, given.shards).name for n in range(given.shards)}))
        lines_s = time.perf_counter() - begin
        command = [
            sys.executable,
            "-m",
            "mmlubench",
            "merge",
            str(folder),
            "--to",
            str(Path(scratch) / "run"),
        ]
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, taken = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        size = sum(path.stat().st_size for path in (Path(scratch) / "run").iterdir())
        if lines != given.cases or child.returncode not in (0, 1):
            raise SystemExit(output.decode() or f"{lines} of {given.cases} cases were read")
        told = {
            "cases": given.cases,
            "shards": given.shards,
            "lines_s": round(lines_s, 2),
            "merge_s": round(time.perf_counter() - begin, 2),
            "cpu_s": round(taken.ru_utime + taken.ru_stime, 2),
            "peak_mb": round(taken.ru_maxrss / 1024),
            "files_mb": round(size / 1e6),
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main()
