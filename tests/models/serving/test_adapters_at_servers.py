"""Adapters are loaded at a running server; one that does not fit is refused before the server sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.errors import ModelError
from mmlubench.models.serving.adapters import listed, load, unload
from mmlubench.run.preflight import check_servers
from tests.routed_server import LLAMACPP, VLLM, Routed, Routes

Serve = Callable[[Routes], Routed]
LOADED = (200, "Success: LoRA adapter 'new' added successfully.")


def test_adapters_of_vllm_are_its_models_with_a_parent(serve: Serve) -> None:
    found = asyncio.run(listed(serve(VLLM).spec("vllm/smollm2"), None))
    assert [(one.name, one.base, one.path) for one in found] == [("letters", "smollm2", "/adapters/letters")]


def test_an_adapter_is_loaded_and_unloaded(serve: Serve) -> None:
    served = serve(
        {**VLLM, "POST /v1/load_lora_adapter": LOADED, "POST /v1/unload_lora_adapter": (200, "Success")}
    )
    asyncio.run(load(served.spec("vllm/smollm2"), "new", "/adapters/new", None))
    asyncio.run(unload(served.spec("vllm/smollm2"), "new", None))
    posted = {route: json.loads(body) for route, body in served.seen if body}
    assert posted == {
        "POST /v1/load_lora_adapter": {"lora_name": "new", "lora_path": "/adapters/new"},
        "POST /v1/unload_lora_adapter": {"lora_name": "new"},
    }


def test_an_adapter_that_is_loaded_already_is_no_error(serve: Serve) -> None:
    said = {
        "error": {
            "message": "The lora adapter 'new' has already been loaded. If you want to load it in place, …"
        }
    }
    served = serve({**VLLM, "POST /v1/load_lora_adapter": (400, said)})
    asyncio.run(load(served.spec("vllm/smollm2"), "new", "/adapters/new", None))


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ((404, {"detail": "Not Found"}), "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        (
            (500, {"error": {"message": "LoRA is not enabled. Use --enable-lora to enable LoRA."}}),
            "--enable-lora",
        ),
        ((400, {"error": {"message": "LoRA rank 64 is greater than max_lora_rank 16."}}), "--max-lora-rank"),
        (
            (404, {"error": {"message": "Loading lora new failed: No adapter found for /x"}}),
            "that the server can read",
        ),
    ],
)
def test_a_server_that_cannot_load_says_what_to_do(
    serve: Serve, answer: tuple[int, object], advice: str
) -> None:
    served = serve({**VLLM, "POST /v1/load_lora_adapter": answer})
    with pytest.raises(ModelError, match=advice):
        asyncio.run(load(served.spec("vllm/smollm2"), "new", "/adapters/new", None))


def test_a_failure_that_is_not_the_paths_does_not_blame_the_path(serve: Serve) -> None:
    crash = (500, {"error": {"message": "Call to add_lora method failed: CUDA out of memory"}})
    missing = (404, {"error": {"message": "The lora adapter 'zzz' cannot be found."}})
    served = serve({**VLLM, "POST /v1/load_lora_adapter": crash, "POST /v1/unload_lora_adapter": missing})
    with pytest.raises(ModelError, match="see the server's log"):
        asyncio.run(load(served.spec("vllm/smollm2"), "new", "/adapters/new", None))
    with pytest.raises(ModelError, match="cannot be found") as told:
        asyncio.run(unload(served.spec("vllm/smollm2"), "zzz", None))
    assert str(told.value).endswith("cannot unload the adapter zzz; the adapters that it has: 'letters'.")


def test_without_a_path_an_adapter_is_not_looked_for_under_its_name(serve: Serve) -> None:
    served = serve({**VLLM, "POST /v1/load_lora_adapter": LOADED})
    at = ("--model", f"vllm/smollm2@{served.url}")
    done = CliRunner().invoke(main, ["adapters", "load", "nope", *at])
    assert done.exit_code == 1
    assert "give --path FOLDER" in done.output
    assert not [route for route, _ in served.seen if route.startswith("POST")]
    done = CliRunner().invoke(main, ["adapters", "load", "nope", *at, "--path", "/adapters/nope"])
    assert done.exit_code == 0, done.output


def test_the_path_of_an_entry_is_that_of_its_own_adapter(serve: Serve, tmp_path: Path) -> None:
    served = serve({**VLLM, "POST /v1/load_lora_adapter": LOADED})
    file = tmp_path / "models.yaml"
    entry = f"model_name: vllm/smollm2\n  base_url: {served.url}\n  adapter: law\n  adapter_path: /a/law"
    file.write_text(f"tuned:\n  {entry}\n")
    at = ("--model", "tuned", "--models-file", str(file))
    assert "give --path FOLDER" in CliRunner().invoke(main, ["adapters", "load", "sums", *at]).output
    done = CliRunner().invoke(main, ["adapters", "load", "law", *at])
    assert done.exit_code == 0, done.output
    [body] = [json.loads(body) for _, body in served.seen if body]
    assert body == {"lora_name": "law", "lora_path": "/a/law"}


@pytest.mark.parametrize(
    "answer",
    [(404, {"detail": "Not Found"}), (200, {"choices": [{"text": "x", "logprobs": None}]})],
    ids=["no completions", "no log-probabilities"],
)
def test_an_effect_that_cannot_be_checked_is_told(serve: Serve, answer: tuple[int, object]) -> None:
    served = serve({**VLLM, "POST /v1/completions": answer})
    spec = replace(served.spec("vllm/smollm2"), adapter="letters")
    (notice,) = check_servers([spec], {}).notices
    assert "the adapter letters is listed, but whether it changes anything was not checked" in notice
    assert "tells no log-probabilities" in notice


def test_an_adapter_of_another_model_never_reaches_the_server(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "google/gemma-2-2b", "r": 4})
    )
    served = serve({**VLLM, "POST /v1/load_lora_adapter": LOADED})
    with pytest.raises(
        ModelError, match="trained on google/gemma-2-2b, and the server serves /models/smollm2"
    ):
        asyncio.run(load(served.spec("vllm/smollm2"), "new", str(tmp_path), None))
    assert not [route for route, _ in served.seen if route.startswith("POST")]


def test_llama_cpp_turns_one_adapter_on_and_the_others_off(serve: Serve) -> None:
    scales = [
        {"id": 0, "path": "/a/letters.gguf", "scale": 0.0},
        {"id": 1, "path": "/a/law.gguf", "scale": 1.0},
    ]
    served = serve(
        {**LLAMACPP, "GET /lora-adapters": (200, scales), "POST /lora-adapters": (200, {"success": True})}
    )
    spec = served.spec("llamacpp/default")
    assert [(one.name, one.scale) for one in asyncio.run(listed(spec, None))] == [
        ("letters", 0.0),
        ("law", 1.0),
    ]
    asyncio.run(load(spec, "letters", "", None))
    [body] = [json.loads(body) for _, body in served.seen if body]
    assert body == [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.0}]
    with pytest.raises(ModelError, match=r"has no adapter 'maths' .it has letters, law"):
        asyncio.run(load(spec, "maths", "", None))


def test_another_server_loads_no_adapter(serve: Serve) -> None:
    served = serve({"GET /v1/models": (200, {"data": [{"id": "m"}]})})
    with pytest.raises(ModelError, match=r"neither vLLM nor llama\.cpp"):
        asyncio.run(load(served.spec("openai/m"), "new", "/x", None))
