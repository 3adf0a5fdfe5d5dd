"""A wrong address, key, model or adapter is told in one sentence, before the first question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmlubench.models.serving.fault import doubt, fault
from mmlubench.models.serving.look import look
from mmlubench.models.serving.server import Kind, Server
from tests.routed_server import LLAMACPP, VLLM, Routed, Routes

Serve = Callable[[Routes], Routed]


def found(served: Routed, name: str, adapter: str | None = None) -> tuple[Server, str]:
    spec = replace(served.spec(name), adapter=adapter)
    server = asyncio.run(look(spec, None))
    return server, fault(spec, server)


def test_vllm_is_recognised_whatever_the_entry_calls_it(serve: Serve) -> None:
    server, problem = found(serve(VLLM), "openai/smollm2")
    assert (server.kind, server.version, server.is_healthy, problem) == (Kind.VLLM, "0.32.0", True, "")
    listed = server.listed("smollm2")
    assert listed is not None
    assert (listed.root, listed.max_model_len) == ("/models/smollm2", 1024)


def test_llama_cpp_is_recognised(serve: Serve) -> None:
    server, problem = found(serve(LLAMACPP), "llamacpp/SmolLM2.Q4_1")
    assert (server.kind, server.version, problem) == (Kind.LLAMACPP, "b1", "")
    assert server.models is not None
    assert server.models[0].max_model_len == 2048


@pytest.mark.parametrize(
    ("name", "adapter", "said"),
    [
        ("vllm/smollm2", "letters", ""),
        ("vllm/smolm2", None, "has no model 'smolm2' (did you mean 'smollm2'?); it serves 'smollm2'."),
        (
            "vllm/smollm2",
            "leters",
            "has no adapter 'leters' (did you mean 'letters'?); it has 'letters': load it",
        ),
        ("vllm/smollm2", "smollm2", "is a model of the server"),
    ],
)
def test_names_at_vllm(serve: Serve, name: str, adapter: str | None, said: str) -> None:
    _, problem = found(serve(VLLM), name, adapter)
    assert said in problem
    assert bool(problem) is bool(said)


@pytest.mark.parametrize(
    ("path", "is_told"),
    [
        ("/adapters/letters", False),
        ("/adapters/letters/", False),
        ("letters", False),
        ("/other/letters", True),
    ],
)
def test_an_adapter_of_another_folder_is_told(serve: Serve, path: str, is_told: bool) -> None:
    served = serve(VLLM)
    spec = replace(served.spec("vllm/smollm2"), adapter="letters", adapter_path=path)
    problem = fault(spec, asyncio.run(look(spec, None)))
    assert ("from /adapters/letters, and not from /other/letters" in problem) is is_told
    assert bool(problem) is is_told


def test_an_adapter_of_another_model_of_the_server(serve: Serve) -> None:
    routes = {**VLLM, "GET /v1/models": (200, {"data": [
        {"id": "one", "owned_by": "vllm"}, {"id": "two", "owned_by": "vllm"},
        {"id": "letters", "owned_by": "vllm", "parent": "two"},
    ]})}  # fmt: skip
    assert "belongs to 'two', and the entry asks 'one'" in found(serve(routes), "vllm/one", "letters")[1]


def names_of_one_model(parent: str) -> Routes:
    """A vLLM with `--served-model-name one two`, a model of other weights, and an adapter of that parent."""
    return {**VLLM, "GET /v1/models": (200, {"data": [
        {"id": "one", "owned_by": "vllm", "root": "/models/tl"},
        {"id": "two", "owned_by": "vllm", "root": "/models/tl"},
        {"id": "other", "owned_by": "vllm", "root": "/models/other"},
        {"id": "good", "owned_by": "vllm", "root": "/adapters/good", "parent": parent},
    ]})}  # fmt: skip


@pytest.mark.parametrize("parent", ["one", "two", "/models/tl"])
def test_a_model_may_have_several_names_and_its_adapter_belongs_to_each(serve: Serve, parent: str) -> None:
    served = serve(names_of_one_model(parent))
    assert found(served, "vllm/one", "good")[1] == ""
    assert found(served, "vllm/two", "good")[1] == ""
    assert f"belongs to {parent!r}, and the entry asks 'other'" in found(served, "vllm/other", "good")[1]


@pytest.mark.parametrize(
    ("parent", "base"), [("two", "two"), ("/models/tl", "one"), ("unlisted", "unlisted")]
)
def test_an_adapter_that_is_asked_as_a_model_is_called_an_adapter(
    serve: Serve, parent: str, base: str
) -> None:
    served = serve(names_of_one_model(parent))
    problem = found(served, "vllm/good")[1]
    assert "has no model" not in problem
    assert f"'good' is an adapter of {base!r} at {served.url}: ask it with" in problem
    assert problem.endswith(f"--model vllm/{base}@{served.url} --adapter good.")


@pytest.mark.parametrize("name", ["local-model", "default"])
def test_a_general_name_means_the_model_that_a_desktop_server_has(serve: Serve, name: str) -> None:
    assert found(serve(LLAMACPP), f"llamacpp/{name}")[1] == ""


def test_a_desktop_server_that_answers_any_name_is_not_asked_for_another_model(serve: Serve) -> None:
    problem = found(serve(LLAMACPP), "llamacpp/gemma-3-27b")[1]
    assert "llama.cpp would answer with another model; it serves '/m/SmolLM2.Q4_1.gguf'" in problem


def test_a_server_that_loads_its_model_is_not_ready(serve: Serve) -> None:
    loading = (503, {"error": {"message": "Loading model", "code": 503}})
    routes = {**LLAMACPP, "GET /health": loading}
    assert "is not ready yet" in found(serve(routes), "llamacpp/default")[1]


@pytest.mark.parametrize(("key", "said"), [(None, "wants a key"), ("MY_KEY", "refuses the key in MY_KEY")])
def test_a_key_is_wanted_or_refused(serve: Serve, key: str | None, said: str) -> None:
    served = serve({**VLLM, "GET /v1/models": (401, {"error": "Unauthorized"})})
    spec = replace(served.spec("vllm/smollm2"), api_key_env=key)
    told = fault(spec, asyncio.run(look(spec, None)))
    assert said in told
    assert told.endswith("; if the server refuses it for its list of models alone, give --no-preflight.")


@pytest.mark.parametrize(
    "listed", [(404, {}), (200, "no json"), (200, {"data": 7}), (200, []), (500, "oops")]
)
def test_a_server_without_a_readable_list_is_asked_all_the_same(
    serve: Serve, listed: tuple[int, object]
) -> None:
    assert found(serve({"GET /v1/models": listed}), "vllm/whatever")[1] == ""


@pytest.mark.parametrize(
    "entry", [7, {}, {"id": 7}, {"id": None}, {"id": "x", "root": 7, "parent": [], "meta": 7}]
)
def test_odd_entries_of_a_list_do_no_harm(serve: Serve, entry: object) -> None:
    routes = {"GET /v1/models": (200, {"data": [entry, {"id": "smollm2", "max_model_len": "many"}]})}
    assert found(serve(routes), "vllm/smollm2")[1] == ""


def test_an_address_without_its_folder_is_told(serve: Serve) -> None:
    served = serve(VLLM)
    served.url = served.url.removesuffix("/v1")
    assert f"base_url must be {served.url}/v1: there the server lists" in found(served, "vllm/smollm2")[1]


def test_a_gateway_may_take_names_that_it_does_not_list(serve: Serve) -> None:
    served = serve({"GET /v1/models": (200, {"data": [{"id": "openai/*", "owned_by": "openai"}]})})
    server, problem = found(served, "openai/gpt-4o")
    assert problem == ""
    assert "lists no model 'gpt-4o'" in doubt(served.spec("openai/gpt-4o"), server)


def test_ollama_completes_names(serve: Serve) -> None:
    listed = {"data": [{"id": "llama3:latest", "owned_by": "library"}]}
    assert found(serve({"GET /v1/models": (200, listed)}), "openai/llama3")[1] == ""
    assert "has no model 'lama3'" in found(serve({"GET /v1/models": (200, listed)}), "openai/lama3")[1]


def test_a_dead_server_is_told(serve: Serve) -> None:
    served = serve(VLLM)
    served.server.shutdown()
    served.server.server_close()
    assert "cannot reach" in found(served, "vllm/smollm2")[1]
