"""Adapters of a llama.cpp server: each request says which one counts, and no adapter passes for another."""

from __future__ import annotations

import pytest

from mmlubench.models import resolve
from mmlubench.models.serving.fault import fault
from mmlubench.models.serving.loras import chosen, files_of, names_of
from mmlubench.models.serving.seen import as_seen
from mmlubench.models.serving.server import Kind, Server

LISTED = [
    {"id": 1, "path": "/l/sums.gguf", "scale": 1.0},
    {"id": 0, "path": r"C:\l\letters.gguf", "scale": 0.0},
]
SERVER = Server(Kind.LLAMACPP, loras=files_of(LISTED))


def of(adapter: str | None, client: str = "llamacpp"):
    return resolve(f"{client}/m@http://localhost:8080/v1", adapter=adapter, env={})


def test_they_are_called_by_their_files_in_the_order_of_their_ids() -> None:
    assert names_of(SERVER) == ["letters", "sums"]
    assert Server.from_dict(SERVER.to_dict()) == SERVER


@pytest.mark.parametrize("odd", [None, {}, [None, 3, {"path": "x"}], {"error": {"code": 501}}])
def test_a_server_without_a_list_has_none(odd: object) -> None:
    assert files_of(odd) == ()
    assert chosen(Server(Kind.LLAMACPP), "letters") == {}


@pytest.mark.parametrize("client", ["llamacpp", "openai"])
def test_each_request_chooses_one_adapter_or_none(client: str) -> None:
    for adapter, scales in (("letters", [1.0, 0.0]), ("sums", [0.0, 1.0]), ("base", [0.0, 0.0])):
        body = as_seen(of(adapter, client), SERVER).extra_body
        assert body["lora"] == [{"id": n, "scale": scale} for n, scale in enumerate(scales)]
        assert body["cache_prompt"] is False  # else it goes on from the same prompt with another adapter


def test_without_a_word_of_adapters_the_server_keeps_its_own_scales() -> None:
    assert "lora" not in as_seen(of(None), SERVER).extra_body


def test_an_adapter_that_the_server_lacks_is_refused() -> None:
    said = fault(of("leters"), SERVER)
    assert said == (
        "llamacpp-m-leters: the llama.cpp server at http://localhost:8080/v1 has no adapter 'leters' (did you mean "
        "'letters'?); it has 'letters', 'sums': start it with --lora leters.gguf."
    )
    assert "it has none" in fault(of("letters", "openai"), Server(Kind.LLAMACPP))
    assert fault(of("letters"), SERVER) == ""


def test_two_files_of_one_name_are_told() -> None:
    twice = Server(Kind.LLAMACPP, loras=("/a/letters.gguf", "/b/letters.gguf"))
    assert "two adapters" in fault(of("letters"), twice)


def test_lm_studio_would_answer_with_its_own_model() -> None:
    assert "cannot be asked for an adapter" in fault(of("letters", "openai"), Server(Kind.LMSTUDIO))
