"""Batches of llmock, which others wrote in the wire shapes of OpenAI, Anthropic, Mistral and Groq."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.real_server

CODE = "from llmock.cli import app; app()"
#: Model names, and where llmock has the API of each vendor.
AT = {
    "openai": ("openai/gpt-4o", "/v1"),
    "anthropic": ("anthropic/claude-opus-4-6", "/anthropic"),
    "mistral": ("mistral/mistral-small", "/mistral/v1"),
    "groq": ("groq/llama-3.3-70b-versatile", "/groq/openai/v1"),
}


@pytest.fixture(scope="module")
def port(start_service: Callable[..., int]) -> int:
    return start_service("llmock", "-c", CODE, "serve", "--port", "{port}", "--log-level", "error")


@pytest.mark.parametrize("vendor", AT)
def test_a_run_is_answered_by_the_batches_of_a_server_that_others_wrote(
    vendor: str, port: int, tmp_path: Path
) -> None:
    name, path = AT[vendor]
    entry = {"model_name": name, "base_url": f"http://127.0.0.1:{port}{path}"}
    (tmp_path / "models.yaml").write_bytes(orjson.dumps({"models": {"m": entry}}))
    command = [sys.executable, "-m", "pytest", str(ROOT / "benchmarks"), "-k", "mmlu", "--data=sample"]
    command += ["--limit=8", "--model=m", "--batch", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    (results,) = tmp_path.glob("reports/2*/results.jsonl")
    lines = [orjson.loads(line) for line in results.read_bytes().splitlines()]
    assert [line["error"] for line in lines] == [""] * 8
    (summary,) = tmp_path.glob("reports/2*/summary.json")
    assert orjson.loads(summary.read_bytes())["results"][0]["batched"] == 8
