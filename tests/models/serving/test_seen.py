"""What a server is seen to be decides how it is asked; a vendor's key is checked at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmlubench.models.names.from_entry import from_name
from mmlubench.models.names.presets import PRESETS
from mmlubench.models.serving.fault import doubt, fault
from mmlubench.models.serving.look import look
from mmlubench.models.serving.seen import as_seen
from mmlubench.models.serving.server import Kind, Listed, Server
from mmlubench.models.spec import ModelSpec
from tests.routed_server import LLAMACPP, VLLM, Routed, Routes

Serve = Callable[[Routes], Routed]
SEEN_VLLM = Server(Kind.VLLM)


def named(name: str) -> ModelSpec:
    spec = from_name(name)
    assert spec is not None
    return spec


def test_an_openai_entry_at_a_vllm_is_asked_as_a_vllm_entry_is() -> None:
    openai, vllm = named("openai/m@http://host:8000/v1"), named("vllm/m@http://host:8000/v1")
    seen = as_seen(openai, SEEN_VLLM)
    assert (seen.parameters, seen.extra_body, seen.features) == (
        vllm.parameters,
        vllm.extra_body,
        vllm.features,
    )
    assert as_seen(vllm, SEEN_VLLM) == vllm
    assert seen.client == "openai"


def test_what_the_entry_gives_stays() -> None:
    spec = replace(
        named("openai/m@http://host:8000/v1"), extra_body={"top_k": 20, "mine": 1}, parameters={"top_p": 0.9}
    )
    seen = as_seen(spec, SEEN_VLLM)
    assert seen.extra_body == {**PRESETS["vllm"].extra_body, "top_k": 20, "mine": 1}
    assert seen.parameters == {"temperature": 0.0, "top_p": 0.9}


def test_defaults_of_the_wrong_name_go() -> None:
    seen = as_seen(named("vllm/m@http://host:8080/v1"), Server(Kind.LLAMACPP))
    assert (seen.extra_body, seen.features) == (
        PRESETS["llamacpp"].extra_body,
        PRESETS["llamacpp"].features,
    )


@pytest.mark.parametrize("server", [None, Server(), Server(Kind.OLLAMA)])
def test_an_unknown_server_is_asked_as_the_entry_says(server: Server | None) -> None:
    spec = named("openai/m@http://host:8000/v1")
    assert as_seen(spec, server) == spec


@pytest.mark.parametrize(("given", "expected"), [(None, 32768), (8192, 8192), (65536, 32768)])
def test_the_context_window_is_the_servers_unless_the_entry_gives_a_smaller_one(
    given: int | None, expected: int
) -> None:
    server = Server(models=(Listed("m", max_model_len=32768),))
    spec = replace(named("openai/m@http://host:8000/v1"), context_window=given)
    assert as_seen(spec, server).context_window == expected


def test_a_vendor_and_another_protocol_stay_as_they_are() -> None:
    for name in ("openai/gpt-4o", "anthropic/claude-x@http://host:8000"):
        assert as_seen(named(name), SEEN_VLLM) == named(name)


def test_what_was_seen_passes_to_workers_and_comes_back() -> None:
    server = Server(Kind.VLLM, "0.32.0", (Listed("m", "/m", max_model_len=64),), status=200, is_healthy=True)
    assert Server.from_dict(server.to_dict()) == server


def test_the_window_of_a_server(serve: Serve) -> None:
    for routes, name, window in ((VLLM, "smollm2", 1024), (LLAMACPP, "default", 2048)):
        spec = serve(routes).spec(f"openai/{name}")
        assert asyncio.run(look(spec, None)).window(name) == window
    slot = Server(Kind.LLAMACPP, props={"default_generation_settings": {"n_ctx": 512}})
    assert slot.window("default") == 512


def test_a_gateway_is_not_asked_for_its_health_for_which_it_would_ask_all_its_models(serve: Serve) -> None:
    served = serve({"GET /v1/models": (200, {"data": [{"id": "m", "owned_by": "openai"}]})})
    asyncio.run(look(served.spec("openai/m"), None))
    assert "GET /health" not in [route for route, _ in served.seen]


def of_vendor(served: Routed, client: str) -> ModelSpec:
    return replace(
        served.spec(f"{client}/some/model"), self_hosted=False, api_key_env="VENDOR_KEY", transport="aiohttp"
    )


def test_openrouter_shows_its_list_to_all_and_tells_of_the_key_elsewhere(serve: Serve) -> None:
    listed = {"GET /v1/models": (200, {"data": [{"id": "some/model-2"}]})}
    spec = of_vendor(served := serve({**listed, "GET /v1/key": (401, {"error": "No auth"})}), "openrouter")
    assert "refuses the key in VENDOR_KEY" in fault(spec, asyncio.run(look(spec, "wrong")))
    served.routes["GET /v1/key"] = (200, {"data": {}})
    server = asyncio.run(look(spec, "right"))
    assert fault(spec, server) == ""
    assert "lists no model 'some/model' (did you mean 'some/model-2'?)" in doubt(spec, server)
    assert not [route for route, _ in served.seen if route.startswith("POST")]


def test_anthropic_is_looked_at_with_its_own_key(serve: Serve) -> None:
    served = serve({"GET /v1/models": (401, {"error": {"message": "invalid x-api-key"}})})
    spec = named(f"anthropic/claude-x@{served.url.removesuffix('/v1')}")
    assert "wants a key (HTTP 401)" in fault(spec, asyncio.run(look(spec, None)))
