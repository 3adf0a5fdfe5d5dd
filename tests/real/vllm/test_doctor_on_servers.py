"""The doctor on real servers: of twelve faults, each planted alone, it names the one that is there.

The twelfth, a package that is missing, needs no server: tests/doctor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from tests.local_servers import free_port

pytestmark = pytest.mark.servers

KEY = "sk-of-this-test-123"
ENTRY = """
models:
  asked:
    model_name: {name}
    base_url: {address}
"""
WITH_KEY = "    api_key_env: SERVER_KEY\n"
Found = dict[str, dict[str, str]]


@pytest.fixture
def see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Found]]:
    """Examine a model; returns the exit status and the findings by check."""
    monkeypatch.chdir(tmp_path)

    def examine(*arguments: str, entry: str = "") -> tuple[int, Found]:
        if entry:
            (tmp_path / "models.yaml").write_text(entry)
        data = () if "--data" in arguments else ("--data", "sample")
        result = CliRunner().invoke(main, ["doctor", "--json", "--max-tokens", "64", *data, *arguments])
        assert KEY not in result.output
        return result.exit_code, {one["check"]: one for one in json.loads(result.output)}

    return examine


def assert_named(seen: tuple[int, Found], check: str, *said: str, kind: str = "failed") -> None:
    """The first check that found something is this one, with these words."""
    status, found = seen
    assert status == 1, found
    first = next(name for name, one in found.items() if one["verdict"] in ("failed", kind))
    assert first == check, found
    sentence = f"{found[check]['found']}: {found[check]['advice']}"
    assert all(words in sentence for words in said), sentence


def test_a_well_server_passes(vllm: Any, adapters: Path, see: Callable[..., Any]) -> None:
    asked = (
        "--model",
        vllm.model,
        "--recipe",
        "hendrycks",
        "--shots",
        "1",
        "--scoring",
        "logprob:completions",
    )
    status, found = see(*asked)
    assert status == 0, found
    assert found["server"]["found"].endswith("(vLLM 0.32.0)")
    assert found["log-probabilities"]["found"] == "it can do --scoring logprob:completions"
    assert found["context"]["verdict"] == "ok"


def test_no_entry(see: Callable[..., Any]) -> None:
    assert_named(see("--model", "smolm2"), "model", "no such entry")


def test_no_key(
    start_llama: Callable[..., Any], see: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{start_llama(KEY).address}/v1"
    monkeypatch.delenv("SERVER_KEY", raising=False)
    entry = ENTRY.format(name="llamacpp/smollm2", address=address)
    assert_named(see("--model", "asked", entry=entry + WITH_KEY), "key", "SERVER_KEY is not set")
    assert_named(see("--model", "asked", entry=entry), "access", "wants a key (HTTP 401)", "api_key_env")
    monkeypatch.setenv("SERVER_KEY", "sk-of-somebody-else")
    refused = see("--model", "asked", entry=entry + WITH_KEY)
    assert_named(refused, "access", "refuses the key in SERVER_KEY (HTTP 401)")
    assert refused[1]["reply"]["verdict"] == "skipped"
    monkeypatch.setenv("SERVER_KEY", KEY)
    _, found = see("--model", "asked", entry=entry + WITH_KEY)
    assert {found[name]["verdict"] for name in ("key", "server", "access", "served model")} == {"ok"}


def test_a_wrong_port(see: Callable[..., Any]) -> None:
    model = f"vllm/smollm2@http://127.0.0.1:{free_port()}/v1"
    assert_named(see("--model", model), "server", "cannot reach", "Connection refused")


def test_plain_http_behind_https(vllm: Any, see: Callable[..., Any]) -> None:
    assert_named(see("--model", vllm.model.replace("http:", "https:")), "server", "TLS")


def test_a_wrong_path(vllm: Any, see: Callable[..., Any]) -> None:
    seen = see("--model", vllm.model.removesuffix("/v1"))
    assert_named(seen, "served model", "no list of models", "mostly in /v1", kind="warning")


def test_a_wrong_model(vllm: Any, see: Callable[..., Any]) -> None:
    model = vllm.model.replace("smollm2", "smolm2")
    assert_named(see("--model", model), "served model", "has no model 'smolm2'", "did you mean 'smollm2'?")


def test_a_wrong_adapter(vllm: Any, see: Callable[..., Any]) -> None:
    assert_named(see("--model", vllm.model, "--adapter", "nobody"), "adapter", "has no adapter 'nobody'")


def test_no_log_probabilities(hf_server: str, smollm2_folder: Path, see: Callable[..., Any]) -> None:
    entry = ENTRY.format(name=f"openai/{smollm2_folder}", address=f"{hf_server}/v1")
    seen = see("--model", "asked", "--scoring", "logprob", entry=entry)
    assert_named(seen, "log-probabilities", "gave no log-probabilities", "use --scoring text")


def test_broken_data(vllm: Any, see: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "mmlu"
    folder.mkdir()
    (folder / "test.parquet").write_bytes(b"PAR1 cut off")
    assert_named(see("--model", vllm.model, "--data", str(folder)), "data", "test.parquet")


def test_a_folder_that_cannot_be_written(vllm: Any, see: Callable[..., Any]) -> None:
    # Not even root writes there.
    seen = see("--model", vllm.model, "--run-dir", "/proc/mmlubench")
    assert_named(seen, "run folder", "/proc cannot be written", "--run-dir DIR")
