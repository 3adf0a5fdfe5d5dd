"""One entry of models.yaml: every mistake is one sentence with file, entry, key and what is allowed."""

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.names.entry import CapabilityOverrides, read_entry
from mmlubench.models.spec import Capabilities

WHERE = "models.yaml, entry mine"
MINIMAL = {"model_name": "openai/gpt"}


def read(**keys):
    return read_entry({**MINIMAL, **keys}, WHERE)


def test_the_format_that_others_use_is_read_as_it_is():
    entry = read_entry(
        {
            "model_name": "openai/meta-llama/Llama-3.1-8B-Instruct",
            "model_type": "chat",
            "provider": "vllm",
            "base_url": "http://localhost:8000/v1",
            "api_key_env": "MY_KEY",
            "context_window": 131072,
            "max_output_tokens": 4096,
            "description": "ours",
        },
        WHERE,
    )
    assert (entry.context_window, entry.max_output_tokens, entry.description) == (131072, 4096, "ours")


def test_a_key_with_nothing_behind_it_is_left_open():
    assert read(description=None, price=None, base_url=None).description == ""


def test_our_own_keys_are_read():
    entry = read(
        price={"input_per_mtok": 3, "output_per_mtok": 15},
        capabilities={"temperature": False, "max_tokens": "max_new_tokens"},
        parameters={"temperature": 0.7, "stop": ["\n\n"]},
        rate_limits={"rpm": 50},
        extra_body={"reasoning_effort": "low"},
    )
    assert entry.price.cached_input_per_mtok is None
    assert entry.parameters.given() == {"temperature": 0.7, "stop": ["\n\n"]}
    assert entry.rate_limits.rpm == 50


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"base_url": "http://host/v1/chat/completions"},
            "base_url is 'http://host/v1/chat/completions': it must end before /chat/completions, which is added for",
        ),
        (
            {"ca_file": "ca.pem", "verify": False},
            "ca_file has no meaning with verify: false; leave one of them out.",
        ),
        ({"client_key": "key.pem"}, "client_key is given without the client_cert that it belongs to."),
        ({"verify": "ca.pem"}, "verify is 'ca.pem': give true or false."),
        (
            {"modelname": "x"},
            "unknown key 'modelname'; allowed here: model_name, model_type, provider, base_url",
        ),
        (
            {"price": {}},
            "price.input_per_mtok is missing: give a number of at least 0; also missing: price.output_per_mtok.",
        ),
        (
            {"price": {"input_per_mtok": 1, "output_per_mtok": 1, "usd": 1}},
            "unknown key 'price.usd'; allowed here: input_per_mtok, output_per_mtok, cached_input_per_mtok, cache",
        ),
        (
            {"capabilities": {"logits": True}},
            "unknown key 'capabilities.logits'; allowed here: temperature, max_",
        ),
        (
            {"capabilities": {"seed": 3}},
            "capabilities.seed is 3: give true, false or the name to send it under.",
        ),
        (
            {"parameters": {"temprature": 1}},
            "unknown key 'parameters.temprature'; allowed here: temperature,",
        ),
        (
            {"rate_limits": {"rps": 1}},
            "unknown key 'rate_limits.rps'; allowed here: rpm, tpm; did you mean 'rpm'",
        ),
        ({"price": 3}, "price is 3: give keys and values."),
        ({"context_window": "big"}, "context_window is 'big': give a whole number of at least 1."),
        ({"transport": "pigeon"}, "transport is 'pigeon': give one of sdk, aiohttp."),
        ({"model_name": 7}, "model_name is 7: give a text."),
        ({"max_output_tokens": 0}, "max_output_tokens is 0: give a whole number of at least 1."),
        (
            {"parameters": {"max_tokens": -5}},
            "parameters.max_tokens is -5: give a whole number of at least 1.",
        ),
        (
            {"parameters": {"temperature": -0.1}},
            "parameters.temperature is -0.1: give a number of at least 0.",
        ),
        (
            {"price": {"input_per_mtok": -1, "output_per_mtok": 1}},
            "price.input_per_mtok is -1: give a number of at least 0.",
        ),
        ({"rate_limits": {"tpm": 0}}, "rate_limits.tpm is 0: give a whole number of at least 1."),
        ({"latency_s": -1}, "latency_s is -1: give a number of at least 0."),
        (
            {"base_url": "localhost:8000"},
            "base_url is 'localhost:8000': it must begin with http:// or https://",
        ),
        (
            {"base_url": "ftp://host/v1"},
            "base_url is 'ftp://host/v1': it must begin with http:// or https://",
        ),
        ({"base_url": "http://host:x/v1"}, "base_url is 'http://host:x/v1', which is no valid address;"),
        ({"base_url": "http://"}, "base_url is 'http://': it must begin with"),
        ({"base_url": "http://host/v1?a=1"}, "base_url is 'http://host/v1?…': it must end with its path"),
    ],
)
def test_a_wrong_entry_is_one_sentence_with_file_entry_and_key(keys, sentence):
    with pytest.raises(ModelError) as caught:
        read(**keys)
    assert str(caught.value).startswith(f"{WHERE}: {sentence}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "sentence"), [({}, "model_name is missing."), ([1], "expected the keys model_name, model_type, ")]
)
def test_an_entry_that_is_none_is_said_so(raw, sentence):
    with pytest.raises(ModelError, match=sentence):
        read_entry(raw, WHERE)


@pytest.mark.parametrize(
    "keys",
    [{"api_key_env": "sk-proj-secret"}, {"base_url": "http://me:sk-proj-secret@host/v1"}],
    ids=["key-in-place-of-its-variable", "password-in-address"],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_shown(keys):
    with pytest.raises(ModelError) as caught:
        read(**keys)
    assert "sk-proj-secret" not in str(caught.value)
    assert "variable" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "field"),
    [(None, "max_completion_tokens"), (True, "max_completion_tokens"), (False, None), ("max_new", "max_new")],
)
def test_capabilities_change_what_the_client_takes(said, field):
    base = Capabilities(max_tokens="max_completion_tokens", temperature=None)
    assert CapabilityOverrides(max_tokens=said).over(base).max_tokens == field


def test_a_parameter_that_the_client_does_not_take_can_be_switched_on():
    assert (
        CapabilityOverrides(temperature=True).over(Capabilities(temperature=None)).temperature
        == "temperature"
    )
