"""Names without a maker, such as `openrouter/gpt-4o`: by the packaged file, else by OpenRouter's list."""

from __future__ import annotations

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.names import openrouter
from mmlubench.models.names.presets import PRESETS
from mmlubench.models.names.resolve import resolve
from tests.local_servers import free_port

ENV = {"OPENROUTER_API_KEY": "k"}
LIST = {
    "data": [{"id": "openai/gpt-9"}, {"id": "acme/twin"}, {"id": "other/twin"}, {"id": "openai/gpt-9:free"}]
}


@pytest.fixture
def listed_at(monkeypatch):
    """Say where OpenRouter's list is looked up."""

    def at(url):
        openrouter._listed.cache_clear()
        monkeypatch.setattr(openrouter, "PRESETS", {"openrouter": PRESETS["vllm"].__class__(url)})

    yield at
    openrouter._listed.cache_clear()


@pytest.fixture
def nobody_lists(listed_at):
    listed_at(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("claude-sonnet-4", "anthropic/claude-sonnet-4"),
        ("claude-3-5-sonnet", "anthropic/claude-3.5-sonnet"),
        ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
        ("Llama-3.1-8B-Instruct", "meta-llama/llama-3.1-8b-instruct"),
        ("llama-3.1-70b", "meta-llama/llama-3.1-70b-instruct"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("nobody/knows", "nobody/knows"),
    ],
)
def test_a_name_means_the_model_that_people_mean_by_it(name, model_id, nobody_lists, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = resolve(f"openrouter/{name}", env=ENV)
    assert (spec.client, spec.model_id) == ("openrouter", model_id)
    assert spec.extra_body["provider"] == {"require_parameters": True, "allow_fallbacks": False}


def test_every_packaged_id_is_found_by_its_name():
    ids = openrouter._packaged()["ids"]
    assert len(ids) == len(set(ids)) > 80
    for each in ids:
        assert openrouter.openrouter_id(each.rpartition("/")[2], "--model") == each
    assert set(openrouter._packaged()["also"].values()) <= set(ids)


def test_an_entry_goes_before_if_it_is_openrouters(nobody_lists, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.yaml").write_text(
        "gpt-4o: {model_name: openrouter/openai/gpt-4o-mini, max_output_tokens: 9}\n"
        "gpt-4.1: {model_name: openai/gpt-4.1, api_key_env: NOT_SET}\n"
    )
    own = resolve("openrouter/gpt-4o", env=ENV)
    assert (own.label, own.model_id, own.max_output_tokens) == ("gpt-4o", "openai/gpt-4o-mini", 9)
    assert resolve("openrouter/gpt-4.1", env=ENV).base_url == "https://openrouter.ai/api/v1"
    assert resolve("openrouter/llama-8b", env=ENV).label == "llama-8b"  # the packaged entry


def test_a_newer_name_is_found_in_openrouters_list(listed_at, serve):
    server = serve({"GET /v1/models": (200, LIST)})
    listed_at(server.url)
    assert resolve("openrouter/gpt-9", env=ENV).model_id == "openai/gpt-9"
    with pytest.raises(ModelError, match=r"write openrouter/acme/twin or openrouter/other/twin\.$"):
        resolve("openrouter/twin", env=ENV)
    with pytest.raises(ModelError) as caught:
        resolve("openrouter/gpt-99", env=ENV)
    assert str(caught.value) == (
        "--model openrouter/gpt-99: OpenRouter lists no model of that name; did you mean openai/gpt-9? "
        "A full id is written openrouter/MAKER/MODEL."
    )
    assert len(server.seen) == 1  # asked once


def test_an_unknown_name_is_one_sentence_with_close_names(nobody_lists):
    with pytest.raises(ModelError) as caught:
        resolve("openrouter/gpt-4p", env=ENV)
    said = str(caught.value)
    assert said.startswith(
        "--model openrouter/gpt-4p: it is not among the names that this version knows (of 2026-"
    )
    assert "did you mean openai/gpt-4" in said
    assert "\n" not in said
