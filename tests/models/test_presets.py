"""What is known of each client: addresses, names of parameters, and who is a server of one's own."""

import pytest

from mmlubench.models.features import UNKNOWN
from mmlubench.models.names.files import Found
from mmlubench.models.names.from_entry import from_entry
from mmlubench.models.names.presets import (
    CLIENTS,
    OPENAI_PROTOCOL,
    PRESETS,
    capabilities_for,
    client_of,
    is_elsewhere,
    preset_for,
)
from mmlubench.schema import Scoring


@pytest.mark.parametrize(
    ("model_name", "provider", "base_url", "expected"),
    [
        ("openai/gpt-5.5", None, None, ("openai", "gpt-5.5")),
        ("openai/meta-llama/Llama-3.1-8B", None, "http://h/v1", ("openai", "meta-llama/Llama-3.1-8B")),
        ("openai/meta-llama/Llama-3.1-8B", "vLLM", None, ("vllm", "meta-llama/Llama-3.1-8B")),
        ("openai/local", "LM Studio", None, ("lmstudio", "local")),
        ("openai/local", "llama.cpp", None, ("llamacpp", "local")),
        ("openai/x/y", None, "https://openrouter.ai/api/v1", ("openrouter", "x/y")),
        ("openai/gpt-5.5", "OpenAI", None, ("openai", "gpt-5.5")),
        ("openai/gpt-5.5", "Azure", "https://h/v1", ("openai", "gpt-5.5")),
        ("anthropic/claude-sonnet-5-5", "Anthropic", None, ("anthropic", "claude-sonnet-5-5")),
        ("openrouter/anthropic/claude", "anthropic", None, ("openrouter", "anthropic/claude")),
        ("meta-llama/Llama-3.1-8B", "vllm", None, ("vllm", "meta-llama/Llama-3.1-8B")),
        ("openai/anything", "mock", None, ("mock", "anything")),
        ("anything", "mock", None, ("mock", "anything")),
        ("mock/sample", None, None, ("mock", "sample")),
        ("meta-llama/Llama", "somebody", None, ("meta-llama", "Llama")),
        ("llama", None, None, ("llama", "")),
    ],
)
def test_the_first_part_of_a_model_name_names_the_client(model_name, provider, base_url, expected):
    assert client_of(model_name, provider, base_url) == expected


def test_a_vendor_at_home_is_spoken_to_by_its_sdk_with_its_key():
    for client, variable in [
        ("openai", "OPENAI_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
    ]:
        preset = preset_for(client, PRESETS[client].base_url)
        assert (preset.transport, preset.api_key_env) == ("sdk", variable)


def test_a_regional_address_of_a_vendor_is_still_the_vendor():
    assert not is_elsewhere("openai", "https://eu.api.openai.com/v1")
    assert is_elsewhere("openai", "https://api.openai.com.evil.example/v1")


@pytest.mark.parametrize("client", ["openai", "openrouter", "anthropic", "vllm"])
def test_a_vendors_key_is_not_sent_to_another_address(client):
    assert preset_for(client, "http://localhost:9000/v1").api_key_env is None


def test_openai_elsewhere_gets_the_old_name_of_the_token_limit_by_aiohttp():
    preset = preset_for("openai", "http://localhost:9000/v1")
    assert (preset.capabilities.max_tokens, preset.transport) == ("max_tokens", "aiohttp")
    assert PRESETS["openai"].capabilities.max_tokens == "max_completion_tokens"


def test_anthropic_elsewhere_keeps_its_sdk():
    assert preset_for("anthropic", "http://localhost:8080").transport == "sdk"


def taken(client, model_id, base_url=None):
    capabilities = capabilities_for(model_id, preset_for(client, base_url))
    return {name for name in ("temperature", "top_p", "seed", "stop") if getattr(capabilities, name)}


@pytest.mark.parametrize("model_id", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.5", "gpt-6-sol"])
def test_reasoning_models_are_not_sent_what_they_refuse(model_id):
    # Sending temperature to them ends every single request with a 400.
    assert taken("openai", model_id) == {"seed"}
    assert taken("openrouter", "openai/" + model_id) == {"seed"}


@pytest.mark.parametrize(
    ("model", "off"),
    [
        ("openai/gpt-5.5", {"reasoning_effort": "none"}),
        ("responses/gpt-5.5", {"reasoning": {"effort": "none"}}),
    ],
)
def test_without_reasoning_they_take_a_temperature_and_tell_log_probabilities(model, off, tmp_path):
    def spec(body):
        entry = {"model_name": model, "extra_body": body}
        return from_entry(Found("m", entry, tmp_path / "models.yaml"))

    assert (spec(off).capabilities.temperature, spec(off).scorings) == ("temperature", (Scoring.CHAT,))
    low = spec({"reasoning_effort": "low"})
    assert (low.capabilities.temperature, low.scorings) == (None, ())


@pytest.mark.parametrize("model_id", ["gpt-4.1", "gpt-4o-mini", "gpt-5-chat-latest", "gpt-3.5-turbo"])
def test_other_models_of_openai_take_a_temperature(model_id):
    assert taken("openai", model_id) == {"temperature", "top_p", "seed", "stop"}


def test_a_model_of_that_name_on_ones_own_server_takes_everything():
    assert "temperature" in taken("openai", "gpt-5-clone", "http://localhost:9000/v1")


@pytest.mark.parametrize(
    ("model_id", "takes"),
    [
        ("anthropic/claude-sonnet-5", False),
        ("anthropic/claude-opus-4.7", False),
        ("anthropic/claude-opus-4.5", True),
        ("anthropic/claude-3.5-sonnet", True),
        ("meta-llama/llama-3.1-8b-instruct", True),
    ],
)
def test_newer_claudes_take_no_temperature_through_openrouter_either(model_id, takes):
    assert ("temperature" in taken("openrouter", model_id)) is takes


def test_anthropics_own_api_takes_no_sampling_parameters():
    assert taken("anthropic", "claude-sonnet-4-5") == {"stop"}


def test_a_protocol_of_its_own_says_what_it_can_do():
    # Taken for one that continues raw texts, it would be sent an empty conversation, and its answers would be graded.
    own = {name: preset for name, preset in PRESETS.items() if preset.opens != OPENAI_PROTOCOL}
    assert [name for name, preset in own.items() if preset.features is UNKNOWN] == []


def test_every_client_is_known_and_a_strangers_is_not():
    assert set(PRESETS) <= set(CLIENTS.names())
    assert "vllm" in CLIENTS
    assert "nobody" not in CLIENTS
