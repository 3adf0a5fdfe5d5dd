"""What servers tell of their weights: it changes with the weights, and with nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.models.base import Told
from mmlubench.models.local.options import LocalOptions
from mmlubench.models.serving.look import look
from mmlubench.models.serving.weights import told_by, told_here
from mmlubench.models.spec import ModelSpec
from tests.routed_server import LLAMACPP, VLLM, Routed, Routes

GGUF = {"n_vocab": 9, "n_params": 100, "size": 60, "ftype": "Q4_1", "n_ctx": 2048}
LMSTUDIO: list[dict[str, Any]] = [
    {"id": "llama-8b", "type": "llm", "arch": "llama", "quantization": "Q4_K_M", "state": "loaded"},
    {"id": "qwen-7b", "type": "llm", "arch": "qwen2", "quantization": "Q8_0", "state": "not-loaded"},
    {"id": "embed", "type": "embeddings", "arch": "bert", "quantization": "F16", "state": "loaded"},
]


@pytest.fixture
def tell(serve: Callable[[Routes], Routed]) -> Callable[..., Told]:
    """What a server with these routes tells of the weights of a model."""

    def ask(routes: Routes, name: str = "vllm/smollm2", **changes: Any) -> Told:
        spec = replace(serve(routes).spec(name), **changes)

        async def told() -> Told:
            return await told_by(spec, await look(spec, None), None)

        return asyncio.run(told())

    return ask


def listing(*entries: dict[str, Any]) -> Routes:
    return {"GET /v1/models": (200, {"data": list(entries)})}


def test_vllm_tells_where_model_and_adapter_come_from(tell: Callable[..., Told]) -> None:
    assert tell(VLLM) == {"model": {"root": "/models/smollm2"}}
    assert tell(VLLM, adapter="letters") == {
        "model": {"root": "/models/smollm2"},
        "adapter": {"root": "/adapters/letters"},
    }


@pytest.mark.parametrize("owner", ["vllm", "llamacpp", "organization_owner", "library", "sglang"])
def test_neither_the_time_of_the_look_nor_the_version_tells_weights(
    tell: Callable[..., Told], owner: str
) -> None:
    told = [
        tell(
            {
                **listing({"id": "smollm2", "owned_by": owner, "root": "r", "created": created}),
                "GET /version": (200, {"version": f"0.{created}"}),
            }
        )
        for created in (1, 2)
    ]
    assert told[0] == told[1]


def test_weights_in_a_folder_of_this_computer_are_known_by_their_content(
    tell: Callable[..., Told], tmp_path: Path
) -> None:
    file = tmp_path / "model.safetensors"
    routes = listing({"id": "smollm2", "owned_by": "vllm", "root": str(tmp_path)})
    hashes = []
    for content in (b"first", b"other", b"first"):
        file.write_bytes(content)
        hashes.append(tell(routes)["model"]["sha256"])
    assert hashes[0] == hashes[2] != hashes[1]


def test_an_adapter_in_a_folder_of_this_computer_is_known_by_its_weights_and_configuration_alone(
    tell: Callable[..., Told], tmp_path: Path
) -> None:
    routes = deepcopy(VLLM)
    routes["GET /v1/models"][1]["data"][1]["root"] = str(tmp_path)

    def digest(**files: str) -> str:
        for name, text in files.items():
            (tmp_path / name.replace("_json", ".json").replace("_safetensors", ".safetensors")).write_text(
                text
            )
        return str(tell(routes, adapter="letters")["adapter"]["sha256"])

    first = digest(adapter_config_json=json.dumps({"r": 4}), adapter_model_safetensors="x")
    assert digest(trainer_state_json="{}") == first
    assert digest(adapter_config_json=json.dumps({"r": 8})) != first
    assert digest(adapter_config_json=json.dumps({"r": 4}), adapter_model_safetensors="y") != first


def test_a_root_that_only_repeats_the_name_tells_nothing(tell: Callable[..., Told]) -> None:
    assert tell(listing({"id": "smollm2", "owned_by": "sglang", "root": "smollm2"})) == {}


def test_the_only_model_of_a_server_that_answers_any_name_is_told(tell: Callable[..., Told]) -> None:
    assert tell(listing({"id": "other"})) == {"model": {"id": "other"}}
    assert tell(listing({"id": "other"}, {"id": "third"})) == {}
    assert tell(listing({"id": "smollm2"})) == {}


def test_llama_cpp_tells_its_file_its_size_its_template_and_its_active_adapters(
    tell: Callable[..., Told],
) -> None:
    def told(path: str = "/m/a.gguf", size: int = 60, template: str = "{{ x }}", scale: float = 0.0) -> Told:
        return tell(
            {
                **listing({"id": "m", "owned_by": "llamacpp", "meta": {**GGUF, "size": size}}),
                "GET /props": (
                    200,
                    {"default_generation_settings": {}, "model_path": path, "chat_template": template},
                ),
                "GET /lora-adapters": (200, [{"id": 0, "path": "/a/letters.gguf", "scale": scale}]),
            }
        )

    first = told()
    assert first["model"] == {"root": "/m/a.gguf", "n_vocab": 9, "n_params": 100, "size": 60, "ftype": "Q4_1"}
    assert first["adapter"] == {"active": "none"}
    assert told() == first
    for change in ({"path": "/m/b.gguf"}, {"size": 61}, {"template": "{{ y }}"}, {"scale": 1.0}):
        assert told(**change) != first, change
    assert told(scale=0.5)["adapter"] == {"active": "/a/letters.gguf x 0.5"}


def test_a_llama_cpp_without_the_routes_beside_tells_what_it_has(tell: Callable[..., Told]) -> None:
    assert tell(LLAMACPP)["model"] == {"root": "/m/SmolLM2.gguf"}


def test_lm_studio_tells_the_model_of_that_name_or_the_one_that_is_loaded(tell: Callable[..., Told]) -> None:
    routes = {
        **listing(*({"id": one["id"], "owned_by": "organization_owner"} for one in LMSTUDIO)),
        "GET /api/v0/models": (200, {"data": LMSTUDIO}),
    }
    loaded = {"id": "llama-8b", "arch": "llama", "quantization": "Q4_K_M"}
    assert tell(routes, "lmstudio/local-model") == {"model": loaded}
    assert tell(routes, "lmstudio/qwen-7b")["model"]["quantization"] == "Q8_0"
    both = [{**one, "state": "loaded"} for one in LMSTUDIO]
    routes["GET /api/v0/models"] = (200, {"data": both})
    assert tell(routes, "lmstudio/local-model") == {"model": {"id": "llama-8b, qwen-7b"}}


def test_ollama_tells_the_digest_of_a_model(tell: Callable[..., Told]) -> None:
    routes = {
        **listing({"id": "llama3:latest", "owned_by": "library"}),
        "GET /api/tags": (
            200,
            {"models": [{"name": "llama3:latest", "digest": "abc"}, {"name": "x", "digest": "d"}]},
        ),
    }
    assert tell(routes, "openai/llama3") == {"model": {"sha256": "abc"}}


def test_nothing_is_asked_of_vendors_or_told_of_a_server_that_is_away(
    serve: Callable[[Routes], Routed],
) -> None:
    server = serve(VLLM)
    spec = server.spec("vllm/smollm2")
    found = asyncio.run(look(spec, None))
    assert asyncio.run(told_by(replace(spec, self_hosted=False), found, None)) == {}
    server.server.shutdown()
    server.server.server_close()
    assert asyncio.run(told_by(spec, asyncio.run(look(spec, None)), None)) == {}


def test_a_key_that_a_server_sends_back_goes_into_no_file(serve: Callable[[Routes], Routed]) -> None:
    props = {"default_generation_settings": {}, "model_path": "/m/sk-secret-key"}
    spec = serve({**LLAMACPP, "GET /props": (200, props)}).spec("vllm/m")

    async def told() -> Told:
        return await told_by(spec, await look(spec, "sk-secret-key"), "sk-secret-key")

    said = str(asyncio.run(told()))
    assert "/m/" in said
    assert "sk-secret-key" not in said


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"data": 3}, {"data": [3, {"id": 4}]}, {"models": [None, {}]}]
)
def test_odd_answers_tell_nothing(tell: Callable[..., Told], odd: Any) -> None:
    for owner, path in [
        ("organization_owner", "/api/v0/models"),
        ("library", "/api/tags"),
        ("llamacpp", "/lora-adapters"),
    ]:
        told = tell({**listing({"id": "smollm2", "owned_by": owner}), f"GET {path}": (200, odd)})
        assert told.get("model", {}) == {}


def test_a_model_in_process_is_known_by_its_files_its_adapter_and_its_quantisation(tmp_path: Path) -> None:
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    for folder, name in [(model, "model.safetensors"), (adapter, "adapter_config.json")]:
        folder.mkdir()
        (folder / name).write_text("{}")
    spec = ModelSpec("m", "transformers", str(model), adapter="a", adapter_path=str(adapter))
    told = told_here(spec)
    assert set(told["adapter"]) == {"sha256"}
    (model / "model.safetensors").write_text("{ }")
    assert told_here(spec)["model"]["sha256"] != told["model"]["sha256"]
    assert told_here(replace(spec, local=LocalOptions(load_in_4bit=True)))["quantised"] != told["quantised"]
