"""The doctor names the right fault for each that was planted, and says what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mmlubench.cli import main
from tests.routed_server import VLLM, Routed, Routes

Serve = Callable[[Routes], Routed]


def reply(text: str | None, **message: Any) -> tuple[int, Any]:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    choice["logprobs"] = {
        "content": [
            {
                "token": "B",
                "logprob": -0.1,
                "top_logprobs": [{"token": "B", "logprob": -0.1}, {"token": "A", "logprob": -2.5}],
            }
        ]
    }
    return 200, {
        "choices": [choice],
        "model": "smollm2",
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }


NO_LOGPROBS = (400, {"error": {"message": "logprobs are not supported"}})
WELL: Routes = {
    **VLLM,
    "POST /v1/chat/completions": reply("ANSWER: B"),
    "POST /v1/completions": NO_LOGPROBS,
}


@pytest.fixture
def see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Result, dict[str, dict[str, str]]]]:
    """Run the doctor on a model; returns the command's result and the findings by check."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[Result, dict[str, dict[str, str]]]:
        result = CliRunner().invoke(main, ["doctor", "--data", "sample", "--json", *arguments])
        return result, {one["check"]: one for one in json.loads(result.output)}

    return run


def test_all_is_well(serve: Serve, see: Any) -> None:
    served = serve(WELL)
    result, found = see(
        "--model", f"vllm/smollm2@{served.url}", "--adapter", "letters", "--max-tokens", "200"
    )
    assert result.exit_code == 0, result.output
    assert {name for name, one in found.items() if one["verdict"] == "ok"} >= {
        *(
            "model",
            "packages",
            "data",
            "run folder",
            "store",
            "server",
            "ready",
            "access",
            "served model",
        ),
        *("reply", "sampling", "log-probabilities", "context"),
    }
    assert found["server"]["found"].endswith("(vLLM 0.32.0)")
    # It tells no log-probabilities of raw prompts, by which the effect of the adapter would show.
    assert found["adapter"]["verdict"] == "warning"
    assert "whether it changes anything was not checked" in found["adapter"]["found"]
    assert "--with-base" in found["adapter"]["advice"]
    assert not any(route == "POST /v1/load_lora_adapter" for route, _ in served.seen)


def named(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {
        name: f"{one['found']}: {one['advice']}" for name, one in found.items() if one["verdict"] == "failed"
    }


@pytest.mark.parametrize(
    ("routes", "model", "more", "check", "said"),
    [
        ({}, "vllm/smolm2", (), "served model", "did you mean 'smollm2'"),
        ({}, "vllm/smollm2", ("--adapter", "leters"), "adapter", "did you mean 'letters'"),
        ({"GET /v1/models": (401, {})}, "vllm/smollm2", (), "access", "wants a key"),
        ({"GET /health": (503, {})}, "vllm/smollm2", (), "ready", "not ready yet"),
        (
            {"POST /v1/chat/completions": reply("", reasoning="hm" * 40)},
            "vllm/smollm2",
            (),
            "reply",
            "80 characters of thinking and no text",
        ),
        ({"POST /v1/chat/completions": reply("")}, "vllm/smollm2", (), "reply", "the reply is empty"),
        (
            {"POST /v1/chat/completions": NO_LOGPROBS},
            "vllm/smollm2",
            ("--scoring", "logprob"),
            "log-probabilities",
            "not supported",
        ),
        (
            {"GET /v1/models": (200, {"data": [{"id": "smollm2", "max_model_len": 64}]})},
            "vllm/smollm2",
            (),
            "context",
            "64 tokens",
        ),
    ],
)
def test_a_fault_of_the_server_is_named_by_its_check(
    serve: Serve, see: Any, routes: Routes, model: str, more: tuple[str, ...], check: str, said: str
) -> None:
    result, found = see("--model", f"{model}@{serve({**WELL, **routes}).url}", *more)
    assert result.exit_code == 1
    assert said in named(found)[check]


def test_an_empty_reply_is_no_fault_of_a_run_that_scores_by_log_probability(serve: Serve, see: Any) -> None:
    served = serve({**WELL, "POST /v1/chat/completions": reply("")})
    result, found = see("--model", f"vllm/smollm2@{served.url}", "--scoring", "logprob:chat")
    assert result.exit_code == 0, result.output
    assert found["reply"]["verdict"] == "skipped"


def test_a_list_of_models_that_fails_is_not_said_to_be_shown(serve: Serve, see: Any) -> None:
    _, found = see("--model", f"vllm/smollm2@{serve({**WELL, 'GET /v1/models': (500, '')}).url}")
    assert found["access"]["found"] == "its list of models answers HTTP 500: the trial request will tell"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ((404, {"error": {"message": "Not Found"}}), "its list of models answers HTTP 404"),
        ((200, "<html>Welcome</html>"), "it shows no list of models"),
    ],
)
def test_where_there_is_no_list_none_is_said_to_be_shown(
    serve: Serve, see: Any, listed: tuple[int, object], said: str
) -> None:
    _, found = see("--model", f"vllm/smollm2@{serve({**WELL, 'GET /v1/models': listed}).url}")
    assert found["access"]["verdict"] == "skipped"
    assert found["access"]["found"] == f"{said}: the trial request will tell"
    assert "/v1" not in found["served model"]["advice"]


def test_a_reply_of_another_model_than_the_one_asked_for_is_told(serve: Serve, see: Any) -> None:
    status, body = reply("ANSWER: B")
    served = serve({**WELL, "POST /v1/chat/completions": (status, {**body, "model": "other"})})
    _, found = see("--model", f"vllm/smollm2@{served.url}")
    assert found["served model"]["found"] == "it lists smollm2"
    assert found["reply"]["verdict"] == "warning"
    assert found["reply"]["found"] == "it answered B, but says that its model is other, and not smollm2"


def test_a_wrong_port_is_told(serve: Serve, see: Any) -> None:
    served = serve(WELL)
    served.server.shutdown()
    served.server.server_close()
    result, found = see("--model", f"vllm/smollm2@{served.url}")
    assert result.exit_code == 1
    assert "cannot reach" in named(found)["server"]
    assert found["reply"]["verdict"] == "skipped"


def test_plain_http_behind_https_is_told(serve: Serve, see: Any) -> None:
    _, found = see("--model", f"vllm/smollm2@{serve(WELL).url.replace('http:', 'https:')}")
    assert "TLS" in named(found)["server"]


def test_a_wrong_path_is_told(serve: Serve, see: Any) -> None:
    _, found = see("--model", f"vllm/smollm2@{serve(WELL).url.removesuffix('/v1')}")
    assert found["served model"]["verdict"] == "warning"
    assert "mostly in /v1" in found["served model"]["advice"]
    assert "reply" in named(found)


@pytest.mark.parametrize("model", ["clade", "vlm/smollm2"])
def test_an_unknown_model_is_told(see: Any, model: str) -> None:
    result, found = see("--model", model)
    assert result.exit_code == 1
    assert "no such entry" in named(found)["model"]


def test_a_missing_key_is_told_and_never_shown(see: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result, found = see("--model", "openai/gpt-5.5")
    assert "OPENAI_API_KEY is not set" in named(found)["key"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123456")
    result, found = see("--model", "openai/gpt-5.5")
    assert found["key"]["found"] == "OPENAI_API_KEY is set (16 characters)"
    assert "secret" not in result.output


def test_a_missing_package_is_told(see: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmlubench.doctor import here

    monkeypatch.setattr(here, "_version", lambda name: None if name == "torch" else "1.0")
    _, found = see("--model", "transformers/some/model")
    assert "pip install 'mmlubench[local]'" in named(found)["packages"]
    assert found["server"]["found"] == "packages are missing"  # and nothing is looked for on the hub


def test_broken_data_is_told(serve: Serve, see: Any, tmp_path: Path) -> None:
    (tmp_path / "test.parquet").write_bytes(b"PAR1 no parquet")
    _, found = see("--model", f"vllm/smollm2@{serve(WELL).url}", "--data", str(tmp_path))
    assert "data" in named(found)


def test_a_gated_data_set_says_how_it_is_got(see: Any, tmp_path: Path) -> None:
    asked = ("--model", "mock", "-k", "gpqa_diamond", "--data")
    _, found = see(*asked, "sample")
    assert found["data"]["verdict"] == "ok"
    assert "8 questions from embedded sample; choices shuffled" in found["data"]["found"]
    code = "import sys; from mmlubench.cli import main; sys.exit(main())"
    env = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path),
    }  # read when the hub's client is imported
    command = [sys.executable, "-c", code, "doctor", *asked, "hub", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    (data,) = (one for one in json.loads(done.stdout) if one["check"] == "data")
    assert (done.returncode, data["verdict"]) == (1, "failed")
    assert "accept its conditions at https://huggingface.co/datasets/Idavidrein/gpqa" in str(data)


def test_a_folder_that_cannot_be_written_is_told(see: Any, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file in its place")
    _, found = see("--model", "mock")
    assert "give another folder with --run-dir" in named(found)["run folder"]


def test_a_store_of_another_program_is_told(serve: Serve, see: Any, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    store = ("--store", str(tmp_path / "other.sqlite"))
    _, found = see("--model", f"vllm/smollm2@{serve(WELL).url}", *store)
    assert "another program" in named(found)["store"]


def test_the_load_test_ends_and_names_a_concurrency(serve: Serve, see: Any) -> None:
    _, found = see("--model", f"vllm/smollm2@{serve(WELL).url}", "--load")
    assert "replies a second at" in found["load"]["found"]


def test_replies_that_differ_at_temperature_0_are_a_warning(serve: Serve, see: Any) -> None:
    served = serve(WELL)
    texts = iter(["ANSWER: B", "one", "two", "three", "four"])

    class Changing(dict):
        def get(self, route: str, default: Any = None) -> Any:
            return (
                reply(next(texts, "x")) if route.endswith("chat/completions") else super().get(route, default)
            )

    served.routes = Changing(served.routes)
    _, found = see("--model", f"vllm/smollm2@{served.url}")
    assert found["sampling"]["verdict"] == "warning"
    assert "generation-config" in found["sampling"]["advice"]


def test_an_entry_of_another_name_at_a_vllm_is_tried_as_a_run_would_ask_it(serve: Serve, see: Any) -> None:
    served = serve(WELL)
    assert see("--model", f"openai/smollm2@{served.url}", "--max-tokens", "200")[0].exit_code == 0
    chats = [json.loads(body) for route, body in served.seen if route == "POST /v1/chat/completions"]
    assert chats
    assert all(body["repetition_penalty"] == 1.0 for body in chats)


def test_an_adapter_that_changes_nothing_is_no_adapter(serve: Serve, see: Any) -> None:
    told = {"tokens": [" A"], "token_logprobs": [-1.0], "top_logprobs": [{" A": -1.0, " B": -2.0}]}
    same = {"choices": [{"text": " A", "logprobs": told}]}
    served = serve({**WELL, "POST /v1/completions": (200, same)})
    _, found = see("--model", f"vllm/smollm2@{served.url}", "--adapter", "letters", "--max-tokens", "200")
    assert "it changes nothing" in named(found)["adapter"]
