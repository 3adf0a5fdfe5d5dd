"""A file of requests, answered by vLLM's own `run_batch` without a server, and taken into the store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.conftest import ROOT
from tests.real.vllm.conftest import DTYPE, ENV

pytestmark = pytest.mark.servers

#: A published protocol has no second try, which would be a second file.
ASKED = (
    "--limit=20",
    "--recipe=inspect_zero_shot",
    "--max-tokens=16",
    "--model=vllm/smollm2@http://127.0.0.1:9/v1",
)


def test_twenty_questions_go_out_and_come_back_as_files(
    vllm_python: Path, smollm2_folder: Path, questions: tuple[str, ...], tmp_path: Path
) -> None:
    env = {**os.environ, **ENV}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode in (0, 1) if "pytest" in command else done.returncode == 0, said[-3000:]
        return said

    asked = [str(ROOT / "benchmarks"), "-k", "mmlu", *questions, *ASKED, "-q", "-p", "no:cacheprovider"]
    ours = (sys.executable, "-m", "mmlubench", "batch")
    run(*ours, "submit", "--batch-file", "in.jsonl", "--", "pytest", *asked)
    engine = ("--max-model-len", "2048", "--max-num-seqs", "8", "--enforce-eager", "--dtype", DTYPE)
    module = (vllm_python, "-m", "vllm.entrypoints.openai.run_batch")
    files = ("-i", "in.jsonl", "-o", "out.jsonl")
    run(*module, *files, "--model", smollm2_folder, "--served-model-name", "smollm2", *engine)
    assert "20 replies, 0 without" in run(*ours, "collect", "--from", "out.jsonl")
    run(sys.executable, "-m", "pytest", *asked, "--max-unparsed-rate=1")
    (results,) = tmp_path.glob("reports/2*/results.jsonl")
    lines = [orjson.loads(line) for line in results.read_bytes().splitlines()]
    assert [line["error"] for line in lines] == [""] * 20
    assert "error" not in {line["outcome"] for line in lines}
    (summary,) = tmp_path.glob("reports/2*/summary.json")
    assert orjson.loads(summary.read_bytes())["results"][0]["batched"] == 20
