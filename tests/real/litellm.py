"""LiteLLM's proxy, a gateway that many stand behind: real code between us and a model, with errors of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.local_servers import answers, free_port, running
from tests.real.environments import environment

LITELLM = "litellm[proxy]==1.106.2"
PINS = Path(__file__).with_name("litellm_pins.txt")
KEY = "sk-gateway-of-the-tests"
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
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="session")
def litellm_python() -> Path:
    """The Python of a virtual environment with LiteLLM in it."""
    return environment("litellm", ["-c", str(PINS), LITELLM])


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
