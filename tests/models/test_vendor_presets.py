"""Vendors of OpenAI's protocol: to which address a request goes, with which key, and what its body says."""

from __future__ import annotations

from typing import Any

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.names.from_entry import from_name
from mmlubench.models.names.listing import list_models
from mmlubench.models.names.presets import CLIENTS, PRESETS, client_of, is_elsewhere, preset_for
from mmlubench.models.names.resolve import resolve
from mmlubench.schema import Message, Params, Request, Scoring

#: Model, address, variable of the key, and what differs from OpenAI's older protocol in a body.
VENDORS = [
    ("baseten/m", "https://inference.baseten.co/v1", "BASETEN_API_KEY", {}),
    ("cerebras/m", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", {"max_tokens": "max_completion_tokens"}),
    ("deepinfra/org/m", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_TOKEN", {}),
    ("deepseek/deepseek-chat", "https://api.deepseek.com", "DEEPSEEK_API_KEY", {"seed": None}),
    ("fireworks/accounts/f/m", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", {}),
    (
        "gemini/gemini-3.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        {"seed": None},
    ),
    ("groq/m", "https://api.groq.com/openai/v1", "GROQ_API_KEY", {"max_tokens": "max_completion_tokens"}),
    ("huggingface/org/m", "https://router.huggingface.co/v1", "HF_TOKEN", {}),
    ("mistral/m", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", {"seed": "random_seed"}),
    ("nebius/org/m", "https://api.tokenfactory.nebius.com/v1", "NEBIUS_API_KEY", {}),
    ("nvidia/org/m", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", {}),
    ("sambanova/m", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", {}),
    ("together/org/m", "https://api.together.ai/v1", "TOGETHER_API_KEY", {}),
    ("xai/grok-3", "https://api.x.ai/v1", "XAI_API_KEY", {"max_tokens": "max_completion_tokens"}),
]
PARAMS = Params(temperature=0.0, max_tokens=64, top_p=1.0, seed=7, stop=("\n\n",))


async def body_of(spec, canned, payload, params=PARAMS):
    transport = canned(payload)
    model = OpenAICompatible(spec, transport=transport)
    completion = await model.generate(Request("q/1", (Message("user", "Which letter?"),), params))
    ((path, body),) = transport.posted
    assert path == "/chat/completions"
    return body, completion


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "url", "variable", "other"), VENDORS, ids=lambda v: str(v)[:20])
async def test_a_vendor_is_sent_a_body_that_it_takes(name, url, variable, other, canned, chat_payload):
    spec = resolve(name, env={variable: "k"})
    assert (spec.base_url, spec.api_key_env, spec.self_hosted) == (url, variable, False)
    body, completion = await body_of(spec, canned, chat_payload)
    usual = {"temperature": 0.0, "max_tokens": 64, "top_p": 1.0, "seed": 7, "stop": ["\n\n"]}
    expected: dict[str, Any] = {
        other.get(field, field): value for field, value in usual.items() if other.get(field, field)
    }
    messages = [{"role": "user", "content": "Which letter?"}]
    assert body == {"model": name.partition("/")[2], "messages": messages, **expected}
    assert completion.text == "B"


def test_the_table_above_has_every_vendor_of_the_protocol():
    special = {"openai", "anthropic", "openrouter", "responses"}
    hosted = {name for name, preset in PRESETS.items() if preset.api_key_env}
    assert {name.partition("/")[0] for name, *_ in VENDORS} == hosted - special


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("together/org/m", {"logprobs": 20}),  # a number, and no top_logprobs
        ("fireworks/m", {"logprobs": True, "top_logprobs": 5}),
        ("huggingface/org/m", {"logprobs": True, "top_logprobs": 5}),
        ("xai/grok-3", {"logprobs": True, "top_logprobs": 8}),
        ("deepseek/deepseek-chat", {"logprobs": True, "top_logprobs": 20}),
        ("cerebras/m", {"logprobs": True, "top_logprobs": 20}),
    ],
)
async def test_log_probabilities_are_asked_for_as_the_vendor_has_it(name, asked, canned, chat_payload):
    spec = from_name(name)
    chat_payload["choices"][0]["logprobs"] = {
        "tokens": ["B"],
        "token_logprobs": [-0.1],
        "top_logprobs": [{"B": -0.1, "A": -3.0}],
    }
    params = Params(max_tokens=1, logprobs=spec.features.top_logprobs)
    body, completion = await body_of(spec, canned, chat_payload, params)
    assert {field: value for field, value in body.items() if "logprobs" in field} == asked
    assert completion.logprobs == (("B", -0.1), ("A", -3.0))


@pytest.mark.parametrize("client", ["groq", "mistral", "gemini", "sambanova"])
def test_a_vendor_without_log_probabilities_is_not_asked_for_them(client):
    assert from_name(f"{client}/m").scorings == ()


def test_deepseeks_reasoner_has_no_temperature_and_no_log_probabilities():
    reasoner, chat = from_name("deepseek/deepseek-reasoner"), from_name("deepseek/deepseek-chat")
    assert (reasoner.capabilities.temperature, reasoner.scorings) == (None, ())
    assert (chat.capabilities.temperature, chat.scorings) == ("temperature", (Scoring.CHAT,))


@pytest.mark.parametrize(
    ("model", "takes"), [("grok-4.5", False), ("grok-3-mini", False), ("grok-4-fast-non-reasoning", True)]
)
def test_groks_that_reason_refuse_stop(model, takes):
    assert bool(from_name(f"xai/{model}").capabilities.stop) is takes


# --- keys and addresses


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("deepinfra/m", "DEEPINFRA_API_KEY"),
        ("gemini/m", "GOOGLE_API_KEY"),
        ("together/m", "TOGETHER_AI_API_KEY"),
        ("huggingface/o/m", "HUGGING_FACE_HUB_TOKEN"),
        ("nvidia/m", "NVIDIA_NIM_API_KEY"),
    ],
)
def test_a_key_is_found_under_its_other_name(name, variable):
    assert resolve(name, env={variable: "k"}).client == name.partition("/")[0]


def test_a_missing_key_is_named_by_its_own_name():
    with pytest.raises(ModelError, match=r"deepinfra/m: DEEPINFRA_TOKEN is not set"):
        resolve("deepinfra/m", env={})


@pytest.mark.parametrize("url", ["https://api.together.xyz/v1", "https://api.together.ai/v1"])
def test_both_addresses_of_together_are_together(url):
    assert client_of("openai/org/m", None, url) == ("together", "org/m")
    assert preset_for("together", url).api_key_env == "TOGETHER_API_KEY"


@pytest.mark.parametrize("client", [name for name, preset in PRESETS.items() if preset.api_key_env])
def test_no_vendors_key_goes_to_another_address(client):
    assert preset_for(client, "http://localhost:9000/v1").api_key_env is None
    assert is_elsewhere(client, "https://evil.example/v1")


@pytest.mark.parametrize(
    ("model_name", "provider", "base_url", "expected"),
    [
        ("openai/org/m", "Together AI", None, ("together", "org/m")),
        ("openai/m", "Groq", None, ("groq", "m")),
        ("openai/m", None, "https://api.deepinfra.com/v1/openai", ("deepinfra", "m")),
        # Here the provider is the maker of a model on a server of one's own.
        ("openai/mistralai/Mistral-7B", "mistral", "http://h/v1", ("openai", "mistralai/Mistral-7B")),
        ("openai/nvidia/Nemotron", "NVIDIA", "http://h:8000/v1", ("openai", "nvidia/Nemotron")),
        ("openai/m", "lambda", "http://h:8000/v1", ("openai", "m")),
        ("openai/m", "vLLM", "http://h:8000/v1", ("vllm", "m")),
    ],
)
def test_a_vendor_under_provider_counts_at_its_own_address_only(model_name, provider, base_url, expected):
    assert client_of(model_name, provider, base_url) == expected


# --- LM Studio


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "http://localhost:1234/v1"),
        ("http://box:5000/v1", "http://box:5000/v1"),
        ("http://box:5000/v1/", "http://box:5000/v1"),
        ("http://box:5000", "http://box:5000/v1"),
        ("http://box:5000/", "http://box:5000/v1"),
        ("box:5000", "http://box:5000/v1"),
        ("https://box/studio/v1", "https://box/studio/v1"),
    ],
)
@pytest.mark.parametrize("name", ["lmstudio", "lmstudio/my-model"])
def test_lm_studio_is_where_its_variable_says_with_or_without_v1(name, given, url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = resolve(name, env={"LMSTUDIO_ENDPOINT": given})
    assert (spec.base_url, spec.api_key_env, spec.self_hosted) == (url, None, True)
    listed = {row.name: row.key for row in list_models(env={"LMSTUDIO_ENDPOINT": given})}
    assert listed["lmstudio"] == "not needed"


def test_lm_studios_key_is_sent_if_there_is_one_but_to_no_server_that_was_named_apart():
    env = {"LMSTUDIO_API_KEY": "k", "LMSTUDIO_ENDPOINT": "http://box:5000"}
    assert resolve("lmstudio/m", env=env).api_key_env == "LMSTUDIO_API_KEY"
    named = resolve("lmstudio/m@http://other:1/v1", env=env)
    assert (named.base_url, named.api_key_env) == ("http://other:1/v1", None)


def test_an_address_of_lm_studio_that_is_none_is_one_sentence():
    with pytest.raises(ModelError, match=r"^LMSTUDIO_ENDPOINT: it is 'ftp://box/x': it must begin with http"):
        resolve("lmstudio/m", env={"LMSTUDIO_ENDPOINT": "ftp://box/x"})


def test_servers_of_ones_own_have_their_usual_ports():
    assert {name: CLIENTS.find(name).base_url for name in ("ollama", "sglang", "lmstudio")} == {
        "ollama": "http://localhost:11434/v1",
        "sglang": "http://localhost:30000/v1",
        "lmstudio": "http://localhost:1234/v1",
    }
