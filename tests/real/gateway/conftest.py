"""LiteLLM's proxy, a gateway that many stand behind: real code between us and a model, with errors of its own."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.fake_server import FakeServer
from tests.local_servers import free_port, running

LITELLM = "litellm[proxy]==1.106.2"
PINS = Path(__file__).with_name("litellm_pins.txt")
KEY = "sk-gateway-of-the-tests"
INSTALL_S = 900
#: How pip says that no registry could be reached, as opposed to one that has no such package.
NO_REGISTRY = re.compile(
    r"from versions: none|NewConnectionError|ConnectTimeout|ReadTimeout|Max retries exceeded|ProxyError"
    r"|Temporary failure in name resolution|Name or service not known|Connection (refused|reset|broken)"
)
#: It ends when its standard input does, so also when the tests are killed.
CODE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from litellm import run_server
run_server()
"""
SETTINGS = {
    "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    "litellm_settings": {"num_retries": 0, "telemetry": False, "drop_params": False},
    "general_settings": {"master_key": KEY},
}
#: Answers and errors that LiteLLM makes up by itself, by the name of the model.
MOCKS = {
    "says-b": "ANSWER: B",
    "limited": "litellm.RateLimitError",
    "broken": "litellm.InternalServerError",
    "too-long": "litellm.ContextWindowExceededError",
}


@pytest.fixture(scope="session")
def litellm_python() -> Path:
    """The Python of a virtual environment with LiteLLM in it, made once and kept beside the real model.

    It is skipped only where no registry can be reached.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    cache = Path(os.environ.get("MMLUBENCH_CACHE") or Path.home() / ".cache" / "mmlubench")
    folder = cache / f"litellm-{LITELLM.rpartition('=')[2]}-python{version}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # xdist's workers all come here; the lock ends with its process
        made_of = folder / "made-of.txt"
        if not made_of.is_file() or made_of.read_text() != recipe():
            install(folder)
            made_of.write_text(recipe())
    return folder / "bin" / "python"


def recipe() -> str:
    return f"{LITELLM}\n{PINS.read_text()}"


def install(folder: Path) -> None:
    run("make a virtual environment", [sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    # Compiled when first used: most of its 740 MB never is.
    run(f"install {LITELLM}", [*pip, "--no-compile", "--retries", "2", "-c", str(PINS), LITELLM])


def run(what: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"could not {what} within {INSTALL_S} s")
    if done.returncode:
        said = done.stderr.strip()
        reason = f"could not {what}: {(said.splitlines() or ['it said nothing'])[-1]}"
        if NO_REGISTRY.search(said):
            pytest.skip(f"no package registry can be reached: {reason}")
        pytest.fail(reason)


QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_PROXY": "127.0.0.1"}


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def backend() -> Iterator[FakeServer]:
    """A fake server behind the gateway: it can be told what to do, stopped, and started again."""
    with FakeServer() as server:
        yield server


@pytest.fixture(scope="session")
def start_litellm(
    litellm_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[dict[str, dict[str, Any]]], str]]:
    """Start the gateway with these models, each with LiteLLM's parameters for it; returns its address."""

    def start(models: dict[str, dict[str, Any]]) -> str:
        folder, port = tmp_path_factory.mktemp("litellm"), free_port()
        listed = [{"model_name": name, "litellm_params": params} for name, params in models.items()]
        (folder / "config.yaml").write_text(json.dumps({"model_list": listed, **SETTINGS}))  # JSON is YAML
        options = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        address = f"http://127.0.0.1:{port}"
        command = [str(litellm_python), "-c", CODE, *options]
        is_ready = partial(answers, f"{address}/health/liveliness")
        proxies.enter_context(running(command, folder / "log", is_ready, QUIET))
        return address

    with ExitStack() as proxies:
        yield start


@pytest.fixture(scope="session")
def gateway(start_litellm: Callable[..., str], backend: FakeServer) -> str:
    """The gateway before its own mocks and before our fault server, which it takes for vLLM or for Anthropic."""
    mocks = {
        name: {"model": "openai/anything", "api_key": "none", "mock_response": text}
        for name, text in MOCKS.items()
    }
    common = {"api_key": "none", "max_retries": 0}
    behind = {
        "vllm": {"model": "hosted_vllm/faulty", "api_base": backend.url, **common},
        "openai": {"model": "openai/faulty", "api_base": backend.url, **common},
        "messages": {"model": "anthropic/faulty", "api_base": backend.url.removesuffix("/v1"), **common},
    }
    return start_litellm({**mocks, **behind})
