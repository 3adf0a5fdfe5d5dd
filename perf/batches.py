"""All 14,042 questions of MMLU through llmock's batches, killed while it waits, and started again.

    MMLUBENCH_DATA=DIR python perf/batches.py

llmock (pip install 'mmlubench[real]') speaks the batch APIs of OpenAI and Anthropic. What is shown: the seconds of both
commands together, and the requests that llmock was sent in batches, which must be as many as the questions.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PORT = 38_417
MODELS = """
models:
  openai: {{model_name: openai/gpt-4o, base_url: "http://127.0.0.1:{port}/v1"}}
  anthropic: {{model_name: anthropic/claude-opus-4-6, base_url: "http://127.0.0.1:{port}/anthropic"}}
"""
#: Seconds after which the first command is killed once its batch has been sent.
KILL_AFTER_S = 1.0


def sent(folder: Path) -> tuple[int, int]:
    """Return the requests and the batches under way or done, by the files that mmlubench keeps."""
    parts = [
        part
        for file in folder.rglob("parts.json")
        for part in json.loads(file.read_bytes())
        if part["batch_id"]
    ]
    return sum(part["count"] for part in parts), len(parts)


def measure(model: str, folder: Path, data: str) -> None:
    """Run one model, kill it, run it again, and print what was found."""
    command = [sys.executable, "-m", "pytest", str(ROOT / "benchmarks"), "-q", "-k", "mmlu", "--data", data]
    command += [
        "--model",
        model,
        "--batch",
        "--max-unparsed-rate=1",
        "--report-page=none",
        f"--run-dir={model}",
    ]
    started = time.perf_counter()
    first = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    while first.poll() is None and not sent(folder / model)[0]:
        time.sleep(0.1)
    time.sleep(KILL_AFTER_S)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if "batch" in line]
    print(f"{model}: {time.perf_counter() - started:.1f} s, {sent(folder / model)} requests and batches sent")
    print("\n".join(told))


def main() -> None:
    """Measure both."""
    data = str(Path(os.environ["MMLUBENCH_DATA"]).resolve() / "mmlu")
    serve = [sys.executable, "-c", "from llmock.cli import app; app()", "serve", "--port", str(PORT)]
    with tempfile.TemporaryDirectory() as name, subprocess.Popen(serve, stdout=subprocess.DEVNULL) as server:
        try:
            time.sleep(5)
            Path(name, "models.yaml").write_text(MODELS.format(port=PORT))
            for model in ("openai", "anthropic"):
                measure(model, Path(name), data)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
